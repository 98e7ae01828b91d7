package objective

import (
	"math"
	"slices"
)

// An assigner solves linear assignment problems of at most so many rows: each of n rows gets a column of its own, and the
// sum of their costs is least.
//
// Prices v of the columns are kept such that every assigned row has its cheapest column,
//
//	cost[i, column[i]] - v[column[i]] = min_j cost[i, j] - v[j],
//
// which makes a complete assignment optimal (linear programming's duality). As in the algorithm of Jonker and Volgenant (1987, "A
// shortest augmenting path algorithm for dense and sparse linear assignment problems", Computing 38), good prices come first, then
// whatever rows can be assigned at them, and the rest along shortest augmenting paths. Here the first prices are those of an
// auction whose bids rise by at least eps, for falling eps (Bertsekas 1988, "The auction algorithm", Annals of Operations Research 14). Without
// it, where data and noise lie apart, rows outbid each other by ever smaller sums: on two moons and 1024 samples it saves nine tenths of
// the time.
//
// Of equal costs the lowest column counts, or the one looked at first in an order that the costs alone decide: the result is a function
// of the costs.
type assigner struct {
	column  []int     // of each row; -1: none
	row     []int     // of each column; -1: none
	v       []float64 // the columns' prices; they fall
	free    []int     // rows without a column
	dist    []float64 // lengths of the shortest paths from free rows to each column
	before  []int     // the row before the column on its path
	root    []int     // the row at which its path begins
	end     []int     // of a free row: the free column that a path from it reached; -1: none
	columns []int     // those not reached yet, then those reached
}

func newAssigner(n int) *assigner {
	return &assigner{
		column: make([]int, n), row: make([]int, n), v: make([]float64, n), free: make([]int, n), dist: make([]float64, n),
		before: make([]int, n), root: make([]int, n), end: make([]int, n), columns: make([]int, n),
	}
}

// solve is the column of each row, for costs [n, n] that are finite.
func (a *assigner) solve(cost []float64, n int) []int {
	s := assigner{a.column[:n], a.row[:n], a.v[:n], a.free[:0], a.dist[:n], a.before[:n], a.root[:n], a.end[:n], a.columns[:n]}
	if n == 1 {
		s.column[0] = 0
		return s.column
	}
	mean := s.reduce(cost)
	s.auction(cost, mean/10, 32*n)
	s.auction(cost, mean/100, 32*n)
	s.auction(cost, 0, 2*n)
	for len(s.free) > 0 {
		s.augment(cost)
	}
	return s.column
}

// reduce gives each column its least cost as price, and returns the mean of what the costs are above that.
func (a *assigner) reduce(cost []float64) float64 {
	n := len(a.v)
	copy(a.v, cost[:n])
	sum, least := 0., 0.
	for i := range n {
		for j, c := range cost[i*n : (i+1)*n] {
			a.v[j] = min(a.v[j], c)
			sum += c
		}
	}
	for _, v := range a.v {
		least += v
	}
	return max(0, (sum/float64(n)-least)/float64(n))
}

// auction assigns rows from none, at the prices that there are, until every row has a column or so many bids were made. A free row takes its
// cheapest column and lowers the column's price to its second choice and by eps more; whoever had the column is free again. Every assigned row's
// column is its cheapest then, but for eps. With eps = 0 this is Jonker and Volgenant's augmenting row reduction.
func (a *assigner) auction(cost []float64, eps float64, bids int) {
	n := len(a.v)
	a.free = a.free[:0]
	for i := n - 1; i >= 0; i-- {
		a.column[i], a.row[i] = -1, -1
		a.free = append(a.free, i)
	}
	for ; len(a.free) > 0 && bids > 0; bids-- {
		i := a.free[len(a.free)-1]
		a.free = a.free[:len(a.free)-1]
		first, second, best, next := cheapest(cost[i*n:(i+1)*n], a.v)
		if best == next && a.row[first] >= 0 && a.row[second] < 0 {
			first = second
		}
		a.v[first] -= next - best + eps
		if loser := a.row[first]; loser >= 0 {
			a.column[loser] = -1
			a.free = append(a.free, loser)
		}
		a.column[i], a.row[first] = first, i
	}
}

// cheapest are the two columns of least reduced cost c - v, and these costs.
func cheapest(costs, v []float64) (first, second int, best, next float64) {
	best, next = math.Inf(1), math.Inf(1)
	v = v[:len(costs)]
	for j, c := range costs {
		switch r := c - v[j]; {
		case r < best:
			second, next = first, best
			first, best = j, r
		case r < next:
			second, next = j, r
		}
	}
	return first, second, best, next
}

// augment assigns free rows. Dijkstra's search on the reduced costs, which are not negative, grows a tree from every free row over
// assigned columns to ones that are not, until each tree has such a column or none is left. When prices have fallen by what the columns
// are nearer than the last one reached, every step in the trees is cheapest for its row, and each row on the way from a tree's root
// to its first free column can take the next column on that way. Trees have nothing in common, so that one search assigns many rows; those
// whose tree has no free column stay free.
func (a *assigner) augment(cost []float64) {
	n := len(a.v)
	a.plant(cost)
	left, open, found := n, len(a.free), 0 // columns[:left] are not reached; so many columns are free; so many trees have one
	length := 0.
	for open > 0 && found < len(a.free) {
		j := a.takeNearest(left)
		left--
		length = a.dist[j]
		switch i := a.row[j]; {
		case i >= 0:
			a.grow(cost[i*n:(i+1)*n], j, left)
		case a.end[a.root[j]] < 0:
			a.end[a.root[j]] = j
			found++
			open--
		default:
			open--
		}
	}
	for _, j := range a.columns[left:] {
		a.v[j] -= length - a.dist[j]
	}
	for _, start := range a.free {
		for j := a.end[start]; j >= 0; {
			i := a.before[j]
			a.row[j] = i
			a.column[i], j = j, a.column[i]
		}
	}
	a.free = slices.DeleteFunc(a.free, func(i int) bool { return a.column[i] >= 0 })
}

// plant begins a tree at every free row: its steps to the columns, less the cheapest.
func (a *assigner) plant(cost []float64) {
	n := len(a.v)
	for j := range a.dist {
		a.dist[j], a.columns[j] = math.Inf(1), j
	}
	for _, i := range a.free {
		a.end[i] = -1
		costs := cost[i*n : (i+1)*n]
		_, _, cheapest, _ := cheapest(costs, a.v)
		for j, c := range costs {
			if d := c - a.v[j] - cheapest; d < a.dist[j] {
				a.dist[j], a.before[j], a.root[j] = d, i, i
			}
		}
	}
}

// takeNearest moves the nearest of the first columns behind the others.
func (a *assigner) takeNearest(left int) int {
	nearest, least := 0, math.Inf(1)
	for k, j := range a.columns[:left] {
		if d := a.dist[j]; d < least {
			nearest, least = k, d
		}
	}
	j := a.columns[nearest]
	a.columns[nearest], a.columns[left-1] = a.columns[left-1], j
	return j
}

// grow looks whether columns not reached yet are nearer by way of column j and its row, whose costs are given.
func (a *assigner) grow(costs []float64, j, left int) {
	i, root := a.row[j], a.root[j]
	ahead := costs[j] - a.v[j] - a.dist[j]
	for _, k := range a.columns[:left] {
		if d := costs[k] - a.v[k] - ahead; d < a.dist[k] {
			a.dist[k], a.before[k], a.root[k] = d, i, root
		}
	}
}
