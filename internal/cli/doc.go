// Package cli is Odeon's command line: a thin skin over the library, one file a command.
//
// sample.go shows from top to bottom what the program is: the card gives path and prediction, these a plan, the plan runs,
// its samples become files. What it calls, in this order:
//
//	args.go flags.go values.go      the words: flags in any place, laid over the defaults of the card's "sampling"
//	model.go walk.go request.go     the words of the card, of the walk, of the rest
//	guide.go edit.go solverwords.go the words of guidance, of data to begin in, of a solver's own settings
//	scheduler.go                    a diffusers scheduler in place of the card's path and of the walk
//	rng.go                          which generator draws the normals
//	plan.go saved.go adaptive.go    the plan: made, read from a file, or found on the way
//	start.go given.go mask.go       the first states and the normals; given data, and which parts of them stay
//	split.go memory.go engine.go    workers and chunks; the network, loaded for each worker
//	outputs.go archive.go chunks.go the files, and what happens to a chunk of samples on its way into them
//	progress.go screen.go report.go what is seen meanwhile, and told at the end
//
// train.go makes networks, and shows from top to bottom how:
//
//	trainflags.go trainwords.go         the words, read before any file is opened
//	trainwatch.go trainbar.go           what is seen while the run takes its steps
//	trainpreview.go trainpictures.go    samples of the network so far, and of the finished one
//	trainreport.go                      what is told at the end, what was chosen among it
//
// convert.go and compile.go write other ONNX files from the same words, by package rewrite; fit.go fits a plan to a network. info.go,
// list.go, solvers.go, runtime.go and version.go tell of networks, of the embedded ones, of solvers, of ONNX Runtime and of Odeon; app.go puts the commands together, and
// help.go prints what they are for.
//
// What a person reads on failure is one message: what was found, what was expected, what mends it. Exit codes: 0
// done; 2 the command line alone is wrong ([usageError]); 130 interrupted; 1 anything else.
package cli
