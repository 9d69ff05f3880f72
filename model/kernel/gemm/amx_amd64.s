//go:build amd64 && !purego

#include "textflag.h"

// Micro-kernels by AMX, whose instructions Go's assembler does not know: they stand as bytes
// (Intel's manual, volume 2, TDPBF16PS and its neighbours). A tile register holds 16 rows of 64
// bytes: of A 16 rows × 32 bfloat16, of B 16 pairs of rows × 16 columns, of C 16 × 16 float32.
//
// A lies at SI, its rows DX bytes apart; R10 is 16 rows further down. B lies at DI, its rows R8
// bytes apart; R9 is 32 columns further. C lies at AX and, 32 columns further, at R12; 16 rows
// down at R11 and R13; its rows are BX bytes apart.

DATA amxConfig<>+0(SB)/8, $1
DATA amxConfig<>+8(SB)/8, $0
DATA amxConfig<>+16(SB)/8, $0x0040004000400040
DATA amxConfig<>+24(SB)/8, $0x0040004000400040
DATA amxConfig<>+32(SB)/8, $0
DATA amxConfig<>+40(SB)/8, $0
DATA amxConfig<>+48(SB)/8, $0x1010101010101010
DATA amxConfig<>+56(SB)/8, $0
GLOBL amxConfig<>(SB), RODATA|NOPTR, $64

#define CONFIG \
	LEAQ amxConfig<>(SB), CX; \
	BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0x01 // LDTILECFG (CX)
#define RELEASE BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0xC0 // TILERELEASE
#define ZERO(t) BYTE $0xC4; BYTE $0xE2; BYTE $0x7B; BYTE $0x49; BYTE $(0xC0|(t<<3))
// MUL adds a·b to t; notb is 15 − b.
#define MUL(t, a, notb) BYTE $0xC4; BYTE $0xE2; BYTE $((notb<<3)|2); BYTE $0x5C; BYTE $(0xC0|(t<<3)|a)
#define B4 11
#define B5 10
#define B6 9
#define B7 8

#define LOADA0(t) BYTE $0xC4; BYTE $0xE2; BYTE $0x7B; BYTE $0x4B; BYTE $(0x04|(t<<3)); BYTE $0x16 // (SI)(DX*1)
#define LOADA1(t) BYTE $0xC4; BYTE $0xC2; BYTE $0x7B; BYTE $0x4B; BYTE $(0x04|(t<<3)); BYTE $0x12 // (R10)(DX*1)
#define LOADB0(t) BYTE $0xC4; BYTE $0xA2; BYTE $0x7B; BYTE $0x4B; BYTE $(0x04|(t<<3)); BYTE $0x07 // (DI)(R8*1)
#define LOADB1(t) BYTE $0xC4; BYTE $0xA2; BYTE $0x7B; BYTE $0x4B; BYTE $(0x44|(t<<3)); BYTE $0x07; BYTE $0x40 // 64(DI)(R8*1)
#define LOADB2(t) BYTE $0xC4; BYTE $0x82; BYTE $0x7B; BYTE $0x4B; BYTE $(0x04|(t<<3)); BYTE $0x01 // (R9)(R8*1)

// C by op 0x7B, load, or 0x7A, store.
#define C00(op, t) BYTE $0xC4; BYTE $0xE2; BYTE $op; BYTE $0x4B; BYTE $(0x04|(t<<3)); BYTE $0x18 // (AX)(BX*1)
#define C01(op, t) BYTE $0xC4; BYTE $0xE2; BYTE $op; BYTE $0x4B; BYTE $(0x44|(t<<3)); BYTE $0x18; BYTE $0x40 // 64(AX)(BX*1)
#define C02(op, t) BYTE $0xC4; BYTE $0xC2; BYTE $op; BYTE $0x4B; BYTE $(0x04|(t<<3)); BYTE $0x1C // (R12)(BX*1)
#define C10(op, t) BYTE $0xC4; BYTE $0xC2; BYTE $op; BYTE $0x4B; BYTE $(0x04|(t<<3)); BYTE $0x1B // (R11)(BX*1)
#define C11(op, t) BYTE $0xC4; BYTE $0xC2; BYTE $op; BYTE $0x4B; BYTE $(0x44|(t<<3)); BYTE $0x1B; BYTE $0x40 // 64(R11)(BX*1)
#define C12(op, t) BYTE $0xC4; BYTE $0xC2; BYTE $op; BYTE $0x4B; BYTE $(0x44|(t<<3)); BYTE $0x1D; BYTE $0x00 // (R13)(BX*1)

