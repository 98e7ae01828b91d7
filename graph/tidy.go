package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// tidy is the same graph with less in it: values that no output needs are gone, equal ones are merged, and some that only
// repeat another (a Reshape of a Reshape, an Expand that the next operator does by itself) stand no more between others.
// Inputs, parameters and outputs are those of g, in their order.
func tidy(g *Graph) *Graph {
	live := map[*Value]bool{}
	for _, o := range g.Outputs {
		live[o.Value] = true
	}
	for _, v := range slices.Backward(g.Values) {
		if live[v] {
			for _, a := range v.Args {
				live[a] = true
			}
		}
	}
	t := &tidier{graph: New(), equal: map[string]*Value{}, number: map[*Value]int{}}
	now := map[*Value]*Value{}
	for _, v := range g.Values {
		switch {
		case v.Op == Input || v.Op == Parameter:
			w := *v
			now[v] = t.add(&w)
		case live[v]:
			w := *v
			w.Args = make([]*Value, len(v.Args))
			for i, a := range v.Args {
				w.Args[i] = now[a]
			}
			now[v] = t.value(&w)
		}
	}
	for _, v := range g.Inputs {
		t.graph.Inputs = append(t.graph.Inputs, now[v])
	}
	for _, v := range g.Parameters {
		t.graph.Parameters = append(t.graph.Parameters, now[v])
	}
	for _, o := range g.Outputs {
		t.graph.Output(o.Name, now[o.Value])
	}
	return t.graph.prune()
}

// prune drops the values that simplifying left without a use.
func (g *Graph) prune() *Graph {
	live := map[*Value]bool{}
	for _, o := range g.Outputs {
		live[o.Value] = true
	}
	for _, v := range slices.Backward(g.Values) {
		if live[v] {
			for _, a := range v.Args {
				live[a] = true
			}
		}
	}
	g.Values = slices.DeleteFunc(g.Values, func(v *Value) bool { return !live[v] && v.Op != Input && v.Op != Parameter })
	return g
}

type tidier struct {
	graph  *Graph
	equal  map[string]*Value // by key
	number map[*Value]int
}

func (t *tidier) add(v *Value) *Value {
	t.number[v] = len(t.number)
	return t.graph.add(v)
}

// value is v, or what was there before it and is the same.
func (t *tidier) value(v *Value) *Value {
	if same := t.simplify(v); same != nil {
		return same
	}
	key := t.key(v)
	if same := t.equal[key]; same != nil {
		return same
	}
	t.equal[key] = t.add(v)
	return v
}

// key is a text that equal values share.
func (t *tidier) key(v *Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d %v", v.Op, v.Type, v.Shape)
	for _, a := range v.Args {
		fmt.Fprintf(&b, " %d", t.number[a])
	}
	a := v.Attrs
	if a.Conv != nil {
		fmt.Fprintf(&b, " %v", *a.Conv)
		a.Conv = nil
	}
	fmt.Fprintf(&b, " %v", a)
	for _, c := range v.Floats {
		fmt.Fprintf(&b, " %x", math.Float64bits(c))
	}
	fmt.Fprintf(&b, " %v", v.Ints)
	return b.String()
}

// simplify is the value that v merely repeats, or nil; it may shorten v's way to its arguments.
func (t *tidier) simplify(v *Value) *Value {
	if n := len(v.Args); n > 1 && v.Op <= Where { // element by element: arguments are expanded anyway
		for i, a := range v.Args {
			if a.Op != Expand {
				continue
			}
			shapes := make([]Shape, n)
			for j, b := range v.Args {
				shapes[j] = b.Shape
			}
			shapes[i] = a.Args[0].Shape
			if slices.Equal(broadcast(v.Op, shapes...), v.Shape) {
				v.Args[i] = a.Args[0]
			}
		}
	}
	if len(v.Args) == 0 {
		return nil
	}
	x := v.Args[0]
	switch v.Op {
	case Reshape:
		if x.Op == Reshape {
			x = x.Args[0]
			v.Args[0] = x
		}
		if slices.Equal(x.Shape, v.Shape) {
			return x
		}
	case Expand:
		if x.Op == Expand {
			x = x.Args[0]
			v.Args[0] = x
		}
		if slices.Equal(x.Shape, v.Shape) {
			return x
		}
	case Transpose:
		if x.Op == Transpose {
			perm := make([]int, len(v.Attrs.Axes))
			for i, p := range v.Attrs.Axes {
				perm[i] = x.Attrs.Axes[p]
			}
			x = x.Args[0]
			v.Args[0], v.Attrs.Axes = x, perm
		}
		if slices.IsSorted(v.Attrs.Axes) {
			return x
		}
	case Sum, ReduceMax:
		if len(v.Attrs.Axes) == 0 {
			return x
		}
	case Cast:
		if x.Type == v.Type {
			return x
		}
	case Neg, Not:
		if x.Op == v.Op {
			return x.Args[0]
		}
	}
	return nil
}
