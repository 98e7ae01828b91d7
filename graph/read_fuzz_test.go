package graph_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"odeon/graph"
	"odeon/models"
	"odeon/onnx"
)

// readAny reads a model that may hold anything: what comes of it is a graph in itself consistent, or an error.
func readAny(t testing.TB, model []byte) {
	t.Helper()
	s, err := onnx.SourceBytes(model, "model")
	if err != nil {
		return
	}
	g, weights, err := graph.Read(s, nil, 2)
	if err != nil {
		return
	}
	if len(weights) != len(g.Parameters) {
		t.Fatalf("%d parameters with %d arrays of weights", len(g.Parameters), len(weights))
	}
	for i, p := range g.Parameters {
		if len(weights[i]) != p.Shape.Count(1) {
			t.Fatalf("parameter %q of shape %v with %d weights", p.Name, p.Shape, len(weights[i]))
		}
	}
	for _, v := range g.Values {
		n := 1.
		for _, k := range v.Shape {
			n *= float64(k)
		}
		if n < 0 || n > 1<<40 {
			t.Fatalf("a %v of shape %v", v.Op, v.Shape)
		}
	}
}

func FuzzRead(f *testing.F) {
	moons, _ := models.EmbeddedByName("moons")
	f.Add(moons.ONNX)
	for k, c := range trials() {
		if k%7 == 0 {
			f.Add(c.build(f, nil))
		}
	}
	f.Fuzz(func(t *testing.T, model []byte) { readAny(t, model) })
}

// Every whole number in an attribute or a constant of every trial becomes every one of these.
var extremes = []int64{-1, 0, 1, 7, -9, 1 << 20, 1 << 31, -1 << 31, 1<<31 - 1, 1 << 40, math.MaxInt64, math.MinInt64}

func TestReadBearsAnyNumber(t *testing.T) {
	for k, c := range trials() {
		try := func(what string, ints []int64) {
			for i, usual := range ints {
				for _, extreme := range extremes {
					ints[i] = extreme
					func() {
						defer func() {
							if problem := recover(); problem != nil {
								t.Errorf("trial %d, %s, %s %v: %v", k, c.operator, what, ints, problem)
							}
						}()
						readAny(t, c.build(t, nil))
					}()
				}
				ints[i] = usual
			}
			if len(ints) > 1 {
				kept := slices.Clone(ints)
				for i := range ints {
					ints[i] = 1 << 30
				}
				readAny(t, c.build(t, nil))
				copy(ints, kept)
			}
		}
		for _, a := range c.with {
			try(a.name, a.ints)
		}
		for i, in := range c.inputs {
			if in, ok := in.(known); ok {
				try(fmt.Sprint("input ", i), in.ints)
			}
		}
	}
}
