#include "textflag.h"

#define BROADCAST(offset, register) MOVSS offset(AX), register; SHUFPS $0, register, register

// func adamVectors(s *adamVector)
//
// The loop of adamStep.from, four weights at a time; operations and their order are the same, and so are the bits. Fields of s
// are at 0: weights, 8: gradient, 16: first, 24: second, 32: average, 40: n, a multiple of 4; then float32 at 48: clip, 52: b1,
// 56: b2, 60: e, 64: a, 68: keep, 72: towards, 76: tiny.
TEXT ·adamVectors(SB), NOSPLIT, $0-8
	MOVQ s+0(FP), AX
	MOVQ 0(AX), DI
	MOVQ 8(AX), SI
	MOVQ 16(AX), R8
	MOVQ 24(AX), R9
	MOVQ 32(AX), R10
	MOVQ 40(AX), CX
	BROADCAST(48, X8)
	BROADCAST(52, X9)
	BROADCAST(56, X10)
	BROADCAST(60, X11)
	BROADCAST(64, X12)
	BROADCAST(68, X13)
	BROADCAST(72, X14)
	BROADCAST(76, X15)
	XORQ DX, DX
	JMP  test

loop:
	MOVUPS (SI)(DX*4), X0  // g = gradient clip
	MULPS  X8, X0
	MOVUPS (R8)(DX*4), X1  // m = b1 first + g + tiny - tiny
	MULPS  X9, X1
	ADDPS  X0, X1
	ADDPS  X15, X1
	SUBPS  X15, X1
	MOVUPS (R9)(DX*4), X2  // v = g g + b2 second + tiny - tiny
	MULPS  X10, X2
	MULPS  X0, X0
	ADDPS  X2, X0
	ADDPS  X15, X0
	SUBPS  X15, X0
	MOVUPS X1, (R8)(DX*4)
	MOVUPS X0, (R9)(DX*4)
	MULPS  X12, X1         // a m/(sqrt(v) + e)
	SQRTPS X0, X0
	ADDPS  X11, X0
	DIVPS  X0, X1
	MOVUPS (DI)(DX*4), X3  // w = keep weights - that
	MULPS  X13, X3
	SUBPS  X1, X3
	MOVUPS X3, (DI)(DX*4)
	MOVUPS (R10)(DX*4), X4 // average += towards (w - average)
	SUBPS  X4, X3
	MULPS  X14, X3
	ADDPS  X4, X3
	MOVUPS X3, (R10)(DX*4)
	ADDQ   $4, DX

test:
	CMPQ DX, CX
	JLT  loop
	RET
