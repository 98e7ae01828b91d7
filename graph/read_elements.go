package graph

import (
	"math"

	"odeon/onnx"
)

// An operator makes a node's only result.
type operator func(*call) *Value

func single(f func(*Graph, *Value) *Value) operator {
	return func(c *call) *Value { return f(c.g, c.arg(0)) }
}

func pair(f func(*Graph, *Value, *Value) *Value) operator {
	return func(c *call) *Value { return f(c.g, c.arg(0), c.arg(1)) }
}

// folded is an operator of any number of arguments.
func folded(f func(*Graph, *Value, *Value) *Value) operator {
	return func(c *call) *Value {
		v := c.arg(0)
		for i := 1; i < len(c.args); i++ {
			v = f(c.g, v, c.arg(i))
		}
		return v
	}
}

// onFloats is an operator on floating-point numbers made of those of a graph.
func onFloats(f func(c *call, x *Value) *Value) operator {
	return func(c *call) *Value { return f(c, c.data(0)) }
}

// operators are those of ONNX with one result, by what they are made of; "domain:Name" outside the standard set.
var operators = map[string]operator{
	// Element by element.
	"Abs": single((*Graph).Abs), "Neg": single((*Graph).Neg), "Sign": single((*Graph).Sign), "Not": single((*Graph).Not),
	"Exp": single((*Graph).Exp), "Log": single((*Graph).Log), "Sqrt": single((*Graph).Sqrt), "Reciprocal": single((*Graph).Reciprocal),
	"Sin": single((*Graph).Sin), "Cos": single((*Graph).Cos), "Tanh": single((*Graph).Tanh), "Sigmoid": single((*Graph).Sigmoid),
	"Erf": single((*Graph).Erf), "Identity": single(func(_ *Graph, x *Value) *Value { return x }),
	"Floor": onFloats(func(c *call, x *Value) *Value { return c.g.Floor(x) }),
	"Ceil":  onFloats(func(c *call, x *Value) *Value { return c.g.Neg(c.g.Floor(c.g.Neg(x))) }),
	"Round": onFloats((*call).round),
	"Tan":   onFloats(func(c *call, x *Value) *Value { return c.g.Div(c.g.Sin(x), c.g.Cos(x)) }),
	"Sinh": onFloats(func(c *call, x *Value) *Value {
		return c.scaled(c.g.Sub(c.g.Exp(x), c.g.Exp(c.g.Neg(x))), 0.5)
	}),
	"Cosh": onFloats(func(c *call, x *Value) *Value {
		return c.scaled(c.g.Add(c.g.Exp(x), c.g.Exp(c.g.Neg(x))), 0.5)
	}),
	"IsNaN": onFloats(func(c *call, x *Value) *Value { return c.g.Not(c.g.Equal(x, x)) }),

	"Relu":            func(c *call) *Value { return c.positive(c.arg(0)) },
	"LeakyRelu":       onFloats(func(c *call, x *Value) *Value { return c.slope(x, c.scaled(x, c.float("alpha", 0.01))) }),
	"PRelu":           onFloats(func(c *call, x *Value) *Value { return c.slope(x, c.g.Mul(x, c.data(1))) }),
	"ThresholdedRelu": onFloats((*call).thresholdedRelu),
	"Elu":             onFloats(func(c *call, x *Value) *Value { return c.elu(x, c.float("alpha", 1), 1) }),
	"Selu": onFloats(func(c *call, x *Value) *Value {
		return c.scaled(c.elu(x, c.float("alpha", seluAlpha), 1), c.float("gamma", seluGamma))
	}),
	"Celu": onFloats(func(c *call, x *Value) *Value {
		alpha := c.float("alpha", 1)
		return c.elu(x, alpha, 1/alpha)
	}),
	"Softplus": onFloats((*call).softplus),
	"Softsign": onFloats(func(c *call, x *Value) *Value { return c.g.Div(x, c.shifted(c.g.Abs(x), 1)) }),
	"Mish":     onFloats(func(c *call, x *Value) *Value { return c.g.Mul(x, c.g.Tanh(c.softplus(x))) }),
	"HardSigmoid": onFloats(func(c *call, x *Value) *Value {
		return c.between(c.shifted(c.scaled(x, c.float("alpha", 0.2)), c.float("beta", 0.5)), 0, 1)
	}),
	"HardSwish": onFloats(func(c *call, x *Value) *Value {
		return c.g.Mul(x, c.between(c.shifted(c.scaled(x, 1./6), 0.5), 0, 1))
	}),
	"Swish":                   onFloats(func(c *call, x *Value) *Value { return c.swish(x, c.float("alpha", 1)) }),
	"Gelu":                    onFloats((*call).gelu),
	"com.microsoft:Gelu":      onFloats((*call).gelu),
	"com.microsoft:QuickGelu": onFloats(func(c *call, x *Value) *Value { return c.swish(x, c.float("alpha", 1.702)) }),

	"Add": pair((*Graph).Add), "Sub": pair((*Graph).Sub), "Mul": pair((*Graph).Mul), "Div": (*call).div,
	"Pow": (*call).pow, "Mod": (*call).mod,
	"Max": folded((*Graph).Max), "Min": folded((*Graph).Min), "Sum": folded((*Graph).Add),
	"Mean": func(c *call) *Value { return c.scaled(folded((*Graph).Add)(c), 1/float64(len(c.args))) },
	"Clip": (*call).clip,

	"Less":           pair((*Graph).Less),
	"Greater":        pair(func(g *Graph, a, b *Value) *Value { return g.Less(b, a) }),
	"LessOrEqual":    pair(func(g *Graph, a, b *Value) *Value { return g.Not(g.Less(b, a)) }),
	"GreaterOrEqual": pair(func(g *Graph, a, b *Value) *Value { return g.Not(g.Less(a, b)) }),
	"Equal":          pair((*Graph).Equal),
	"And":            logical((*Graph).Mul),
	"Or":             logical((*Graph).Max),
	"Xor":            func(c *call) *Value { return c.g.Not(c.g.Equal(c.arg(0), c.arg(1))) },
	"Where":          func(c *call) *Value { return c.g.Where(c.arg(0), c.arg(1), c.arg(2)) },
	"Cast":           func(c *call) *Value { return c.cast(onnx.DType(c.attribute("to").Int)) },
	"CastLike":       func(c *call) *Value { return c.converted(c.arg(0), c.arg(1).Type) },

	"DequantizeLinear": (*call).dequantize,

	// Constants and shapes.
	"Constant": (*call).constant, "ConstantOfShape": (*call).constantOfShape, "Range": (*call).rangeOf, "EyeLike": (*call).eyeLike,
	"Shape": (*call).shape, "Size": (*call).size, "NonZero": (*call).nonZero,

	// Elements in other places.
	"Reshape": (*call).reshape, "Flatten": (*call).flatten, "Squeeze": (*call).squeeze, "Unsqueeze": (*call).unsqueeze,
	"Transpose": (*call).transpose, "Expand": (*call).expand, "Tile": (*call).tile, "Concat": (*call).concat, "Slice": (*call).slice,
	"Pad": (*call).pad, "Gather": (*call).gather, "OneHot": (*call).oneHot, "Trilu": (*call).trilu,
	"DepthToSpace": (*call).depthToSpace, "SpaceToDepth": (*call).spaceToDepth, "Resize": (*call).resize, "Upsample": (*call).resize,

	// Sums and products.
	"MatMul": func(c *call) *Value { return c.matMul(c.arg(0), c.arg(1)) }, "Gemm": (*call).gemm, "Einsum": (*call).einsum, "CumSum": (*call).cumSum,
	"ReduceSum":       reduction(func(c *call, x *Value, axes []int) *Value { return c.g.Sum(x, true, axes...) }),
	"ReduceMean":      reduction((*call).mean),
	"ReduceMax":       reduction(func(c *call, x *Value, axes []int) *Value { return c.g.ReduceMax(x, true, axes...) }),
	"ReduceMin":       reduction((*call).reduceMin),
	"ReduceProd":      reduction((*call).reduceProd),
	"ReduceSumSquare": reduction(func(c *call, x *Value, axes []int) *Value { return c.g.Sum(c.g.Mul(x, x), true, axes...) }),
	"ReduceL1":        reduction(func(c *call, x *Value, axes []int) *Value { return c.g.Sum(c.g.Abs(x), true, axes...) }),
	"ReduceL2":        reduction(func(c *call, x *Value, axes []int) *Value { return c.g.Sqrt(c.g.Sum(c.g.Mul(x, x), true, axes...)) }),
	"ReduceLogSum":    reduction(func(c *call, x *Value, axes []int) *Value { return c.g.Log(c.g.Sum(x, true, axes...)) }),
	"ReduceLogSumExp": reduction((*call).logSumExp),

	// Layers.
	"Conv": (*call).conv, "ConvTranspose": (*call).convTranspose,
	"AveragePool": (*call).averagePool, "MaxPool": (*call).maxPool,
	"GlobalAveragePool":  func(c *call) *Value { return c.mean(c.arg(0), spatial(c.data(0))) },
	"GlobalMaxPool":      func(c *call) *Value { return c.g.ReduceMax(c.data(0), true, spatial(c.data(0))...) },
	"Softmax":            func(c *call) *Value { return c.overClasses((*Graph).Softmax) },
	"LogSoftmax":         func(c *call) *Value { return c.overClasses(logSoftmax) },
	"LayerNormalization": (*call).layerNormalization, "RMSNormalization": (*call).rmsNormalization,
	"InstanceNormalization": (*call).instanceNormalization, "GroupNormalization": (*call).groupNormalization,
	"LpNormalization": (*call).lpNormalization,
}

