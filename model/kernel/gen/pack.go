package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pack emits what lays out the panels that the kernels read.
func (a *asm) pack() {
	a.transpose()
	a.copyRows()
	a.copyOctets()
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

// copyRows copies whole vectors of rows, so that they lie next to each other.
func (a *asm) copyRows() {
	for vectors := 1; vectors <= 3; vectors++ {
		if a.isa == avx2 && vectors == 3 {
			return
		}
		a.begin([]string{"", "copyRows1x", "copyRows2x", "copyRows3x"}[vectors], "func(k int, src *float32, lds int, dst *float32)",
			"copies k rows of as many vectors, lds elements apart, to where none lies between.")
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

// A haul copies for kernels to come, of each row eight elements and eight more, and prefetches the
// row eight further on, which may lie in two cache lines, and beside it, into the second-level
// cache, what the next haul will want. A kernel has no registers left for the target's fields.
type haul struct {
	from, step reg.GPPhysical // bytes from one row to the next
	into       reg.GPPhysical // the target
	at         reg.GPPhysical // where in it
	left       reg.GPPhysical // rounds to the next row
	tmp        reg.GPPhysical
}

const ( // fields of target, in bytes from its start
	targetAt, targetGap, targetSecond, targetApart, targetEvery = 0, 8, 16, 24, 32
)

func (a *asm) startHaul(h haul) {
	a.load("into", h.into)
	a.MOVQ(Mem{Base: h.into, Disp: targetAt}, h.at)
	a.MOVQ(Mem{Base: h.into, Disp: targetEvery}, h.left)
}

// carry copies a row when it is time to.
func (a *asm) carry(h haul, spare int) {
	later := a.label("later")
	a.DECQ(h.left)
	a.JNE(a.jump(later))
	a.MOVQ(Mem{Base: h.into, Disp: targetEvery}, h.left)
	a.carryRow(h, spare)
	a.Label(later)
}

func (a *asm) carryRow(h haul, spare int) {
	x, y := a.reg[spare].AsY(), a.reg[spare+1].AsY()
	a.PREFETCHT0(Mem{Base: h.from, Index: h.step, Scale: 8})
	a.PREFETCHT0(Mem{Base: h.from, Index: h.step, Scale: 8, Disp: 60})
	a.MOVQ(Mem{Base: h.into, Disp: targetSecond}, h.tmp)
	a.VMOVUPS(Mem{Base: h.from}, x)
	a.VMOVUPS(Mem{Base: h.from, Index: h.tmp, Scale: 4}, y)
	a.PREFETCHT1(Mem{Base: h.from, Disp: 124})
	a.MOVQ(Mem{Base: h.into, Disp: targetApart}, h.tmp)
	a.VMOVUPS(x, Mem{Base: h.at})
	a.VMOVUPS(y, Mem{Base: h.at, Index: h.tmp, Scale: 4})
	a.MOVQ(Mem{Base: h.into, Disp: targetGap}, h.tmp)
	a.LEAQ(Mem{Base: h.at, Index: h.tmp, Scale: 4}, h.at)
	a.ADDQ(h.step, h.from)
}

// copyOctets emits what hauls for itself.
func (a *asm) copyOctets() {
	a.begin("copyOctets", "func(k int, from *float32, step int, into *target)",
		"copies k rows, step elements apart, as a kernel would on its way.")
	h := haul{from: reg.RSI, step: reg.RBX, into: reg.R14, at: reg.R11, left: reg.R15, tmp: reg.R9}
	k := a.load("k", reg.RCX)
	a.load("from", h.from)
	a.load("step", h.step)
	a.SHLQ(Imm(2), h.step)
	a.startHaul(h)
	loop := a.label("loop")
	a.Label(loop)
	a.carryRow(h, 0)
	a.DECQ(k)
	a.JNE(a.jump(loop))
	a.end()
}
