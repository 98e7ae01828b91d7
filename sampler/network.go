package sampler

import "context"

// At says where along a walk a network is called, and on which samples.
type At struct {
	Step  int     // solver step, from 0
	T     float64 // the state's time
	Input float64 // the number that the network is fed for its time
	Scale float64 // what the state is multiplied by before the network sees it
	First int     // sample number of the chunk's first row
	N     int     // samples in the chunk

	Varied bool // the second prediction is a [LearnedVariance], which guidance leaves that of the conditional half

	// The data prediction is z = DataX x + DataP p. Set only where the plan clips or has a threshold.
	DataX, DataP float64

	// Where the data z are known, the prediction is KnownX x + KnownZ z. Set only in a plan of Settings.Known.
	KnownX, KnownZ float64
}

// Network predicts at a chunk of n samples: x and dst are [n, dim], row after row. Under a plan with a second prediction
// dst is twice as long as x: [n, dim] of the first, then [n, dim] of the second. It may not change or keep x.
// A network belongs to one goroutine at a time.
type Network interface {
	Predict(ctx context.Context, dst, x []float32, at At) error
}

// Conditional is a network that also has an unconditional half. PredictBoth gives both halves at one state, in one
// call where it can; Predict is the conditional half alone.
type Conditional interface {
	Network
	PredictBoth(ctx context.Context, cond, uncond, x []float32, at At) error
}

// Func makes a Go closure a network: an exact field, or a model that lives elsewhere.
type Func func(dst, x []float32, at At)

// Predict calls f.
func (f Func) Predict(_ context.Context, dst, x []float32, at At) error {
	f(dst, x, at)
	return nil
}

// FuncPair is a pair of closures, the two halves of guidance.
type FuncPair struct{ Cond, Uncond Func }

// Predict calls the conditional half.
func (f FuncPair) Predict(_ context.Context, dst, x []float32, at At) error {
	f.Cond(dst, x, at)
	return nil
}

// PredictBoth calls one half after the other.
func (f FuncPair) PredictBoth(_ context.Context, cond, uncond, x []float32, at At) error {
	f.Cond(cond, x, at)
	f.Uncond(uncond, x, at)
	return nil
}
