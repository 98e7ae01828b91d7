package train

import (
	"fmt"
	"slices"

	"odeon/graph"
	"odeon/onnx"
)

// A part is what a graph sees of a batch.
type part struct {
	inputs  inputs
	targets []*graph.Value // as the predictions
	weights []*graph.Value // [batch], for each prediction
	fed     []*graph.Value // all of these, in the order of the graph's inputs
}

// gradientGraph is the half of a training step that executors run: forward, loss and backward.
//
//	inputs    the part of the batch; the weights, which are the graph's parameters
//	outputs   the loss, the loss of each sample; the gradient of each parameter
func gradientGraph(net network) (*graph.Graph, part, error) {
	f, err := net.forward()
	if err != nil {
		return nil, part{}, err
	}
	p, loss, each := squaredError(f)
	gradients := graph.Gradient(f.graph, loss, f.graph.Parameters...)

	f.graph.Output("loss", loss)
	f.graph.Output("each", each)
	for i, d := range gradients {
		f.graph.Output(fmt.Sprintf("gradient.%d", i), d)
	}
	return f.graph, p, nil
}

// lossGraph is what validation runs: forward and loss.
func lossGraph(net network) (*graph.Graph, part, error) {
	f, err := net.forward()
	if err != nil {
		return nil, part{}, err
	}
	p, loss, each := squaredError(f)
	f.graph.Output("loss", loss)
	f.graph.Output("each", each)
	return f.graph, p, nil
}

// squaredError adds the loss to a network's graph: for each sample i
//
//	each_i = sum over predictions of weight_i |prediction_i - target_i|^2
//
// and the loss is their sum. The weights carry the objective's w(t) and the division by the number of elements of the whole
// batch, so that losses, and gradients, of the parts of a batch add up to those of the batch.
func squaredError(f forward) (p part, loss, each *graph.Value) {
	g := f.graph
	p.inputs = f.inputs
	for i, prediction := range f.predictions {
		target := g.Input(fmt.Sprintf("target.%d", i), onnx.Float32, prediction.Shape)
		weight := g.Input(fmt.Sprintf("weight.%d", i), onnx.Float32, graph.Shape{prediction.Shape[0]})
		p.targets, p.weights = append(p.targets, target), append(p.weights, weight)
		difference := g.Sub(prediction, target)
		axes := make([]int, len(prediction.Shape)-1)
		for k := range axes {
			axes[k] = k + 1
		}
		square := g.Mul(weight, g.Sum(g.Mul(difference, difference), false, axes...))
		if each == nil {
			each = square
		} else {
			each = g.Add(each, square)
		}
	}
	p.fed = slices.Clone(g.Inputs)
	return p, g.Sum(each, false, 0), each
}
