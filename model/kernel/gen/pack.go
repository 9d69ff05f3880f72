package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pack emits the loops that pack panels.
func (a *asm) pack() {
	a.transpose()
	a.copyRows()
	a.copyBlocks8()
}

// transpose writes lanes rows of lanes·blocks elements as columns.
func (a *asm) transpose() {
	a.begin("transpose", "func(blocks int, src *float32, lds int, dst *float32, ldd int)",
		"writes dst[p·ldd+r] = src[r·lds+p] for one vector of rows r and blocks vectors of p.")
	blocks, src, lds := a.load("blocks", reg.RCX), a.load("src", reg.RSI), a.load("lds", reg.RDX)
	dst, ldd := a.load("dst", reg.RDI), a.load("ldd", reg.RBX)
	a.SHLQ(Imm(2), lds)
	a.SHLQ(Imm(2), ldd)
	loop := a.label("loop")
	a.Label(loop)
	a.MOVQ(src, reg.R8)
	for i := range a.lanes {
		a.VMOVUPS(Mem{Base: reg.R8}, a.reg[i])
		a.PREFETCHT0(Mem{Base: reg.R8, Disp: 256})
		a.ADDQ(lds, reg.R8)
	}
	if a.isa == avx512 {
		a.transpose16()
	} else {
		a.transpose8()
	}
	for i := range a.lanes {
		a.VMOVUPS(a.reg[i], Mem{Base: dst})
		a.ADDQ(ldd, dst)
	}
	a.ADDQ(Imm(uint64(a.bytes())), src)
	a.DECQ(blocks)
	a.JNE(a.jump(loop))
	a.end()
}

// transpose16 transposes the 16×16 words in Z0–Z15 by way of Z16–Z31: pairs, then fours,
// within lanes of 128 bits, then the lanes themselves.
func (a *asm) transpose16() {
	z := a.reg
	for i := 0; i < 16; i += 2 {
		a.VUNPCKLPS(z[i+1], z[i], z[16+i])
		a.VUNPCKHPS(z[i+1], z[i], z[17+i])
	}
	for i := 0; i < 16; i += 4 {
		a.VUNPCKLPD(z[18+i], z[16+i], z[i])
		a.VUNPCKHPD(z[18+i], z[16+i], z[i+1])
		a.VUNPCKLPD(z[19+i], z[17+i], z[i+2])
		a.VUNPCKHPD(z[19+i], z[17+i], z[i+3])
	}
	const even, odd = 0x88, 0xdd // lanes 0 and 2, or 1 and 3, of both operands
	for i := range 4 {
		a.VSHUFF32X4(Imm(even), z[4+i], z[i], z[16+i])
		a.VSHUFF32X4(Imm(odd), z[4+i], z[i], z[20+i])
		a.VSHUFF32X4(Imm(even), z[12+i], z[8+i], z[24+i])
		a.VSHUFF32X4(Imm(odd), z[12+i], z[8+i], z[28+i])
	}
	for i := range 4 {
		a.VSHUFF32X4(Imm(even), z[24+i], z[16+i], z[i])
		a.VSHUFF32X4(Imm(odd), z[24+i], z[16+i], z[8+i])
		a.VSHUFF32X4(Imm(even), z[28+i], z[20+i], z[4+i])
		a.VSHUFF32X4(Imm(odd), z[28+i], z[20+i], z[12+i])
	}
}

// transpose8 transposes the 8×8 words in Y0–Y7 by way of Y8–Y15, likewise.
func (a *asm) transpose8() {
	y := a.reg
	for i := 0; i < 8; i += 2 {
		a.VUNPCKLPS(y[i+1], y[i], y[8+i])
		a.VUNPCKHPS(y[i+1], y[i], y[9+i])
	}
	for i := 0; i < 8; i += 4 {
		a.VUNPCKLPD(y[10+i], y[8+i], y[i])
		a.VUNPCKHPD(y[10+i], y[8+i], y[i+1])
		a.VUNPCKLPD(y[11+i], y[9+i], y[i+2])
		a.VUNPCKHPD(y[11+i], y[9+i], y[i+3])
	}
	for i := range 4 {
		a.VPERM2F128(Imm(0x20), y[4+i], y[i], y[8+i])
		a.VPERM2F128(Imm(0x31), y[4+i], y[i], y[12+i])
	}
	for i := range 8 {
		a.VMOVAPS(y[8+i], y[i])
	}
}

