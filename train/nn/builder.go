package nn

import (
	"fmt"

	"odeon/graph"
)

// A Builder is a graph to which layers are added. Layers are methods: each takes a value, adds operators and parameters, and
// returns the result. Some have the name of an operator of the graph (Conv), which is then b.Graph.Conv.
type Builder struct {
	*graph.Graph
	Inits []Init // how each of Graph.Parameters begins

	names map[string]bool
}

// NewBuilder adds to a graph that has no parameters yet.
func NewBuilder(g *graph.Graph) *Builder { return &Builder{Graph: g} }

// Parameter adds a trained array. Two parameters of one name are a panic.
func (b *Builder) Parameter(name string, init Init, shape ...int) *graph.Value {
	if b.names[name] {
		panic(fmt.Sprintf("nn: two parameters named %q", name))
	}
	if b.names == nil {
		b.names = map[string]bool{}
	}
	b.names[name] = true
	b.Inits = append(b.Inits, init)
	return b.Graph.Parameter(name, shape)
}

// weightAndBias are the parameters of an affine layer. Without a scheme both begin as PyTorch's do; with one, the weight begins
// as it says and the bias with zeros.
func (b *Builder) weightAndBias(name string, scheme []Scheme, fanIn, fanOut, out int, shape ...int) (weight, bias *graph.Value) {
	of, ofBias := Torch(fanIn, fanOut), Torch(fanIn, fanOut)
	if len(scheme) > 0 {
		of, ofBias = scheme[0](fanIn, fanOut), Init{}
	}
	return b.Parameter(name+".weight", of, shape...), b.Parameter(name+".bias", ofBias, out)
}

// ParameterCount is the number of trained numbers.
func (b *Builder) ParameterCount() int {
	n := 0
	for _, p := range b.Parameters {
		n += p.Shape.Count(1)
	}
	return n
}
