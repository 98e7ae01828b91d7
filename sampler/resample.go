package sampler

import (
	"cmp"
	"fmt"
	"math"
)

// Resample goes through the walk in parts of Length steps, each of them Times times: from its end the state is noised back to its
// begin, as the path does it, x' = r x + sqrt(beta'^2 - r^2 beta^2) xi with r = alpha'/alpha, and the part is walked again. What was
// painted beside known parts of the data (Inpaint) so has the time to agree with them (Lugmayr et al. 2022, RePaint,
// https://arxiv.org/abs/2201.09865, algorithm 1 and section 4.2).
type Resample struct {
	Times  int // 0: 1, which is once
	Length int // 0: 1
}

func (r Resample) times() int { return max(r.Times, 1) }

// pass is one step of the walk, from node number node, before which so many steps are undone.
type pass struct{ node, undone int }

// passes lists the steps in the order in which they are taken, for a walk of so many.
func (r Resample) passes(steps int) (list []pass) {
	length := cmp.Or(r.Length, 1)
	for begin := 0; begin < steps; begin += length {
		end := min(begin+length, steps)
		for time := range r.times() {
			for k := begin; k < end; k++ {
				p := pass{node: k}
				if k == begin && time > 0 {
					p.undone = end - begin
				}
				list = append(list, p)
			}
		}
	}
	return list
}

// again is the row that noises the state at the end of a part back to its begin. Steps before it are no longer those that lead to
// the state, and a multistep method begins anew.
func (b *builder) again(k int, nodes []node, p pass) {
	to, from := nodes[p.node], b.node(1)
	if end := p.node + p.undone; end < len(nodes) {
		from = nodes[end-1].target(nodes[end])
	} else { // the last step went to the data prediction
		from.point.Alpha, from.point.Beta = 1, 0
	}
	row := b.still(k, from)
	row.A = to.point.Alpha / from.point.Alpha
	left := row.A * from.point.Beta
	row.C = math.Sqrt(max(0, (to.point.Beta-left)*(to.point.Beta+left)))
	row.Next, row.Note = to.t, fmt.Sprintf("noised again, %d back", p.undone)
	b.append(row)
	b.past, b.used, b.retake = nil, nil, false
}
