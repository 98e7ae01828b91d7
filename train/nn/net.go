package nn

import (
	"fmt"

	"odeon/graph"
)

// Inputs are what a network is fed.
type Inputs struct {
	State *graph.Value // [batch, shape...]
	Time  *graph.Value // [batch]
	Label *graph.Value // [batch] int64; nil: without classes
}

// A Net makes of its inputs what is predicted: Forward adds itself to a graph. String is what ParseNet reads back.
type Net interface {
	Forward(b *Builder, in Inputs) *graph.Value
	String() string
}

// classify adds the rows of the labels to x [batch, width]: row 0 to Classes-1 of a class, row Classes of none.
func (b *Builder) classify(d Data, x *graph.Value, in Inputs, scheme Scheme) *graph.Value {
	if d.Classes == 0 {
		return x
	}
	if in.Label == nil {
		panic(fmt.Sprintf("nn: the network has %d classes, but no label is given", d.Classes))
	}
	return b.Add(x, b.Embedding("label", in.Label, d.Classes+1, x.Shape[1], scheme))
}

// condition is Linear(SiLU(Linear(TimeEmbedding(t)))) plus the label's row, [batch, out].
func (b *Builder) condition(d Data, in Inputs, width, out int, scheme ...Scheme) *graph.Value {
	c := b.Linear("time.0", b.TimeEmbedding(in.Time, width), out, scheme...)
	c = b.Linear("time.1", b.SiLU(c), out, scheme...)
	return b.classify(d, c, in, Small)
}
