package onnx

import "math"

// A float32 has 8 bits of exponent (bias 127) above 23 of fraction, a float16 has 5 (bias 15) above 10; both keep the sign in
// the top bit. Below, numbers are compared and moved as their bits. The branches are those of Fabian Giesen's
// float_to_half_fast3_rtne and half_to_float_fast5 (public domain).
const (
	narrower   = 23 - 10             // bits of fraction that a float16 lacks
	rebias     = (127 - 15) << 23    // difference of the biases, in place
	floatInf   = 255 << 23           // +infinity in float32; NaNs lie above
	halfInf    = 31 << 10            // and in float16
	tooLarge   = (127 + 16) << 23    // 2^16: infinite as a float16
	halfNormal = (127 - 14) << 23    // 2^-14, the smallest normal float16
	alignment  = rebias + 14<<23     // 2^-1: adding it leaves a float16's subnormal fraction in the low bits, rounded
	floatSign  = 1 << 31             // the sign of a float32
	halfSign   = 1 << 15             // the sign of a float16
	quiet      = halfInf | 1<<9      // a NaN in float16
	justBelow  = 1<<(narrower-1) - 1 // the largest rest that is cut off without a carry when the last kept bit is even
)

// Float16FromFloat32 writes the float16 nearest to each number of src into dst, ties to even: numbers from 65520 on become
// infinite, numbers up to 2^-25 zero, and every NaN the quiet one of its sign. It panics where the lengths differ.
func Float16FromFloat32(dst []Half, src []float32) {
	if len(dst) != len(src) {
		panic("onnx: Float16FromFloat32: lengths differ")
	}
	for i, x := range src {
		bits := math.Float32bits(x)
		size := bits &^ floatSign
		var half uint32
		switch {
		case size > floatInf:
			half = quiet
		case size >= tooLarge:
			half = halfInf
		case size < halfNormal:
			half = math.Float32bits(math.Float32frombits(size)+math.Float32frombits(alignment)) - alignment
		default:
			odd := size >> narrower & 1
			half = (size - rebias + justBelow + odd) >> narrower
		}
		dst[i] = Half(half | bits>>16&halfSign)
	}
}

// Float32FromFloat16 writes the numbers of src into dst, exactly: every float16 is a float32. It panics where the lengths
// differ.
func Float32FromFloat16(dst []float32, src []Half) {
	if len(dst) != len(src) {
		panic("onnx: Float32FromFloat16: lengths differ")
	}
	for i, h := range src {
		size := uint32(h&^halfSign) << narrower
		var x uint32
		switch {
		case size >= halfInf<<narrower:
			x = size + 2*rebias // the largest exponent stays the largest
		case size < 1<<23:
			subnormal := math.Float32frombits(size+halfNormal) - math.Float32frombits(halfNormal)
			x = math.Float32bits(subnormal)
		default:
			x = size + rebias
		}
		dst[i] = math.Float32frombits(x | uint32(h&halfSign)<<16)
	}
}
