// Package train makes networks: from data to an ONNX file that samples.
//
// A network f is trained on a regression (see package objective): states x_t = alpha_t z + beta_t eps of data z and noise eps go in, and
// a functional a z + b eps of the two, such as the velocity, is what is asked for. Its loss is
//
//	sum over samples i of weight_i |f(x_i, t_i) - target_i|^2.
//
// # The way through
//
//   - [Settings] (settings.go) say what is wanted; run.go makes every choice that they leave open, with its reasons, and [Run]
//     (train.go) is the loop: a batch, its gradient, an update, and what is due after a step.
//   - step.go is the training step: forward, loss and backward as a graph, which executors of ONNX Runtime or of Go run, then clip, update
//     and average. loss.go makes the graph, optimizer.go has the optimizers ([Adam], [AdamW], [Lion], [SGD]; Adam is there once more, four
//     weights at a time, in adam_amd64.s), schedule.go the rate, vectors.go the arrays that all of it works on.
//   - network.go is a network made of layers (package nn), tuned.go one that a file brings; both become a graph to train on, and a file
//     with a card in the end (model.go), beside which the decoder is put that a network brings (models.Decoding.Beside). ranged.go brings
//     data into the range of values that such a network is used to.
//   - batch.go has batches made ahead of the steps. Everything random in a step is a function of the seed and the step's number: the
//     samples (data.Order), the noise, the times, the dropped labels.
//   - So little is a run's state: the weights, the optimizer's moments, the average, the step, the time spent. checkpoint.go writes it, and
//     a run that goes on from there is, bit for bit, the run that was never stopped.
//   - validate.go measures the loss on data held out, by time; history.go keeps the curve, metrics.go the file of it, pace.go the speed;
//     watch.go ends a run that has come to nothing, memory.go refuses one that cannot be.
//
// # Sharing
//
// A batch may be computed in parts one after the other (Settings.Accumulate), which saves memory, and by several workers side by side
// (Settings.Workers). Losses carry the division by the size of the whole batch, so that gradients of parts add up: the network is the
// same whatever the sharing, but for the rounding of sums.
package train
