package train

import (
	"fmt"

	"odeon/graph"
	"odeon/models"
	"odeon/onnx"
	"odeon/train/data"
	"odeon/train/nn"
	"odeon/train/objective"
)

// A network is what is trained: its graph, made anew for each purpose, what its parameters begin with, and how it is written
// once they are found.
type network interface {
	// forward is a graph with the network and nothing else.
	forward() (forward, error)
	// initial are the first values of the parameters.
	initial() ([][]float32, error)
	// model is the network as a file, its card left aside.
	model(weights [][]float32) (*onnx.Graph, error)
	// String tells this network from others: as nn.ParseNet reads it back, or the file that it is from.
	String() string
}

// forward is a network's graph.
type forward struct {
	graph       *graph.Graph
	inputs      inputs
	predictions []*graph.Value // each [batch, shape...]
}

// inputs are a network's inputs by their roles.
type inputs struct {
	state  *graph.Value // [batch, shape...]
	time   *graph.Value // one number a sample; nil: it is not told the time
	label  *graph.Value // one class a sample, as its number or as a row with a one; nil: none
	extras []extra
}

// An extra is a further input, which has the same value in every step.
type extra struct {
	value *graph.Value
	array []float64
}

// Describe says what a network for the data and the objective is to be like: what nn.ParseNet needs to know.
func Describe(set data.Set, o objective.Objective) nn.Data {
	d := nn.Data{Shape: set.Shape(), Layout: string(set.Layout()), Predictions: max(1, len(o.Predictions))}
	if l := set.Labels(); l != nil {
		d.Classes = l.Count
	}
	return d
}

// own is a network that is made of layers, from nothing.
type own struct {
	net       nn.Net
	data      nn.Data
	objective *objective.Objective
	scaling   *objective.Fit // nil: none
	seed      uint64
}

// statistics is how many samples the means and deviations are taken from with which badly scaled data is standardised.
const statistics = 4096

// scaling is what brings data, and what is predicted of it, to the order of 1 within the network's graph: of each coordinate of points, of
// all numbers together else. It is nil where all is of that order already, and where the graph cannot tell the time t from what
// it is fed.
func scaling(set data.Set, o *objective.Objective) (*objective.Fit, error) {
	stats, err := data.Measure(set, statistics)
	if err != nil {
		return nil, err
	}
	s := objective.Scaling{Mean: []float64{stats.Total[0]}, Std: []float64{stats.Total[1]}}
	if n := len(stats.Mean); set.Layout() == models.Points {
		s = objective.Scaling{Mean: stats.Mean, Std: stats.Std, Shape: graph.Shape{n}}
	}
	fit, err := s.For(o)
	if err != nil || !fit.Needed() {
		return nil, err
	}
	g := graph.New()
	if _, err := fit.In(g, g.Input("t", onnx.Float32, graph.Shape{graph.Batch}), 1+len(set.Shape())); err != nil {
		return nil, nil
	}
	return fit, nil
}

func (o *own) build() (*nn.Builder, forward) {
	b := nn.NewBuilder(graph.New())
	in := inputs{
		state: b.Input("x", onnx.Float32, append(graph.Shape{graph.Batch}, o.data.Shape...)),
		time:  b.Input("t", onnx.Float32, graph.Shape{graph.Batch}),
	}
	if o.data.Classes > 0 {
		in.label = b.Input("label", onnx.Int64, graph.Shape{graph.Batch})
	}
	if o.scaling == nil {
		y := o.net.Forward(b, nn.Inputs{State: in.state, Time: in.time, Label: in.label})
		return b, forward{b.Graph, in, o.data.Split(b.Graph, y)}
	}
	scaled, err := o.scaling.In(b.Graph, in.time, len(in.state.Shape))
	if err != nil {
		panic("train: a scaling that was made before: " + err.Error())
	}
	y := o.net.Forward(b, nn.Inputs{State: scaled.Input(in.state), Time: in.time, Label: in.label})
	predictions := o.data.Split(b.Graph, y)
	for k := range predictions {
		predictions[k] = scaled.Output(k, predictions[k])
	}
	return b, forward{b.Graph, in, predictions}
}

func (o *own) forward() (forward, error) {
	_, f := o.build()
	return f, nil
}

func (o *own) initial() ([][]float32, error) {
	b, _ := o.build()
	return nn.Initialize(b, o.seed), nil
}

func (o *own) model(weights [][]float32) (*onnx.Graph, error) {
	_, f := o.build()
	for i, p := range f.predictions {
		f.graph.Output(outputName(o.objective.Predictions[i].Name), p)
	}
	return graph.Write(f.graph, "odeon", weights)
}

func (o *own) String() string { return o.net.String() }

// checkedGradient is gradientGraph of a network that was never built on the data. One of the user's own may panic on shapes that do not
// fit: that is an error here.
func checkedGradient(n network) (g *graph.Graph, p part, err error) {
	defer func() {
		if r := recover(); r != nil {
			problem, ok := r.(*graph.ShapeError)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("network %s: %w", n, problem)
		}
	}()
	return gradientGraph(n)
}
