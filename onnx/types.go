package onnx

import "slices"

// Operators by what they make of element types. What is in none of these lists has results of a type that is not known here.
var (
	// All inputs have one type, and the result has it too.
	uniform = []string{
		"Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Mean", "Mod", "MatMul", "Gemm", "Concat", "And", "Or", "Xor", "PRelu",
		"Conv", "ConvTranspose", "Clip", "Einsum",
	}
	// All inputs have one type, and the result is bool.
	comparisons = []string{"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
	// The results have the type of the first input.
	likeFirst = []string{
		"Identity", "Neg", "Abs", "Sign", "Sqrt", "Exp", "Log", "Sin", "Cos", "Tan", "Tanh", "Sigmoid", "Relu", "Erf", "Floor", "Ceil", "Round",
		"Reciprocal", "Not", "Pow", "Softmax", "LeakyRelu", "Elu", "Selu", "Softplus", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze",
		"Slice", "Gather", "GatherElements", "GatherND", "Expand", "Tile", "Pad", "Split", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin",
		"ReduceProd", "ReduceSumSquare", "ReduceL2", "CumSum", "ScatterElements", "ScatterND", "Resize", "BatchNormalization",
		"LayerNormalization", "InstanceNormalization", "MaxPool", "AveragePool", "GlobalAveragePool", "Trilu", "DepthToSpace", "SpaceToDepth",
	}
	// An input that says where, not what, has this type.
	counts = map[string]int{"Reshape": 1, "Expand": 1, "Tile": 1, "Unsqueeze": 1, "Squeeze": 1, "ConstantOfShape": 0}
)

// result is the element type of a node's result i where it is known. What is wrong with the types of the node's inputs is
// noted as a problem, unless the node is a file's own.
func (g *Graph) result(n graphNode, i int) DType {
	if n.domain != "" || n.result(i) == None {
		return Undefined
	}
	if n.copied != nil {
		if known := g.types[n.result(i)]; known != Undefined {
			return known // value_info
		}
	}
	first := Undefined
	if len(n.inputs) > 0 {
		first = g.types[n.inputs[0]]
	}
	if k, ok := counts[n.operator]; ok && k < len(n.inputs) && i == 0 {
		g.expect(n, k, Int64)
	}
	switch {
	case slices.Contains(uniform, n.operator), slices.Contains(comparisons, n.operator):
		common := Undefined
		for k, in := range n.inputs {
			if common == Undefined {
				common = g.types[in]
			} else if i == 0 {
				g.expect(n, k, common)
			}
		}
		if slices.Contains(comparisons, n.operator) {
			return Bool
		}
		return common
	case slices.Contains(likeFirst, n.operator):
		if i > 0 && n.operator != "Split" {
			return Undefined
		}
		return first
	}
	switch n.operator {
	case "Cast":
		return n.castsTo()
	case "Where":
		if len(n.inputs) != 3 {
			return Undefined
		}
		if i == 0 {
			g.expect(n, 0, Bool)
		}
		t := g.types[n.inputs[1]]
		if t == Undefined {
			return g.types[n.inputs[2]]
		}
		if i == 0 {
			g.expect(n, 2, t)
		}
		return t
	case "Shape", "Size", "ArgMax", "ArgMin", "NonZero":
		return Int64
	case "IsNaN", "IsInf":
		return Bool
	case "Range":
		return first
	case "Constant", "ConstantOfShape":
		for _, a := range n.attributes {
			if a.dtype != Undefined {
				return a.dtype
			}
		}
	case "If", "Loop":
		skip := 0
		if n.operator == "Loop" {
			skip = 1 // the condition
		}
		for _, a := range n.attributes {
			if a.body != nil && i+skip < len(a.body.outputs) {
				return a.body.outputs[i+skip].Type
			}
		}
	}
	return Undefined
}

// expect notes a problem where a new node's input has another type than it should.
func (g *Graph) expect(n graphNode, k int, want DType) {
	got := g.types[n.inputs[k]]
	if n.copied == nil && got != want && got != Undefined && want != Undefined {
		g.problem("graph %q: input %d (%q) of the %s node %q is %v where %v is expected", g.name, k, n.inputs[k], n.operator, n.result(0), got, want)
	}
}

// result is the name of result i; None where it is left out.
func (n graphNode) result(i int) Ref {
	if i < len(n.outputs) {
		return n.outputs[i]
	}
	return None
}