// dividers are operators of several results, or of results that may be left out.
var dividers = map[string]func(*call) []*Value{
	"Split":              (*call).split,
	"Dropout":            (*call).dropout,
	"BatchNormalization": (*call).batchNormalization,
}

// The constants of Selu, of Klambauer et al., Self-Normalizing Neural Networks, 2017, as ONNX rounds them.
const (
	seluAlpha = 1.67326319217681884765625
	seluGamma = 1.05070102214813232421875
)

// scaled is x times a constant.
func (c *call) scaled(x *Value, k float64) *Value {
	if k == 1 {
		return x
	}
	return c.g.Mul(x, c.number(k, x))
}

// shifted is x plus a constant.
func (c *call) shifted(x *Value, k float64) *Value { return c.g.Add(x, c.number(k, x)) }

// positive is max(x, 0).
func (c *call) positive(x *Value) *Value { return c.g.Max(x, c.number(0, x)) }

// between is x brought between two constants.
func (c *call) between(x *Value, low, high float64) *Value {
	return c.g.Min(c.g.Max(x, c.number(low, x)), c.number(high, x))
}

// slope is x where it is positive, else below.
func (c *call) slope(x, below *Value) *Value {
	return c.g.Where(c.g.Less(x, c.number(0, x)), below, x)
}

