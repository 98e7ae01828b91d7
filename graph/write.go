package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"odeon/onnx"
)

// Write makes a model of the graph: with a free batch, the parameters as initializers with the given values (in the order of
// g.Parameters), and nodes of the standard operator set, version 17, only. A parameter or a value that no output needs is
// left out.
func Write(g *Graph, name string, weights [][]float32) (*onnx.Graph, error) {
	if len(weights) != len(g.Parameters) {
		return nil, fmt.Errorf("graph: weights for %d parameters given, %q has %d", len(weights), name, len(g.Parameters))
	}
	w, err := newWriter(tidy(g), name)
	if err != nil {
		return nil, err
	}
	for _, v := range w.graph.Inputs {
		w.input(v)
	}
	for i, v := range w.graph.Parameters {
		if n := v.Shape.Count(1); v.Shape.HasBatch() || len(weights[i]) != n {
			return nil, fmt.Errorf("graph: parameter %q of shape %v with %d weights", v.Name, v.Shape, len(weights[i]))
		}
		if w.uses[v] > 0 {
			w.refs[v] = w.out.Const(v.Name, onnx.Array(weights[i], int64s(v.Shape)...))
		}
	}
	err = w.write(func(o Output, r onnx.Ref) { w.out.Output(o.Name, r, o.Value.Type, w.dims(o.Value.Shape)...) })
	return w.out, err
}

// A writer makes ONNX nodes of values.
type writer struct {
	graph *Graph // tidied
	out   *onnx.Graph
	batch int // 0: free
	target

	refs   map[*Value]onnx.Ref
	names  map[*Value]string   // of results that are to have a certain one
	uses   map[*Value]int      // by values and outputs
	users  map[*Value][]*Value // values that use it
	consts map[string]onnx.Ref
	taken  map[string]bool // names of inputs, parameters and outputs
	count  map[string]int
}

// newWriter begins a model of a tidied graph.
func newWriter(g *Graph, name string) (*writer, error) {
	w := &writer{
		graph: g, out: onnx.NewGraph(name), refs: map[*Value]onnx.Ref{}, names: map[*Value]string{}, uses: map[*Value]int{}, users: map[*Value][]*Value{},
		consts: map[string]onnx.Ref{}, taken: map[string]bool{}, count: map[string]int{},
	}
	if len(g.Outputs) == 0 {
		return nil, fmt.Errorf("graph: %q has no output", name)
	}
	take := func(what, name string) error {
		if name == "" || w.taken[name] {
			return fmt.Errorf("graph: %s %q: a name that nothing else has is expected", what, name)
		}
		w.taken[name] = true
		return nil
	}
	for _, v := range slices.Concat(g.Inputs, g.Parameters) {
		if err := take(strings.ToLower(v.Op.String()), v.Name); err != nil {
			return nil, err
		}
	}
	for _, o := range g.Outputs {
		if err := take("output", o.Name); err != nil {
			return nil, err
		}
		if _, named := w.names[o.Value]; !named {
			w.names[o.Value] = o.Name
		}
		w.uses[o.Value]++
	}
	for _, v := range g.Values {
		for _, a := range v.Args {
			w.uses[a]++
			w.users[a] = append(w.users[a], v)
		}
	}
	return w, nil
}

// input adds an input in its own type.
func (w *writer) input(v *Value) {
	w.refs[v] = w.out.Input(v.Name, v.Type, w.dims(v.Shape)...)
}

// write makes the nodes that the outputs need.
func (w *writer) write(output func(o Output, r onnx.Ref)) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *writeError:
			err = r
		default:
			panic(r)
		}
	}()
	for _, o := range w.graph.Outputs {
		output(o, w.value(o.Value))
	}
	return nil
}

// A writeError travels up through the writer's recursion.
type writeError struct{ error }

func (w *writer) fail(v *Value, problem string) {
	panic(&writeError{fmt.Errorf("graph: %v of shape %v: %w", v.Op, v.Shape, errors.New(problem))})
}

// value makes the nodes of v and of what it needs, once.
func (w *writer) value(v *Value) onnx.Ref {
	if r, ok := w.refs[v]; ok {
		return r
	}
	r := w.make(v)
	w.refs[v] = r
	return r
}

