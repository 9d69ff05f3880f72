package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bfloat16 emits the micro-kernels of bfloat16 and what packs for them. One 32-bit word holds two
// neighbours in k, the earlier in its low half. With k, lda and ldb counting words, the
// micro-kernels are those of float32 but for the instruction.
func (a *asm) bfloat16() {
	multiply := func(panel, x, sum int) { a.evex(prefixF3, 0x52, sum, x, panel) } // VDPBF16PS
	for v := 1; v <= 3; v++ {
		for r := 1; r <= 8; r++ {
			a.microKernel(wordsByRows, r, v, multiply)
		}
		a.microKernel(wordsByColumns, 8, v, multiply)
	}
	a.peakBF16()
	a.toWords()
	a.pairRows()
	a.pairColumns()
}

// Instructions of AVX512_BF16 are unknown to avo and to Go's assembler.
const (
	prefixF3 = 2 // of VDPBF16PS, opcode 52: dst += pairs of x · pairs of y
	prefixF2 = 3 // of VCVTNE2PS2BF16, opcode 72: dst = y rounded in the low half, x in the high
)

// evex emits EVEX.512.prefix.0F38.W0 opcode /r on registers Zdst, Zx (vvvv) and Zy (r/m);
// Intel's manual, volume 2, section 2.7. All register bits are stored inverted.
func (a *asm) evex(prefix, opcode byte, dst, x, y int) {
	bit := func(r, n int) byte { return byte(^r>>n) & 1 }
	a.raw([6]byte{0x62,
		bit(dst, 3)<<7 | bit(y, 4)<<6 | bit(y, 3)<<5 | bit(dst, 4)<<4 | 2, // R X B R′, map 0F38
		byte(^x&15)<<3 | 4 | prefix,                                       // W=0 vvvv
		2<<5 | bit(x, 4)<<3,                                               // 512 bits, V′
		opcode, 0xc0 | byte(dst&7)<<3 | byte(y&7)})
}

// round packs the float32 of Zlow and Zhigh as bfloat16, to nearest even, into Zdst.
func (a *asm) round(low, high, dst int) { a.evex(prefixF2, 0x72, dst, high, low) }

func (a *asm) peakBF16() {
	const sums = 12
	a.begin("peakBF16", "func(loops int)", "executes 12·loops independent products of pairs.")
	loops := a.load("loops", reg.RCX)
	for i := range sums + 2 {
		a.zero(a.reg[i])
	}
	loop := a.label("loop")
	a.Label(loop)
	for i := range sums {
		a.evex(prefixF3, 0x52, i, sums, sums+1)
	}
	a.DECQ(loops)
	a.JNE(a.jump(loop))
	a.end()
}

// toWords rounds a row and pads it with zeros to a multiple of 32 elements.
func (a *asm) toWords() {
	a.begin("toWords", "func(n int, dst, src *float32)", "writes n elements, rounded, as ⌈n/32⌉·16 words.")
	n, dst, src := a.load("n", reg.RCX), a.load("dst", reg.RDI), a.load("src", reg.RSI)
	loop, rest, end, single := a.label("loop"), a.label("rest"), a.label("end"), a.label("single")
	a.SUBQ(Imm(32), n)
	a.JL(a.jump(rest))
	a.Label(loop)
	a.VMOVUPS(Mem{Base: src}, a.reg[0])
	a.VMOVUPS(Mem{Base: src, Disp: 64}, a.reg[1])
	a.round(0, 1, 2)
	a.VMOVUPS(a.reg[2], Mem{Base: dst})
	a.ADDQ(I32(128), src)
	a.ADDQ(Imm(64), dst)
	a.SUBQ(Imm(32), n)
	a.JGE(a.jump(loop))
	a.Label(rest)
	a.ADDQ(Imm(32), n)
	a.JE(a.jump(end))
	a.zero(a.reg[1])
	a.MOVL(U32(1<<32-1), reg.R12L)
	a.BZHIL(n.As32(), reg.R12L, reg.R12L)
	a.KMOVW(reg.R12L, reg.K1) // elements 0–15
	a.VMOVUPS_Z(Mem{Base: src}, reg.K1, a.reg[0])
	a.CMPQ(n, Imm(16))
	a.JLE(a.jump(single))
	a.SHRL(Imm(16), reg.R12L)
	a.KMOVW(reg.R12L, reg.K1) // elements 16–31
	a.VMOVUPS_Z(Mem{Base: src, Disp: 64}, reg.K1, a.reg[1])
	a.Label(single)
	a.round(0, 1, 2)
	a.VMOVUPS(a.reg[2], Mem{Base: dst})
	a.Label(end)
	a.end()
}