func (c *call) thresholdedRelu(x *Value) *Value {
	return c.g.Where(c.g.Less(c.number(c.float("alpha", 1), x), x), x, c.number(0, x))
}

// elu is x where it is positive, else alpha (exp(rate x) - 1). The exponential never sees a positive number, whose gradient
// could be infinite.
func (c *call) elu(x *Value, alpha, rate float64) *Value {
	below := c.shifted(c.g.Exp(c.scaled(c.g.Min(x, c.number(0, x)), rate)), -1)
	return c.g.Add(c.positive(x), c.scaled(below, alpha))
}

// softplus is log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).
func (c *call) softplus(x *Value) *Value {
	return c.g.Add(c.positive(x), c.g.Log(c.shifted(c.g.Exp(c.g.Neg(c.g.Abs(x))), 1)))
}

func (c *call) swish(x *Value, alpha float64) *Value {
	return c.g.Mul(x, c.g.Sigmoid(c.scaled(x, alpha)))
}

// gelu is x times the normal distribution function, x (1 + erf(x/sqrt 2))/2, or its approximation by a tanh.
func (c *call) gelu(x *Value) *Value {
	inner := c.g.Erf(c.scaled(x, math.Sqrt2/2))
	if c.text("approximate", "none") == "tanh" {
		cubic := c.g.Add(x, c.scaled(c.g.Mul(c.g.Mul(x, x), x), 0.044715))
		inner = c.g.Tanh(c.scaled(cubic, math.Sqrt(2/math.Pi)))
	}
	return c.scaled(c.g.Mul(x, c.shifted(inner, 1)), 0.5)
}

// round is to the nearest whole number, ties to the even one.
func (c *call) round(x *Value) *Value {
	up := c.g.Floor(c.shifted(x, 0.5))
	odd := c.g.Sub(up, c.scaled(c.g.Floor(c.scaled(up, 0.5)), 2))
	tie := c.g.Equal(c.g.Sub(up, x), c.number(0.5, x))
	return c.g.Where(tie, c.g.Sub(up, odd), up)
}

// div of whole numbers cuts towards zero.
func (c *call) div() *Value { return c.g.Div(c.arg(0), c.divisor(1)) }