// make makes the nodes of v: by the first fusion that fits, or as its operator says.
func (w *writer) make(v *Value) onnx.Ref {
	if r := w.fuse(v); r != onnx.None {
		return r
	}
	return w.emit(v)
}

// node adds a node whose result is v, or, where v is nil, a step on the way to one.
func (w *writer) node(v *Value, operator string, arguments ...onnx.Argument) onnx.Ref {
	return w.out.Node(operator, append(arguments, w.result(v, operator))...)
}

// result is the name for a node's result.
func (w *writer) result(v *Value, operator string) onnx.Argument {
	if name, ok := w.names[v]; ok {
		delete(w.names, v)
		return onnx.As(name)
	}
	if _, own, found := strings.Cut(operator, ":"); found {
		operator = own
	}
	return onnx.As(w.fresh(operator))
}

// fresh is a name that nothing has yet.
func (w *writer) fresh(kind string) string {
	for {
		w.count[kind]++
		name := fmt.Sprintf("%s_%d", strings.ToLower(kind), w.count[kind])
		if !w.taken[name] {
			w.taken[name] = true
			return name
		}
	}
}

// args are the values of v's arguments.
func (w *writer) args(v *Value) []onnx.Argument {
	refs := make([]onnx.Argument, len(v.Args))
	for i, a := range v.Args {
		refs[i] = w.value(a)
	}
	return refs
}

// ints is a constant list of integers.
func (w *writer) ints(list ...int) onnx.Ref {
	return w.once(fmt.Sprint(list), func() onnx.Ref { return w.out.Const(w.fresh("ints"), onnx.Vector(int64s(list)...)) })
}

// scalar is a constant number.
func (w *writer) scalar(c float64) onnx.Ref {
	return w.once(fmt.Sprint("scalar", c), func() onnx.Ref { return w.out.Const(w.fresh("number"), onnx.Scalar(float32(c))) })
}

// shape is a shape as a value: a constant, or computed from an input that has the batch.
func (w *writer) shape(v *Value, s Shape) onnx.Ref {
	if w.batch > 0 || !s.HasBatch() {
		return w.ints(s.For(w.batch)...)
	}
	parts := make([]onnx.Argument, len(s), len(s)+1)
	for i, n := range s {
		if n < 0 {
			parts[i] = w.multiple(v, -n)
		} else {
			parts[i] = w.ints(n)
		}
	}
	if len(parts) == 1 {
		return parts[0].(onnx.Ref)
	}
	return w.node(nil, "Concat", append(parts, onnx.Int("axis", 0))...)
}

// multiple is k times the batch as a list of one integer.
func (w *writer) multiple(v *Value, k int) onnx.Ref {
	key := fmt.Sprint("batch", k)
	if r, ok := w.consts[key]; ok {
		return r
	}
	for _, x := range w.graph.Inputs {
		i := slices.IndexFunc(x.Shape, func(n int) bool { return n < 0 })
		if i < 0 {
			continue
		}
		r := w.node(nil, "Shape", w.refs[x], onnx.Int("start", int64(i)), onnx.Int("end", int64(i+1)))
		switch n := -x.Shape[i]; {
		case n == k:
		case n == 1:
			r = w.node(nil, "Mul", r, w.ints(k))
		default:
			r = w.node(nil, "Div", w.node(nil, "Mul", r, w.ints(k)), w.ints(n))
		}
		w.consts[key] = r
		return r
	}
	w.fail(v, "no input tells the batch")
	return onnx.None
}

// dims is a shape as the file declares it.
func (w *writer) dims(s Shape) []onnx.Dim {
	dims := make([]onnx.Dim, len(s))
	for i, n := range s {
		switch {
		case n >= 0:
			dims[i] = onnx.Fixed(int64(n))
		case w.batch > 0:
			dims[i] = onnx.Fixed(int64(-n * w.batch))
		case n == Batch:
			dims[i] = onnx.Free("batch")
		default:
			dims[i] = onnx.Free(fmt.Sprintf("%d_batch", -n))
		}
	}
	return dims
}

func int64s[S ~[]int](list S) []int64 {
	r := make([]int64, len(list))
	for i, n := range list {
		r[i] = int64(n)
	}
	return r
}
