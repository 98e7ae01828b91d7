package torchrand

import "math"

// PyTorch's vectorised normals use the single-precision logarithm and sine of S. L. Moshier's Cephes library (Methods and
// Programs for Mathematical Functions, 1989), eight numbers at a time, as J. Pommier wrote them for vector instructions.
// Compiled for AVX2, a product that is added to something is rounded once with the sum. The same operations in the same
// order, below, give the same bits.

// fused is a b + c, rounded once. The product is exact in float64, so that it does not matter whether the machine fuses it;
// that the sum is rounded to float64 before it is to float32 shows once in about 2^29 sums.
func fused(a, b, c float32) float32 { return float32(float64(a)*float64(b) + float64(c)) }

// logarithm is ln x for normal numbers x > 0. With x = 2^e (1+f), sqrt(1/2) <= 1+f < sqrt(2),
//
//	ln x = f - f^2/2 + f^3 P(f) + e ln 2,  ln 2 = 0.693359375 - 2.12194440e-4
func logarithm(x float32) float32 {
	const (
		sqrtHalf = 0x3f3504f3 // the bits of sqrt(1/2)
		ln2High  = 0.693359375
		ln2Low   = -2.12194440e-4
	)
	bits := int32(math.Float32bits(x))
	exponent := (bits - sqrtHalf) >> 23
	e, f := float32(exponent), math.Float32frombits(uint32(bits-exponent<<23))-1

	p := float32(7.0376836292e-2)
	p = fused(p, f, -1.1514610310e-1)
	p = fused(p, f, 1.1676998740e-1)
	p = fused(p, f, -1.2420140846e-1)
	p = fused(p, f, 1.4249322787e-1)
	p = fused(p, f, -1.6668057665e-1)
	p = fused(p, f, 2.0000714765e-1)
	p = fused(p, f, -2.4999993993e-1)
	p = fused(p, f, 3.3333331174e-1)

	square := f * f
	rest := fused(p*f, square, e*ln2Low)
	rest = fused(square, -0.5, rest)
	return fused(e, ln2High, f+rest)
}

// sineCosine is the sine and the cosine of 0 <= x <= 2 pi. With x = pi/2 (quadrant) + y, |y| <= pi/4, found in octants, pi/4
// in three parts of which the first two have few digits, they are polynomials of y^2,
//
//	sin y = y + y^3 S(y^2),  cos y = 1 - y^2/2 + y^4 C(y^2)
func sineCosine(x float32) (sin, cos float32) {
	const (
		octants = 4 / math.Pi
		part1   = 0.78515625
		part2   = 2.4187564849853515625e-4
		part3   = 3.77489497744594108e-8
	)
	octant := (int32(x*octants) + 1) &^ 1 // the even one next to x
	y := fused(float32(octant), -part1, x)
	y = fused(float32(octant), -part2, y)
	y = fused(float32(octant), -part3, y)
	square := y * y

	s := float32(-1.9515295891e-4)
	s = fused(s, square, 8.3321608736e-3)
	s = fused(s, square, -1.6666654611e-1)
	s = fused(s*square, y, y)

	c := float32(2.443315711809948e-5)
	c = fused(c, square, -1.388731625493765e-3)
	c = fused(c, square, 4.166664568298827e-2)
	c = fused(c*square, square, -0.5*square) + 1

	// Quadrants 0 to 3: (s, c), (c, -s), (-s, -c), (-c, s).
	quadrant := uint32(octant / 2)
	a, b := math.Float32bits(s), math.Float32bits(c)
	swap := (a ^ b) & -(quadrant & 1)
	a ^= swap ^ quadrant<<30&(1<<31)
	b ^= swap ^ (quadrant+1)<<30&(1<<31)
	return math.Float32frombits(a), math.Float32frombits(b)
}