// divisor is argument i, of which no whole number that is known is zero.
func (c *call) divisor(i int) *Value {
	v := c.arg(i)
	if v.Type.IsFloat() {
		return v
	}
	if n, ok := c.known(v); ok {
		for _, k := range n.Ints {
			if k == 0 {
				fail("a division by zero")
			}
		}
	}
	return v
}

// mod has the sign of the divisor or, with fmod, of what is divided.
func (c *call) mod() *Value {
	a, b := c.arg(0), c.divisor(1)
	if a.Type.IsFloat() {
		quotient := c.g.Div(a, b)
		if c.int("fmod", 0) == 0 {
			return c.g.Sub(a, c.g.Mul(b, c.g.Floor(quotient)))
		}
		whole := c.g.Mul(c.g.Sign(quotient), c.g.Floor(c.g.Abs(quotient)))
		return c.g.Sub(a, c.g.Mul(b, whole))
	}
	rest := func(a *Value) *Value { return c.g.Sub(a, c.g.Mul(b, c.g.Div(a, b))) }
	if c.int("fmod", 0) == 1 {
		return rest(a)
	}
	return rest(c.g.Add(rest(a), b))
}

// pow writes small powers out, whose gradients are simpler so.
func (c *call) pow() *Value {
	x, y := c.arg(0), c.arg(1)
	if n, ok := c.known(y); ok && len(n.Ints)+len(n.Floats) == 1 && count(y.Shape) == 1 && len(y.Shape) <= len(x.Shape) {
		k := 0.
		if y.Type.IsFloat() {
			k = n.Floats[0]
		} else {
			k = float64(n.Ints[0])
		}
		switch {
		case k == 1:
			return x
		case k == 2:
			return c.g.Mul(x, x)
		case k == 3:
			return c.g.Mul(c.g.Mul(x, x), x)
		case k == 0.5 && x.Type.IsFloat():
			return c.g.Sqrt(x)
		case k == -1 && x.Type.IsFloat():
			return c.g.Reciprocal(x)
		}
	}
	power := c.g.Pow(c.converted(x, onnx.Float32), c.converted(y, onnx.Float32))
	return c.converted(power, x.Type)
}

// clip has its bounds as attributes up to version 10.
func (c *call) clip() *Value {
	x := c.arg(0)
	if c.hasAttribute("min") {
		x = c.g.Max(x, c.number(c.float("min", 0), x))
	} else if c.has(1) {
		x = c.g.Max(x, c.arg(1))
	}
	if c.hasAttribute("max") {
		x = c.g.Min(x, c.number(c.float("max", 0), x))
	} else if c.has(2) {
		x = c.g.Min(x, c.arg(2))
	}
	return x
}

// logical combines truth values as whole numbers.
func logical(f func(*Graph, *Value, *Value) *Value) operator {
	return func(c *call) *Value {
		a, b := c.converted(c.arg(0), onnx.Int64), c.converted(c.arg(1), onnx.Int64)
		return c.converted(f(c.g, a, b), onnx.Bool)
	}
}

// cast knows the three types of a graph; to a whole number of fewer bits it does not wrap around.
func (c *call) cast(to onnx.DType) *Value {
	return c.converted(c.arg(0), typeOf(to, c.node.Outputs[0]))
}

func (c *call) converted(x *Value, t onnx.DType) *Value {
	if x.Type == t {
		return x
	}
	return c.g.Cast(x, t)
}

// dequantize is (x - zero) scale, with one of both for each entry of an axis, or one in all.
func (c *call) dequantize() *Value {
	if c.int("block_size", 0) != 0 {
		fail("quantized in blocks")
	}
	x, scale := c.arg(0), c.data(1)
	along := func(v *Value) *Value {
		if len(v.Shape) != 1 || count(v.Shape) == 1 {
			return v
		}
		return c.alongAxis(v, axis(c.int("axis", 1), len(x.Shape)), len(x.Shape))
	}
	if c.has(2) {
		x = c.g.Sub(x, along(c.arg(2)))
	}
	return c.g.Mul(c.converted(x, onnx.Float32), along(scale))
}

// alongAxis gives a vector so many axes that it lies along one of them.
func (c *call) alongAxis(v *Value, axis, rank int) *Value {
	if len(v.Shape) != 1 {
		fail("an array of shape %v, where a list is expected", v.Shape)
	}
	shape := make(Shape, rank)
	for i := range shape {
		shape[i] = 1
	}
	shape[axis] = v.Shape[0]
	return c.g.Reshape(v, shape...)
}
