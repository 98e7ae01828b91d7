// Package models is what a network means: which of a graph's inputs is the state, which number tells it the time, what
// its output predicts and along which path, how its samples are to be seen.
//
// An ONNX file says how to compute and a [Card] says what for. The way from a word on the command line to a network that
// the sampler can call is
//
//	model, err := models.Open("digits.onnx", overrides...)  // open.go: the file, its graph (onnx.Info), its cards, merged
//	r := models.Resolve(model, sets...)                     // resolve.go: every role filled from graph and card, or a Problem
//	session, err := r.NewSession(runtime, options)          // the graph, loaded, in ONNX Runtime, or in Go
//	net, err := models.NewNetwork(r, session, run)          // network.go: a sampler.Conditional, one a worker
//
// Up to [Resolve] nothing needs ONNX Runtime, so that info and plan work without it. A [Session] (session.go) is of ONNX
// Runtime or, with the provider [Go], an [Interpreted] (interpreted.go), and caller.go runs either on as many samples as it is
// given. A network that gives two predictions in one call has a [Second] (predictions.go); [Resolved.For] leaves it out where
// a plan does not read it.
//
// # Cards
//
// card.go has the fields, strict.go and fields.go read them (unknown field, wrong type, duplicate key: an error that says
// what was expected), set.go takes them as flags write them, sampling.go holds a card's defaults for the flags of sample,
// and merge.go lays cards over each other, field by field: the one inside the ONNX file, the one beside it, --card, the
// flags.
//
// predictions.go, labels.go, layout.go, extras.go and decoder.go have what single fields mean; embedded.go has the models that the program
// carries: one that was trained, of which README.md tells, and those that package mixtures makes.
//
// # diffusers folders
//
// pipeline.go finds the parts of a folder with a model_index.json, pipelinecard.go makes a card of their configs, and folder.go reads such a
// folder as a stranger's. Path and prediction are the layer that the scheduler makes (scheduler.go, package diffusers), and one given on the
// command line takes its place as a whole.
//
// # Roles
//
// What the graph says is read from the graph, and a field of the card is needed only where the graph leaves a choice.
// [Resolve] never picks one of several: it asks, naming the field, the flag and the candidates. What it could tell only
// by the name or the look of a thing (that [n, 28, 28, 3] is a picture, channels last) it reports in Resolved.Guesses.
package models