#define ARGUMENTS \
	MOVQ a+8(FP), SI; \
	MOVQ lda+16(FP), DX; \
	MOVQ b+24(FP), DI; \
	MOVQ ldb+32(FP), R8; \
	MOVQ c+40(FP), AX; \
	MOVQ ldc+48(FP), BX; \
	SHLQ $2, DX; \
	SHLQ $2, R8; \
	SHLQ $2, BX; \
	MOVQ DX, R10; \
	SHLQ $4, R10; \
	ADDQ SI, R10; \
	LEAQ 128(DI), R9; \
	LEAQ 128(AX), R12; \
	MOVQ BX, R11; \
	SHLQ $4, R11; \
	ADDQ AX, R11; \
	LEAQ 128(R11), R13; \
	MOVQ R8, R15; \
	SHLQ $4, R15; \
	MOVQ acc+56(FP), R14; \
	MOVQ k+0(FP), CX

// NEXT goes on to the next 16 words of K.
#define NEXT \
	ADDQ $64, SI; \
	ADDQ $64, R10; \
	ADDQ R15, DI; \
	ADDQ R15, R9; \
	DECQ CX

// func amx1x1(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)
TEXT ·amx1x1(SB), NOSPLIT, $0-64
	CONFIG
	ARGUMENTS
	TESTQ R14, R14
	JNE  load
	ZERO(0)
	JMP  loop
load:
	C00(0x7B, 0)
loop:
	LOADA0(4)
	LOADB0(6)
	MUL(0, 4, B6)
	NEXT
	JNE  loop
	C00(0x7A, 0)
	RELEASE
	RET

// func amx1x2(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)
TEXT ·amx1x2(SB), NOSPLIT, $0-64
	CONFIG
	ARGUMENTS
	TESTQ R14, R14
	JNE  load
	ZERO(0)
	ZERO(1)
	JMP  loop
load:
	C00(0x7B, 0)
	C01(0x7B, 1)
loop:
	LOADA0(4)
	LOADB0(6)
	MUL(0, 4, B6)
	LOADB1(7)
	MUL(1, 4, B7)
	NEXT
	JNE  loop
	C00(0x7A, 0)
	C01(0x7A, 1)
	RELEASE
	RET

// func amx1x3(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)
TEXT ·amx1x3(SB), NOSPLIT, $0-64
	CONFIG
	ARGUMENTS
	TESTQ R14, R14
	JNE  load
	ZERO(0)
	ZERO(1)
	ZERO(2)
	JMP  loop
load:
	C00(0x7B, 0)
	C01(0x7B, 1)
	C02(0x7B, 2)
loop:
	LOADA0(4)
	LOADB0(5)
	MUL(0, 4, B5)
	LOADB1(6)
	MUL(1, 4, B6)
	LOADB2(7)
	MUL(2, 4, B7)
	NEXT
	JNE  loop
	C00(0x7A, 0)
	C01(0x7A, 1)
	C02(0x7A, 2)
	RELEASE
	RET

// func amx2x1(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)
TEXT ·amx2x1(SB), NOSPLIT, $0-64
	CONFIG
	ARGUMENTS
	TESTQ R14, R14
	JNE  load
	ZERO(0)
	ZERO(1)
	JMP  loop
load:
	C00(0x7B, 0)
	C10(0x7B, 1)
loop:
	LOADB0(6)
	LOADA0(4)
	MUL(0, 4, B6)
	LOADA1(5)
	MUL(1, 5, B6)
	NEXT
	JNE  loop
	C00(0x7A, 0)
	C10(0x7A, 1)
	RELEASE
	RET

// func amx2x2(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)
TEXT ·amx2x2(SB), NOSPLIT, $0-64
	CONFIG
	ARGUMENTS
	TESTQ R14, R14
	JNE  load
	ZERO(0)
	ZERO(1)
	ZERO(2)
	ZERO(3)
	JMP  loop
load:
	C00(0x7B, 0)
	C01(0x7B, 1)
	C10(0x7B, 2)
	C11(0x7B, 3)
loop:
	LOADA0(4)
	LOADB0(6)
	MUL(0, 4, B6)
	LOADB1(7)
	MUL(1, 4, B7)
	LOADA1(5)
	MUL(2, 5, B6)
	MUL(3, 5, B7)
	NEXT
	JNE  loop
	C00(0x7A, 0)
	C01(0x7A, 1)
	C10(0x7A, 2)
	C11(0x7A, 3)
	RELEASE
	RET

// func amx2x3(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)
TEXT ·amx2x3(SB), NOSPLIT, $0-64
	CONFIG
	ARGUMENTS
	TESTQ R14, R14
	JNE  load
	ZERO(0)
	ZERO(1)
	ZERO(2)
	ZERO(3)
	ZERO(4)
	ZERO(5)
	JMP  loop
load:
	C00(0x7B, 0)
	C01(0x7B, 1)
	C02(0x7B, 2)
	C10(0x7B, 3)
	C11(0x7B, 4)
	C12(0x7B, 5)