// copyRows copies whole vectors of rows into a panel.
func (a *asm) copyRows() {
	for vectors := 1; vectors <= 3; vectors++ {
		if a.isa == avx2 && vectors == 3 {
			return
		}
		a.begin([]string{"", "copyRows1x", "copyRows2x", "copyRows3x"}[vectors], "func(k int, src *float32, lds int, dst *float32)",
			"copies k rows of as many vectors, lds elements apart, without gaps.")
		k, src, lds, dst := a.load("k", reg.RCX), a.load("src", reg.RSI), a.load("lds", reg.RDX), a.load("dst", reg.RDI)
		a.SHLQ(Imm(2), lds)
		loop := a.label("loop")
		a.Label(loop)
		for v := range vectors {
			a.VMOVUPS(Mem{Base: src, Disp: v * a.bytes()}, a.reg[v])
		}
		for v := 0; v < vectors; v += 64 / a.bytes() {
			a.PREFETCHT0(Mem{Base: src, Index: lds, Scale: 8, Disp: v * a.bytes()})
		}
		for v := range vectors {
			a.VMOVUPS(a.reg[v], Mem{Base: dst, Disp: v * a.bytes()})
		}
		a.ADDQ(lds, src)
		a.ADDQ(Imm(uint64(vectors*a.bytes())), dst)
		a.DECQ(k)
		a.JNE(a.jump(loop))
		a.end()
	}
}

// A rowCopy holds the registers of a copy on the way: of each row two 8-wide blocks, for
// micro-kernels to come. It prefetches the row eight further on, which may lie in two cache lines,
// and beside it, into the L2 cache, what the next copy will read. The target's fields stay in memory
// for want of registers.
type rowCopy struct {
	src, step reg.GPPhysical // bytes from one row to the next
	target    reg.GPPhysical // the copyTarget
	dst       reg.GPPhysical // where in it
	left      reg.GPPhysical // rounds to the next row
	tmp       reg.GPPhysical
}

const ( // fields of copyTarget, in bytes from its start
	targetDst, targetLDD, targetSrcGap, targetDstGap, targetEvery = 0, 8, 16, 24, 32
)

func (a *asm) startCopy(c rowCopy) {
	a.MOVQ(Mem{Base: c.target, Disp: targetDst}, c.dst)
	a.MOVQ(Mem{Base: c.target, Disp: targetEvery}, c.left)
}

// copyOnTheWay copies a row if its round has come.
func (a *asm) copyOnTheWay(c rowCopy, spare int) {
	later := a.label("later")
	a.DECQ(c.left)
	a.JNE(a.jump(later))
	a.MOVQ(Mem{Base: c.target, Disp: targetEvery}, c.left)
	a.copyRow(c, spare)
	a.Label(later)
}

func (a *asm) copyRow(c rowCopy, spare int) {
	x, y := a.reg[spare].AsY(), a.reg[spare+1].AsY()
	a.PREFETCHT0(Mem{Base: c.src, Index: c.step, Scale: 8})
	a.PREFETCHT0(Mem{Base: c.src, Index: c.step, Scale: 8, Disp: 60})
	a.MOVQ(Mem{Base: c.target, Disp: targetSrcGap}, c.tmp)
	a.VMOVUPS(Mem{Base: c.src}, x)
	a.VMOVUPS(Mem{Base: c.src, Index: c.tmp, Scale: 4}, y)
	a.PREFETCHT1(Mem{Base: c.src, Disp: 124})
	a.MOVQ(Mem{Base: c.target, Disp: targetDstGap}, c.tmp)
	a.VMOVUPS(x, Mem{Base: c.dst})
	a.VMOVUPS(y, Mem{Base: c.dst, Index: c.tmp, Scale: 4})
	a.MOVQ(Mem{Base: c.target, Disp: targetLDD}, c.tmp)
	a.LEAQ(Mem{Base: c.dst, Index: c.tmp, Scale: 4}, c.dst)
	a.ADDQ(c.step, c.src)
}

// copyBlocks8 emits the same copy without a micro-kernel.
func (a *asm) copyBlocks8() {
	a.begin("copyBlocks8", "func(k int, src *float32, step int, to *copyTarget)",
		"copies two 8-wide blocks of each of k rows, step elements apart.")
	c := rowCopy{src: reg.RSI, step: reg.RBX, target: reg.R14, dst: reg.R11, left: reg.R15, tmp: reg.R9}
	k := a.load("k", reg.RCX)
	a.load("src", c.src)
	a.load("step", c.step)
	a.SHLQ(Imm(2), c.step)
	a.load("to", c.target)
	a.startCopy(c)
	loop := a.label("loop")
	a.Label(loop)
	a.copyRow(c, 0)
	a.DECQ(k)
	a.JNE(a.jump(loop))
	a.end()
}

// addTo emits the sum of split-K's partial sums.
func (a *asm) addTo() {
	a.begin("addTo", "func(n int, dst, x *float32)", "sets dst += x.")
	a.each(2, []string{"dst", "x"}, func(s *iteration) {
		x, y := s.load("dst"), s.load("x")
		a.VADDPS(y, x, x)
		s.store(x, "dst")
	})
	a.end()
}
