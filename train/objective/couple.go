package objective

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// mostPaired bounds batches with a coupling: the squared distances of all pairs are held (0.8 GB for so many), and the assignment takes
// time of the order of the batch's cube.
const mostPaired = 8192

// A coupler pairs the data and noise of batches of n samples of dim numbers.
type coupler struct {
	Coupling
	dim      int
	members  []int     // the batch's samples, class by class
	z, noise []float32 // those of one class
	products []float32 // their inner products
	zz, ee   []float64 // half their squared lengths
	cost     []float64 // half their squared distances
	assign   *assigner
	sinkhorn *sinkhorn
}

func newCoupler(c Coupling, n, dim int) (*coupler, error) {
	if n > mostPaired {
		return nil, fmt.Errorf("coupling %s pairs a whole batch, and the batch is %d; expected at most %d, or coupling independent", c, n, mostPaired)
	}
	k := &coupler{
		Coupling: c,
		dim:      dim,
		members:  make([]int, n),
		z:        make([]float32, n*dim),
		noise:    make([]float32, n*dim),
		products: make([]float32, n*n),
		zz:       make([]float64, n),
		ee:       make([]float64, n),
		cost:     make([]float64, n*n),
	}
	if c.Kind == Transport {
		k.assign = newAssigner(n)
	} else {
		k.sinkhorn = newSinkhorn(n)
	}
	return k, nil
}

// couple stores in partner the number of the noise that each sample gets. Only samples with equal labels exchange theirs. u are uniform
// numbers, one for each sample.
func (c *coupler) couple(partner []int, z, noise []float32, labels []int64, u []float64) error {
	for i := range c.members {
		c.members[i] = i
	}
	if labels == nil {
		return c.coupleClass(partner, c.members, z, noise, u)
	}
	slices.SortStableFunc(c.members, func(i, j int) int { return int(min(max(labels[i]-labels[j], -1), 1)) })
	for first := 0; first < len(c.members); {
		last := first + 1
		for last < len(c.members) && labels[c.members[last]] == labels[c.members[first]] {
			last++
		}
		members := c.members[first:last]
		for k, i := range members {
			copy(c.z[k*c.dim:(k+1)*c.dim], z[i*c.dim:])
			copy(c.noise[k*c.dim:(k+1)*c.dim], noise[i*c.dim:])
		}
		if err := c.coupleClass(partner, members, c.z, c.noise, u); err != nil {
			return err
		}
		first = last
	}
	return nil
}

// coupleClass pairs the samples whose numbers in the batch are members; row k of z and noise is of members[k].
func (c *coupler) coupleClass(partner, members []int, z, noise []float32, u []float64) error {
	m := len(members)
	cost, err := c.distances(z[:m*c.dim], noise[:m*c.dim], m)
	if err != nil {
		return err
	}
	if c.Kind == Transport {
		for k, j := range c.assign.solve(cost, m) {
			partner[members[k]] = members[j]
		}
		return nil
	}
	c.sinkhorn.plan(cost, m, c.eps())
	for k, i := range members {
		partner[i] = members[c.sinkhorn.draw(k, u[i])]
	}
	return nil
}

// distances are half the squared distances |z_i - eps_j|^2/2 = |z_i|^2/2 + |eps_j|^2/2 - z_i eps_j, the inner products in one
// product of matrices.
func (c *coupler) distances(z, noise []float32, m int) ([]float64, error) {
	if !halfSquares(c.zz[:m], z) {
		return nil, fmt.Errorf("coupling %s: the data hold a number that is infinite or not a number, to which no distance can be taken", c)
	}
	halfSquares(c.ee[:m], noise)
	matrix := func(rows, cols int, data []float32) blas32.General {
		return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: data}
	}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, matrix(m, c.dim, z), matrix(m, c.dim, noise), 0, matrix(m, m, c.products[:m*m]))
	cost, ee := c.cost[:m*m], c.ee[:m]
	for i := range m {
		row, products, zz := cost[i*m:(i+1)*m], c.products[i*m:(i+1)*m], c.zz[i]
		for j, p := range products {
			row[j] = zz + ee[j] - float64(p)
		}
	}
	return cost, nil
}

// halfSquares stores half the squared length of each row of x, and reports whether all are finite.
func halfSquares(dst []float64, x []float32) bool {
	dim := len(x) / len(dst)
	total := 0.
	for i := range dst {
		sum := float32(0)
		for _, v := range x[i*dim : (i+1)*dim] {
			sum += v * v
		}
		dst[i] = float64(sum) / 2
		total += dst[i]
	}
	return !math.IsNaN(total) && !math.IsInf(total, 0)
}
