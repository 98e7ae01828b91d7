package train

import (
	"fmt"
	"slices"

	"odeon/graph"
	"odeon/internal/machine"
)

// need is how many bytes a run with the gradientGraph g takes at the least: the weights, moments and average, each worker's
// gradients, and what its executor holds at once.
func need(g *graph.Graph, o Optimizer, average bool, size, accumulate, workers int) float64 {
	vectors := 1 + o.Rule.Moments + workers*min(accumulate, 2)
	if average {
		vectors++
	}
	parameters := 0.
	for _, p := range g.Parameters {
		parameters += elements(p.Shape, 1)
	}
	return 4 * (float64(vectors)*parameters + float64(workers)*peak(g, size))
}

// fit refuses what the machine has no memory for: without memory a process ends without a word.
func fit(need float64, net network, parameters float64, size int) error {
	if have := machine.Memory(); need > have {
		return fmt.Errorf("network %s has %.4g parameters and needs at least %.1f GB of memory on %d samples at a time, and this machine has %.1f GB; give a smaller network, a smaller --batch or more --accumulate",
			net, parameters, need/1e9, size, have/1e9)
	}
	return nil
}

// peak is the greatest number of elements that are alive at once while a graph's values are computed in their order, inputs,
// parameters and outputs left aside.
func peak(g *graph.Graph, batch int) float64 {
	needed, last := map[*graph.Value]bool{}, map[*graph.Value]int{}
	outside := map[*graph.Value]bool{}
	for _, o := range g.Outputs {
		needed[o.Value], outside[o.Value] = true, true
	}
	for i := len(g.Values) - 1; i >= 0; i-- {
		v := g.Values[i]
		if !needed[v] {
			continue
		}
		for _, a := range v.Args {
			needed[a] = true
			if _, known := last[a]; !known {
				last[a] = i
			}
		}
	}
	most, now := 0., 0.
	size := func(v *graph.Value) float64 {
		switch v.Op {
		case graph.Input, graph.Parameter, graph.Constant, graph.Reshape, graph.Expand:
			return 0
		}
		if outside[v] {
			return 0
		}
		return elements(v.Shape, batch)
	}
	for i, v := range g.Values {
		if !needed[v] {
			continue
		}
		now += size(v)
		most = max(most, now)
		for k, a := range v.Args {
			if last[a] == i && !slices.Contains(v.Args[:k], a) {
				now -= size(a)
			}
		}
	}
	return most
}

// elements is a shape's number of elements; it does not overflow.
func elements(s graph.Shape, batch int) float64 {
	n := 1.
	for _, k := range s.For(batch) {
		n *= float64(k)
	}
	return n
}
