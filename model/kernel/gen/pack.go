package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pack emits what lays out the panels that the kernels read.
func (a *asm) pack() {
	a.transpose()
	a.copyRows()
	a.copyPairs()
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

// copyPairs emits what gathers two strips of A, as high as a kernel, since they share cache lines.
func (a *asm) copyPairs() {
	a.begin("copyPair", "func(k int, src *float32, lds int, dst *float32)",
		fmt.Sprintf("copies %d elements of each of k rows, lds elements apart, to where none lies between.", 2*a.high()))
	k, src, lds, dst := a.load("k", reg.RCX), a.load("src", reg.RSI), a.load("lds", reg.RDX), a.load("dst", reg.RDI)
	a.SHLQ(Imm(2), lds)
	loop := a.label("loop")
	a.Label(loop)
	a.PREFETCHT0(Mem{Base: src, Index: lds, Scale: 8})
	a.copyPair(a.high(), src, dst, 0)
	a.ADDQ(lds, src)
	a.DECQ(k)
	a.JNE(a.jump(loop))
	a.end()
}