// pairOrder is the order in which VPERMW turns two rounded rows into pairs.
func (a *asm) pairOrder() Mem {
	m := a.StaticGlobal("pairOrder")
	a.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		a.AddDatum(4*i, U32(uint32(i)|uint32(16+i)<<16))
	}
	return m
}

// pairRows packs a B whose rows are contiguous along n: words of rows 2p and 2p+1.
func (a *asm) pairRows() {
	order := a.pairOrder()
	for vectors := 1; vectors <= 3; vectors++ {
		a.begin([]string{"", "pairRows1x", "pairRows2x", "pairRows3x"}[vectors], "func(pairs int, src *float32, lds int, dst *float32)",
			"writes pairs of rows of as many vectors, rounded and interleaved.")
		pairs, src, lds, dst := a.load("pairs", reg.RCX), a.load("src", reg.RSI), a.load("lds", reg.RDX), a.load("dst", reg.RDI)
		a.SHLQ(Imm(2), lds)
		a.VMOVUPS(order, a.reg[31])
		loop := a.label("loop")
		a.Label(loop)
		for v := range vectors {
			a.VMOVUPS(Mem{Base: src, Disp: 64 * v}, a.reg[0])
			a.VMOVUPS(Mem{Base: src, Index: lds, Scale: 1, Disp: 64 * v}, a.reg[1])
			a.PREFETCHT0(Mem{Base: src, Index: lds, Scale: 8, Disp: 64 * v})
			a.round(0, 1, 2)
			a.VPERMW(a.reg[2], a.reg[31], a.reg[2])
			a.VMOVUPS(a.reg[2], Mem{Base: dst, Disp: 64 * v})
		}
		a.LEAQ(Mem{Base: src, Index: lds, Scale: 2}, src)
		a.ADDQ(I32(64*vectors), dst)
		a.DECQ(pairs)
		a.JNE(a.jump(loop))
		a.end()
	}
}

// pairColumns packs a B whose rows are contiguous along k: it transposes them.
func (a *asm) pairColumns() {
	a.begin("transposeBF16", "func(blocks int, src *float32, lds int, dst *float32, ldd int)",
		"rounds 16 rows of 32·blocks elements and writes word p of row r to dst[p·ldd+r].")
	blocks, src, lds := a.load("blocks", reg.RCX), a.load("src", reg.RSI), a.load("lds", reg.RDX)
	dst, ldd := a.load("dst", reg.RDI), a.load("ldd", reg.RBX)
	a.SHLQ(Imm(2), lds)
	a.SHLQ(Imm(2), ldd)
	loop := a.label("loop")
	a.Label(loop)
	a.MOVQ(src, reg.R8)
	for i := range 16 {
		a.VMOVUPS(Mem{Base: reg.R8}, a.reg[16])
		a.VMOVUPS(Mem{Base: reg.R8, Disp: 64}, a.reg[17])
		a.PREFETCHT0(Mem{Base: reg.R8, Disp: 256})
		a.round(16, 17, i)
		a.ADDQ(lds, reg.R8)
	}
	a.transpose16()
	for i := range 16 {
		a.VMOVUPS(a.reg[i], Mem{Base: dst})
		a.ADDQ(ldd, dst)
	}
	a.ADDQ(I32(128), src)
	a.DECQ(blocks)
	a.JNE(a.jump(loop))
	a.end()
}
