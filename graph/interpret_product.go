package graph

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
)

// matMulKernel multiplies matrices.
func matMulKernel[T float](c *crew[T], y *array[T], args []*array[T]) kernel[T] {
	a, b := args[0].shape, args[1].shape
	lead := y.shape[:len(y.shape)-2]
	s := newSpread(lead, a[:len(a)-2], b[:len(b)-2])
	batches := sizeOf(lead)
	ta, tb := y.value.Attrs.TransA, y.value.Attrs.TransB
	m, n := y.shape[len(y.shape)-2], y.shape[len(y.shape)-1]
	k := a[len(a)-1]
	if ta {
		k = a[len(a)-2]
	}
	if !ta && sizeOf(b[:len(b)-2]) == 1 {
		m, batches = m*batches, 1 // the rows of all batches as one matrix
	}
	work := batches * m * n * k / 4
	return func(y *array[T], args []*array[T]) error {
		a, b := args[0].floats, args[1].floats
		if batches == 1 {
			multiply(c, ta, tb, m, n, k, a, b, y.floats)
			return nil
		}
		c.do(batches, work, func(_, from, to int) {
			for i := from; i < to; i++ {
				p, q := index(i, s.dims, s.strides[0])*m*k, index(i, s.dims, s.strides[1])*k*n
				gemm(ta, tb, m, n, k, a[p:p+m*k], b[q:q+k*n], 0, y.floats[i*m*n:(i+1)*m*n])
			}
		})
		return nil
	}
}

// gemmBlock is the size of the parts in which gonum's product is shared out among processors.
const gemmBlock = 64

// multiply is gemm with rows shared among workers where gonum would not share: it does so only with four blocks or
// more. Workers get whole blocks, so that their number changes no result.
func multiply[T float](c *crew[T], ta, tb bool, m, n, k int, a, b, y []T) {
	rows, columns := (m+gemmBlock-1)/gemmBlock, (n+gemmBlock-1)/gemmBlock
	if ta || rows*columns >= 4 {
		gemm(ta, tb, m, n, k, a, b, 0, y)
		return
	}
	c.do(rows, m*n*k/4, func(_, from, to int) {
		for r := from; r < to; r++ {
			i, j := r*gemmBlock, min((r+1)*gemmBlock, m)
			gemm(false, tb, j-i, n, k, a[i*k:j*k], b, 0, y[i*n:j*n])
		}
	})
}

// gemm is y = a b + beta y for an m x k matrix a, or its transpose, and a k x n matrix b, or its transpose; beta is 0
// or 1.
func gemm[T float](ta, tb bool, m, n, k int, a, b []T, beta T, y []T) {
	if k == 0 { // a sum of nothing, which gonum refuses
		if beta == 0 {
			clear(y)
		}
		return
	}
	lda, ldb, ldy := k, max(n, 1), max(n, 1)
	if ta {
		lda = max(m, 1)
	}
	if tb {
		ldb = k
	}
	switch y := any(y).(type) {
	case []float32:
		blas32.Implementation().Sgemm(transposed(ta), transposed(tb), m, n, k,
			1, any(a).([]float32), lda, any(b).([]float32), ldb, float32(beta), y, ldy)
	case []float64:
		blas64.Implementation().Dgemm(transposed(ta), transposed(tb), m, n, k,
			1, any(a).([]float64), lda, any(b).([]float64), ldb, float64(beta), y, ldy)
	}
}

func transposed(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}
