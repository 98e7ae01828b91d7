// Package objective says what a network is trained on: it turns data into the batches of a regression.
//
// With data z, noise eps ~ N(0, I) and a time t, the network is fed the state
//
//	x_t = alpha_t z + beta_t eps
//
// (times the card's scale) and a number that stands for t, and is asked for a target, a linear functional a z + b eps of the two
// (see [schedule.Prediction]): the velocity alpha' z + beta' eps, the score -eps/beta, the noise, the data. Its square error
// is smallest for the conditional mean E[a z + b eps | x_t], which is what a sampler needs (Lipman et al. 2023,
// https://arxiv.org/abs/2210.02747, theorem 2), whatever the weight w(t) > 0, the law of t and, for the marginals, the coupling of z
// and eps. These three say how the error is spread where the network cannot be perfect, and how noisy its gradient is.
//
// # The way through
//
//   - An [Objective] (objective.go) is those choices as data; its zero value is conditional flow matching on the straight path.
//   - terms.go evaluates it at one time, span.go finds the times at which it exists.
//   - [Weight] (weight.go), [Times] (times.go) and [Coupling] (coupling.go; couple.go with assign.go and sinkhorn.go) are the three
//     choices; each has its parser for the command line (parse.go has what they share).
//   - A [Batch] (batch.go) is filled for one step. It is a pure function of (seed, step, data, labels): a run that is
//     stopped and resumed sees the same batches, and so does any number of workers that share one.
//   - [Scaling] (scaling.go, formula.go) standardises badly scaled data inside the network's graph.
//   - card.go writes what was chosen into the card.
package objective
