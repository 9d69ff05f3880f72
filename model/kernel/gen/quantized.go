package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// quantized emits what weights of fewer bits need beside the skinny kernels: widening to float32, the
// quantization of a row of x to 16 bits, and the rescaling of sums.
func (a *asm) quantized() {
	a.widenBF16()
	a.widenInt8()
	a.maxAbs()
	a.quantize()
	a.dequantize()
}

func (a *asm) widenBF16() {
	a.begin("widenBF16", "func(n int, dst *float32, src *uint16)", "widens n cache lines.")
	n, dst, src := a.load("n", reg.RCX), a.load("dst", reg.RDI), a.load("src", reg.RSI)
	mask := a.reg[1]
	a.VPBROADCASTD(a.word(0xffff0000), mask)
	loop := a.label("loop")
	a.Label(loop)
	for e := 0; e < cacheLine; e += a.bytes() {
		a.VMOVUPS(Mem{Base: src, Disp: e}, a.reg[0])
		a.VPSLLD(Imm(16), a.reg[0], a.reg[0])
		a.VMOVUPS(a.reg[0], Mem{Base: dst, Disp: e})
		a.VANDPS(Mem{Base: src, Disp: e}, mask, a.reg[0])
		a.VMOVUPS(a.reg[0], Mem{Base: dst, Disp: cacheLine + e})
	}
	a.ADDQ(Imm(cacheLine), src)
	a.ADDQ(I32(2*cacheLine), dst)
	a.DECQ(n)
	a.JNE(a.jump(loop))
	a.end()
}

func (a *asm) widenInt8() {
	a.begin("widenInt8", "func(n int, dst *float32, src *int8, scale float32)", "widens n cache lines and multiplies by scale.")
	n, dst, src := a.load("n", reg.RCX), a.load("dst", reg.RDI), a.load("src", reg.RSI)
	a.VBROADCASTSS(a.argument("scale"), a.reg[1])
	loop := a.label("loop")
	a.Label(loop)
	for e := 0; e < cacheLine; e += a.lanes {
		a.VPMOVSXBD(Mem{Base: src, Disp: e}, a.reg[0])
		a.VCVTDQ2PS(a.reg[0], a.reg[0])
		a.VMULPS(a.reg[1], a.reg[0], a.reg[0])
		a.VMOVUPS(a.reg[0], Mem{Base: dst, Disp: 4 * e})
	}
	a.ADDQ(Imm(cacheLine), src)
	a.ADDQ(I32(4*cacheLine), dst)
	a.DECQ(n)
	a.JNE(a.jump(loop))
	a.end()
}

// maxAbs compares bits, by which a NaN is above all numbers.
func (a *asm) maxAbs() {
	a.begin("maxAbs", "func(n int, x *float32) float32", "returns the largest magnitude of 16·n elements, NaN if there is one.")
	n, x := a.load("n", reg.RCX), a.load("x", reg.RSI)
	top, v, sign := a.reg[0], a.reg[1], a.reg[2]
	a.zero(top)
	a.VPBROADCASTD(a.word(1<<31-1), sign)
	loop := a.label("loop")
	a.Label(loop)
	for e := 0; e < 16; e += a.lanes {
		a.VMOVUPS(Mem{Base: x, Disp: 4 * e}, v)
		a.VANDPS(v, sign, v)
		a.VPMAXSD(v, top, top)
	}
	a.ADDQ(Imm(64), x)
	a.DECQ(n)
	a.JNE(a.jump(loop))
	s := a.foldLanes(top, v, func(x, y, z reg.Register) { a.VPMAXSD(x, y, z) })
	a.Store(s, a.ReturnIndex(0))
	a.end()
}

func (a *asm) quantize() {
	a.begin("quantize", "func(n int, dst *int16, x *float32, factor float32)", "writes 16·n elements times factor, rounded to even.")
	n, dst, x := a.load("n", reg.RCX), a.load("dst", reg.RDI), a.load("x", reg.RSI)
	v, factor := a.reg[0], a.reg[2]
	a.VBROADCASTSS(a.argument("factor"), factor)
	loop := a.label("loop")
	a.Label(loop)
	for e := 0; e < 16; e += a.lanes {
		a.VMULPS(Mem{Base: x, Disp: 4 * e}, factor, a.reg[e/8])
		a.VCVTPS2DQ(a.reg[e/8], a.reg[e/8])
	}
	if a.isa == avx512 {
		a.VPMOVSDW(v, Mem{Base: dst})
	} else {
		a.VPACKSSDW(a.reg[1], v, v)
		a.VPERMQ(Imm(0b11_01_10_00), v, v)
		a.VMOVUPS(v, Mem{Base: dst})
	}
	a.ADDQ(Imm(64), x)
	a.ADDQ(Imm(32), dst)
	a.DECQ(n)
	a.JNE(a.jump(loop))
	a.end()
}

func (a *asm) dequantize() {
	a.begin("dequantize", "func(n int, x, scales *float32, scale float32)", "sets x = x·scales·scale.")
	scale := a.scalar("scale")
	a.each(2, []string{"x", "scales"}, func(s *iteration) {
		x := s.load("x")
		a.VMULPS(s.load("scales"), x, x)
		a.VMULPS(scale, x, x)
		s.store(x, "x")
	})
	a.end()
}

func (a *asm) read() {
	const stream = 4096 // bytes
	a.begin("read", "func(n int, x *float32)", "loads n blocks of four times 4 KiB into registers and prefetches the next.")
	n, x := a.load("n", reg.RCX), a.load("x", reg.RSI)
	block, loop, at := a.label("block"), a.label("loop"), reg.R12
	a.Label(block)
	a.MOVQ(U32(stream/cacheLine), at)
	a.Label(loop)
	for s := range 4 {
		a.PREFETCHT0(Mem{Base: x, Disp: (4 + s) * stream})
		for b := 0; b < cacheLine; b += a.bytes() {
			a.VMOVUPS(Mem{Base: x, Disp: s*stream + b}, a.reg[s])
		}
	}
	a.ADDQ(Imm(cacheLine), x)
	a.DECQ(at)
	a.JNE(a.jump(loop))
	a.ADDQ(U32(3*stream), x)
	a.DECQ(n)
	a.JNE(a.jump(block))
	a.end()
}
