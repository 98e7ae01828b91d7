package sampler

import "math"

// boxMuller turns two independent uniform words into two independent standard normals (Box and Muller, 1958):
//
//	r = sqrt(-2 ln((w0+1)/2^32)),  x = r cos(2 pi w1/2^32),  y = r sin(2 pi w1/2^32)
//
// The argument of the logarithm lies in (0, 1], so that |x| <= sqrt(64 ln 2) = 6.66; a true normal exceeds that once in
// 3.7e10 draws. Before the last rounding, to float32, x and y are within 1e-10 relative of the formula: they are the
// float32 numbers nearest to it, but for one in a few hundred that lies that close to the middle between two.
//
// The bits are the same on every machine. Everything is float64 arithmetic in which each operation is rounded as IEEE
// 754 says (products are converted explicitly before they are added to, since compilers for arm64, ppc64, s390x and
// others may fuse them otherwise), and the logarithm, the sine and the cosine are the polynomials below, not
// package math's, which has assembly of its own on some machines. There is no branch, whose direction would be random.
func boxMuller(w0, w1 uint32) (x, y float32) {
	r := radius(w0)
	cos, sin, quadrant := turn(w1)
	a, b := math.Float32bits(float32(r*cos)), math.Float32bits(float32(r*sin))

	// Rotate (a, b) by the quadrant: (a, b), (-b, a), (-a, -b), (b, -a).
	swap := (a ^ b) & -(quadrant & 1)
	a ^= swap ^ (quadrant+1)<<30&(1<<31)
	b ^= swap ^ quadrant<<30&(1<<31)
	return math.Float32frombits(a), math.Float32frombits(b)
}

// radius is sqrt(-2 ln u) for u = (w+1)/2^32. With u = 2^e f, sqrt(1/2) <= f < sqrt(2), and s = (f-1)/(f+1),
//
//	ln u = e ln 2 + 2 atanh(s),  atanh(s) = s (1 + s^2/3 + s^4/5 + ...)
//
// where e is 0 next to u = 1, so that small radii keep their digits. The polynomial in s^2 is the minimax one (relative
// error 4.3e-12 for |s| <= 3 - sqrt(8), by Remez's algorithm).
func radius(w uint32) float64 {
	const (
		one      = 0x3ff0000000000000 // the bits of 1
		sqrtHalf = 0x3fe6a09e667f3bcd // the bits of sqrt(1/2)
		fraction = 1<<52 - 1

		c0 = 1.000000000004212
		c1 = 0.33333332620226785
		c2 = 0.20000192934513072
		c3 = 0.14267492964342343
		c4 = 0.11808732909402392
	)
	bits := math.Float64bits(float64(int64(w)+1)) + (one - sqrtHalf)
	e := int64(bits>>52) - 1023 - 32
	f := math.Float64frombits(bits&fraction + sqrtHalf)

	s := (f - 1) / (f + 1)
	v := s * s
	p := float64(c4*v) + c3
	p = float64(p*v) + c2
	p = float64(p*v) + c1
	p = float64(p*v) + c0
	return math.Sqrt(float64(float64(-e)*(2*math.Ln2)) - float64(float64(4*s)*p))
}

// turn is the angle of w turns/2^32, split exactly into quadrants and a rest of y quarter turns, -1/2 <= y < 1/2:
//
//	2 pi w/2^32 = pi/2 (quadrant + y)
//
// It returns cos(pi/2 y) and sin(pi/2 y), minimax polynomials in y^2 (relative errors 5.7e-11 and 4.6e-12, by Remez's
// algorithm), and the quadrant in the two lowest bits.
func turn(w uint32) (cos, sin float64, quadrant uint32) {
	const (
		a0 = 0.9999999999439376
		a1 = -1.2337005395647638
		a2 = 0.253669182596069
		a3 = -0.020859936027770348
		a4 = 0.0009033629753815414

		b0 = 1.57079632678775
		b1 = -0.6459640961024209
		b2 = 0.07969258184291998
		b3 = -0.004681260627654506
		b4 = 0.00015819507429245977
	)
	const eighth = 1 << 29
	quadrant = (w + eighth) >> 30
	y := float64(int32(w-quadrant<<30)) * 0x1p-30

	v := y * y
	cos = float64(a4*v) + a3
	cos = float64(cos*v) + a2
	cos = float64(cos*v) + a1
	cos = float64(cos*v) + a0

	sin = float64(b4*v) + b3
	sin = float64(sin*v) + b2
	sin = float64(sin*v) + b1
	sin = float64(sin*v) + b0
	return cos, y * sin, quadrant
}