loop:
	LOADA0(6)
	LOADB0(7)
	MUL(0, 6, B7)
	LOADB1(7)
	MUL(1, 6, B7)
	LOADB2(7)
	MUL(2, 6, B7)
	LOADA1(6)
	MUL(5, 6, B7)
	LOADB1(7)
	MUL(4, 6, B7)
	LOADB0(7)
	MUL(3, 6, B7)
	NEXT
	JNE  loop
	C00(0x7A, 0)
	C01(0x7A, 1)
	C02(0x7A, 2)
	C10(0x7A, 3)
	C11(0x7A, 4)
	C12(0x7A, 5)
	RELEASE
	RET

// func amxPeak(loops int)
TEXT ·amxPeak(SB), NOSPLIT, $0-8
	CONFIG
	MOVQ loops+0(FP), CX
loop:
	MUL(0, 4, B6)
	MUL(1, 4, B7)
	MUL(2, 5, B6)
	MUL(3, 5, B7)
	DECQ CX
	JNE  loop
	RELEASE
	RET

// func amxSplit(n int, high, low *int8, src *int16)
// It writes the high and low bytes of 32·n words.
TEXT ·amxSplit(SB), NOSPLIT, $0-32
	MOVQ n+0(FP), CX
	MOVQ high+8(FP), DI
	MOVQ low+16(FP), SI
	MOVQ src+24(FP), DX
split:
	VMOVDQU16 (DX), Z0
	VPSRAW $8, Z0, Z1
	VPMOVWB Z1, (DI)
	VPMOVWB Z0, (SI)
	ADDQ $64, DX
	ADDQ $32, DI
	ADDQ $32, SI
	DECQ CX
	JNE  split
	RET

// Whole numbers: MULHIGH adds signed bytes of a by those of b to t, MULLOW unsigned ones of a.
#define MULHIGH(t, a, notb) BYTE $0xC4; BYTE $0xE2; BYTE $((notb<<3)|3); BYTE $0x5E; BYTE $(0xC0|(t<<3)|a) // TDPBSSD
#define MULLOW(t, a, notb) BYTE $0xC4; BYTE $0xE2; BYTE $((notb<<3)|1); BYTE $0x5E; BYTE $(0xC0|(t<<3)|a) // TDPBUSD

// func amxInt8(strips, k int, high, low *int8, lda int, b *float32, c *float32, ldc, columns int, sums *int32)
// It multiplies strips of 16 rows of A, their high and low bytes lda apart, with k blocks of 64 rows of
// B: 16 rows of 32 columns of four bytes. C becomes 256 times the one product plus the other.
TEXT ·amxInt8(SB), NOSPLIT, $0-80
	CONFIG
	MOVQ lda+32(FP), DX
	MOVQ c+48(FP), R9
	MOVQ ldc+56(FP), R12
	SHLQ $2, R12
	MOVQ columns+64(FP), CX
	MOVQ $1, R13
	SHLQ CX, R13
	DECQ R13
	KMOVW R13, K1
	SHRQ $16, R13
	KMOVW R13, K2
	MOVQ sums+72(FP), AX
	LEAQ 2048(AX), R11
	MOVQ $128, BX
	MOVQ $128, R8
	MOVQ strips+0(FP), R14
strip:
	MOVQ high+16(FP), SI
	MOVQ low+24(FP), R10
	MOVQ b+40(FP), DI
	MOVQ k+8(FP), CX
	ZERO(0)
	ZERO(1)
	ZERO(2)
	ZERO(3)
block:
	LOADA0(4)
	LOADA1(5)
	LOADB0(6)
	MULHIGH(0, 4, B6)
	MULLOW(2, 5, B6)
	LOADB1(7)
	MULHIGH(1, 4, B7)
	MULLOW(3, 5, B7)
	ADDQ $64, SI
	ADDQ $64, R10
	ADDQ $2048, DI
	DECQ CX
	JNE  block
	C00(0x7A, 0)
	C01(0x7A, 1)
	C10(0x7A, 2)
	C11(0x7A, 3)
	MOVQ AX, SI
	MOVQ $16, CX
row:
	VMOVDQU32 (SI), Z0
	VMOVDQU32 64(SI), Z1
	VPSLLD $8, Z0, Z0
	VPSLLD $8, Z1, Z1
	VPADDD 2048(SI), Z0, Z0
	VPADDD 2112(SI), Z1, Z1
	VCVTDQ2PS Z0, Z0
	VCVTDQ2PS Z1, Z1
	VMOVUPS Z0, K1, (R9)
	VMOVUPS Z1, K2, 64(R9)
	ADDQ $128, SI
	ADDQ R12, R9
	DECQ CX
	JNE  row
	MOVQ DX, CX
	SHLQ $4, CX
	ADDQ CX, high+16(FP)
	ADDQ CX, low+24(FP)
	DECQ R14
	JNE  strip
	RELEASE
	VZEROUPPER
	RET
