// Package schedule holds what the noise does: paths from noise to data, what networks predict along them, and the times at
// which a walk stops. It knows no network and no file; everything is float64 arithmetic.
//
// # Notation
//
// t runs from 0 (noise) to 1 (data). z is data, eps is standard normal noise. A [Path] makes of them the state
//
//	x_t = alpha_t z + beta_t eps,   that is p_t(x|z) = N(alpha_t z, beta_t^2 I).
//
// The noise level of the EDM papers is sigma = beta/alpha, and logsnr is log(alpha^2/beta^2). The betas of the diffusion literature
// are always called betas; they are not beta.
//
// # The way through
//
// A path is two formulas of t ([Continuous]: [CondOT], [Cosine], [VP], [Polynomial], [VE], [EDM], [NewPath]) or a table of trained
// steps ([Discrete], [Betas]). [ParsePath] and [PathFromJSON] read either. [Path.At] gives alpha, beta and their exact
// derivatives at a time as a [Point]. A [Formula] knows its value, its symbolic derivative, its text and its tree.
//
// A network predicts a linear functional a z + b eps, a [Prediction]:
//
//	prediction         a         b
//	data               1         0
//	noise              0         1
//	score              0         -1/beta
//	velocity           alpha'    beta'
//	v                  -beta     alpha
//	reverse-velocity   -alpha'   -beta'
//
// Since x = alpha z + beta eps is known too, two functionals determine z and eps, and so every other functional: [Convert] is
// one 2x2 solve, for every pair and every path. At the ends of a path, where it may be 0/0, it is the limit, or an
// [ImpossibleError] where there is none.
//
// A walk from noise to data follows the ODE dX = u dt, u the velocity, or the SDE dX = [u + sigma^2/2 score] dt + sigma dW for any
// diffusion coefficient sigma_t, a [Diffusion] (not to be confused with the noise level). It stops at the times of a
// [Grid]: [Uniform], [Quadratic], [Shift], [Dynamic], [LogSNR], [PolyExponential], [Karras],
// [Beta], [List], [Sigmas], or the trained steps as diffusers spaces them ([Leading], [Trailing],
// [Linspace]).
package schedule
