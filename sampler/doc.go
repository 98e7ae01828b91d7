// Package sampler walks states from noise to data along a learned field.
//
// Time t runs from 0 (noise) to 1 (data). A sampler is a table: every step of every fixed-grid solver is linear in what
// is known when it is taken,
//
//	x' = A x + A0 x_base + sum_j B_j p_j + sum_j S_j q_j + C xi + C1 xi_1
//
// with x the state, x_base a state kept from an earlier row, p_j the network's predictions, newest first, q_j the second
// ones of the same calls where a network gives two (velocity and score, say), xi fresh standard normal noise and xi_1 that
// drawn before it ([Row] has all columns). The way through the package is the way through a walk:
//
//	plan, err := sampler.NewPlan(model, sampler.Settings{})      // problem.go: path, prediction, grid, sigma -> rows
//	x := sampler.NewState(make([]float32, n*dim), n, 0)          // run.go: n samples and the walk's buffers
//	err = x.Draw(plan, noise)                                    // noise.go: normals that belong to the sample
//	err = sampler.Run(ctx, plan, net, x, noise, nil)             // run.go: the one loop
//
// A [Solver] writes rows and does nothing else: tableau.go has Butcher's tables and their orders, rungekutta.go the methods that are one,
// maruyama.go the drift of the SDE, ddim.go the steps that go through the predicted data and noise, langevin.go plans whose field does not
// move. form.go writes the walk as an integral of the data prediction, the noise or the velocity, whichever a solver approximates, for any
// path and diffusion coefficient; multistep.go and singlestep.go are the two ways to do so, and adams.go, dpm.go and kdiffusion.go the methods of the
// literature as values of these. consistency.go and corrector.go are solvers for special networks and fields, last.go the ways to take
// the last step (learned.go and pace.go have noise and steps whose size the network or the state says), and [Solver.About] is what one reads before choosing. Settings.Nodes walks another program's schedule as it is
// (latechurn.go and departures.go are diffusers' own forms of steps), and [Adaptive] finds its steps by a tolerance. given.go,
// inversion.go and resample.go let a walk begin in data, go to noise and back, and take steps again. What the network
// predicts never matters to a solver: velocity, score, data and noise are linear functionals of one another
// ([schedule.Convert]). [Plan.Print] shows a plan, [ReadPlan] reads one back.
//
// Noise is [Philox], a pure function of the sample and the draw, which has uniform numbers too ([Philox.Uniforms], for package train).
// Package torchrand has PyTorch's random numbers in its place: their draws depend on those before, so that they are a [Walker], which a
// walk asks in order.
//
// A [Network] is an interface with one method. [Guide], [Clip], [Inpaint] and [ThereAndBack] wrap one; [Spread] makes one of several, and
// [Func] one of a closure, as the tests do with the exact field of a Gaussian mixture. guidance.go leads away from a network's
// unconditional half or, by [Autoguided], from a weaker network; a [Form] says in which direction (zerostar.go, perpendicular.go). A [Job]
// walks many samples in chunks, side by side.
//
// Package fit makes plans of few calls for one network, by coefficients that follow a fine walk of it. [Plan.Suits] says whether a
// plan that was read back was made for the network at hand.
//
// Plans are float64; the walk is float32, with every product rounded before it is added, so that a sample has the same
// bits on every machine, whatever the size of its chunk.
package sampler
