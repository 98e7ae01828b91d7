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
	live := reachable(g.Values, g.wanted())
	t := &tidier{equal: map[string]*Value{}, number: map[*Value]int{}}
	return rebuild(g, func(to *Graph, v *Value, now map[*Value]*Value) *Value {
		switch {
		case v.Op == Input || v.Op == Parameter:
			return t.add(to, v.of(now))
		case live[v]:
			return t.value(to, v.of(now))
		}
		return nil
	}).prune()
}

// wanted are the outputs' values.
func (g *Graph) wanted() []*Value {
	want := make([]*Value, len(g.Outputs))
	for i, o := range g.Outputs {
		want[i] = o.Value
	}
	return want
}

// reachable are those of the values, which are in an order in which they can be computed, that the wanted ones need.
func reachable(values, want []*Value) map[*Value]bool {
	reached := map[*Value]bool{}
	for _, v := range want {
		reached[v] = true
	}
	for _, v := range slices.Backward(values) {
		if reached[v] {
			for _, a := range v.Args {
				reached[a] = true
			}
		}
	}
	return reached
}

// prune drops the values that no output needs, but no input and no parameter.
func (g *Graph) prune() *Graph {
	live := reachable(g.Values, g.wanted())
	g.Values = slices.DeleteFunc(g.Values, func(v *Value) bool { return !live[v] && v.Op != Input && v.Op != Parameter })
	return g
}

// rebuild is g with, in place of each value, what make adds to the new graph for it, or finds there; now has what
// came of the earlier values. Inputs, parameters and outputs are those of g, in their order.
func rebuild(g *Graph, make func(to *Graph, v *Value, now map[*Value]*Value) *Value) *Graph {
	to, now := New(), map[*Value]*Value{}
	for _, v := range g.Values {
		now[v] = make(to, v, now)
	}
	for _, v := range g.Inputs {
		to.Inputs = append(to.Inputs, now[v])
	}
	for _, v := range g.Parameters {
		to.Parameters = append(to.Parameters, now[v])
	}
	for _, o := range g.Outputs {
		to.Output(o.Name, now[o.Value])
	}
	return to
}

// of is a copy of v that is made of what came of its arguments.
func (v *Value) of(now map[*Value]*Value) *Value {
	w := *v
	w.Args = make([]*Value, len(v.Args))
	for i, a := range v.Args {
		w.Args[i] = now[a]
	}
	return &w
}

type tidier struct {
	equal  map[string]*Value // by key
	number map[*Value]int
}

func (t *tidier) add(g *Graph, v *Value) *Value {
	t.number[v] = len(t.number)
	return g.add(v)
}

// value is v, or what was there before it and is the same.
func (t *tidier) value(g *Graph, v *Value) *Value {
	if same := t.simplify(v); same != nil {
		return same
	}
	key := t.key(v)
	if same := t.equal[key]; same != nil {
		return same
	}
	t.equal[key] = t.add(g, v)
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
	case Reshape, Expand:
		if x.Op == v.Op {
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
