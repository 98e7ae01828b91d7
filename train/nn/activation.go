package nn

import (
	"math"

	"odeon/graph"
)

// SiLU is x sigmoid(x), also called swish (Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units").
func (b *Builder) SiLU(x *graph.Value) *graph.Value { return b.Mul(x, b.Sigmoid(x)) }

// ReLU is max(x, 0).
func (b *Builder) ReLU(x *graph.Value) *graph.Value { return b.Max(x, b.Scalar(0)) }

// GELU is x Phi(x) = x (1 + erf(x/sqrt(2)))/2, Phi the normal distribution function (Hendrycks and Gimpel, "Gaussian error linear
// units"). The order of the operators is the one in which ONNX Runtime finds its own Gelu.
func (b *Builder) GELU(x *graph.Value) *graph.Value {
	phi2 := b.Add(b.Erf(b.Div(x, b.Scalar(math.Sqrt2))), b.Scalar(1))
	return b.Mul(b.Mul(x, phi2), b.Scalar(0.5))
}

// GELUTanh is the approximation x (1 + tanh(u))/2 of GELU, u = sqrt(2/pi) (x + 0.044715 x^3) (same source), which is within 5e-4
// of it. It is computed as x sigmoid(2u), which is the same in fewer passes.
func (b *Builder) GELUTanh(x *graph.Value) *graph.Value {
	c := 2 * math.Sqrt(2/math.Pi)
	u2 := b.Mul(x, b.Add(b.Mul(b.Mul(x, x), b.Scalar(0.044715*c)), b.Scalar(c)))
	return b.Mul(x, b.Sigmoid(u2))
}
