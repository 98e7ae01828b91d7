package train

import (
	"time"

	"odeon/models"
	"odeon/onnx"
	"odeon/train/data"
	"odeon/train/nn"
	"odeon/train/objective"
)

// Settings say what is trained, on what, and how. Only Data has to be given; the zero value of every other field is the
// choice that its comment names.
type Settings struct {
	Data data.Set // what to train on; closed by its owner

	// Net is the network. Nil: one that nn.ParseNet chooses by the data, see [Describe].
	Net nn.Net
	// From is a network to go on from in place of Net: one that Odeon wrote, or any ONNX network whose operators are known. What it
	// predicts, along which path and how it is told the time are its card's.
	From *models.Resolved

	// Objective is what is learned; the zero value is the velocity along the straight path. Its DropLabel is 0.1 where it is 0 and there
	// are classes; negative: none.
	Objective objective.Objective
	Seed      uint64 // of the weights, the order of the data, the noise and the times

	Steps int           // 5000 for points, else 10000; as many as fit where Limit is set
	Limit time.Duration // stop after so long; the rate's schedule is fitted to it. 0: no limit
	Batch int           // samples in a step: 1024 points, else 64

	Optimizer string  // "adam", "adamw", "lion" or "sgd", see [ParseOptimizer]. "": adam
	Rate      float64 // the greatest rate. 0: the optimizer's, see [Optimizer]
	Schedule  string  // of the rate, see [ParseSchedule]. "": "cosine"
	ClipNorm  float64 // the greatest norm of a gradient. 0: 1; negative: none
	EMA       float64 // decay of the averaged weights, which are what is written. 0: 0.999; negative: no average

	Accumulate int // parts of a batch that are computed one after the other, to save memory. 0: 1
	Workers    int // sessions that share a batch, and the threads, side by side. 0: on a CPU one for each thread, up to 8; else 1

	Runtime  *onnx.Runtime       // ONNX Runtime; not needed where Session.Provider is "go"
	Session  onnx.SessionOptions // Provider, ProviderOptions and Threads; Workers is filled in
	Float16  bool                // write weights of 256 numbers or more in float16
	Out      string              // the file to write; "": none
	Metadata models.Card         // Name, Description, License, Source and Sampling of the card

	Checkpoints string  // folder of checkpoints; "": none
	Every       int     // steps from one checkpoint to the next. 0: a twentieth of the run, at most 1000
	Resume      bool    // go on from the newest sound checkpoint
	Validation  float64 // share of the data that is held out to measure the loss on. 0: none
	Preview     int     // steps from one Progress.Network to the next. 0: none
	Metrics     string  // file of JSON lines; "": none

	Observer Observer // nil: nobody
}

// An Observer is told how a run goes. It is called between steps, which wait for it; an error of Step ends the run.
type Observer interface {
	Start(*Facts)
	Step(*Progress) error
}

// Facts are what is known of a run before its first step.
type Facts struct {
	Network    string // as nn.ParseNet reads it back, or the file that it is from
	Parameters int
	Provider   string
	Batch      int
	Workers    int
	Rate       float64       // the greatest
	Steps      int           // 0: as many as fit into Limit
	Limit      time.Duration // 0: none
	Resumed    int           // the step of the checkpoint from which the run goes on; 0: a new run
	Memory     float64       // bytes that the run needs at the least
	Notes      []string      // what the user may want to know: a damaged checkpoint, another provider
}

// Progress is where a run stands after a step. It must not be kept.
type Progress struct {
	Step     int           // steps done, from 1
	Steps    int           // 0: as many as fit into the time limit
	Fraction float64       // of the run, 0 to 1
	Elapsed  time.Duration // of the run, the time before a resumption included
	Left     time.Duration // until the end, as far as one can tell; negative: not known

	Loss             float64 // of this step
	Smooth           float64 // mean of the losses of late
	Rate             float64
	GradientNorm     float64 // before it was clipped
	SamplesPerSecond float64 // of late

	Validation *Validation // made after this step; nil: none
	Checkpoint string      // the file that is written of this step, once the observer has seen it; "": none
	Network    []byte      // an ONNX file of the network so far, its card inside; nil: not now

	Curve       []CurvePoint // of the run so far
	Validations []Validation // of the run so far
}

// Validation is the loss of the averaged weights on data held out.
type Validation struct {
	Step    int      `json:"step"`
	Loss    float64  `json:"loss"`
	Buckets []Bucket `json:"buckets"` // by time, from noise to data
}

// Bucket is the loss at times between From and To: the mean over those of the samples whose time lay there.
type Bucket struct {
	From    float64 `json:"from"`
	To      float64 `json:"to"`
	Samples int     `json:"samples"`
	Loss    float64 `json:"loss"`
}

// Result is what a run leaves.
type Result struct {
	Network     string
	Parameters  int
	Steps       int // all of them, those before a resumption included
	Elapsed     time.Duration
	Loss        float64      // mean of the losses of the last steps
	Validations []Validation // nil: none
	Curve       []CurvePoint
	Out         string   // the file written; "": none
	Notes       []string // what the user may want to know, such as weights that do not fit float16
}
