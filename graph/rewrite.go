package graph

import (
	"fmt"

	"odeon/onnx"
)

// Rewrite is the other end of [Read]: the file that g was read from, with other weights in the places of those that it
// had. All else of the file stays: its nodes, its names, the types in which tensors are stored (a weight that float16
// cannot hold is an error). Where a parameter is what nodes of the file make of codes, a constant comes in place of the last
// of these nodes. The weights are in the order of g.Parameters.
func Rewrite(source *onnx.Source, g *Graph, weights [][]float32) (*onnx.Graph, error) {
	file := source.Info().File
	if len(weights) != len(g.Parameters) {
		return nil, fmt.Errorf("graph: %s: weights for %d parameters given, and %d are expected", file, len(weights), len(g.Parameters))
	}
	parts, err := source.Parts()
	if err != nil {
		return nil, err
	}
	stored := map[string]*onnx.Stored{}
	for i := range parts.Tensors {
		stored[parts.Tensors[i].Name] = &parts.Tensors[i]
	}
	for _, n := range parts.Nodes {
		if t := n.Attributes["value"].Tensor; n.Operator == "Constant" && t != nil && len(n.Outputs) == 1 {
			stored[n.Outputs[0]] = t
		}
	}
	out := onnx.Extend(source)
	for i, p := range g.Parameters {
		t := onnx.Float32
		if s := stored[p.Name]; s != nil {
			t = s.Type
		} else if known := out.TypeOf(onnx.Ref(p.Name)); known != onnx.Undefined {
			t = known
		}
		if n := count(p.Shape); len(weights[i]) != n {
			return nil, fmt.Errorf("graph: %s: parameter %q of shape %v with %d weights", file, p.Name, p.Shape, len(weights[i]))
		}
		numbers, err := onnx.Numbers(t, weights[i], int64s(p.Shape)...)
		if err != nil {
			return nil, fmt.Errorf("%s: weight %q: %w", file, p.Name, err)
		}
		if err := out.Refill(p.Name, numbers); err != nil {
			return nil, err
		}
	}
	return out, nil
}
