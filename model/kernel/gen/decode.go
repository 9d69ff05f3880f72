package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// decode emits what generating token by token needs, where each weight is read once for few
// rows of x and the memory sets the pace:
//
//	fewM×C    C (M × C·groups) = [C +] X·Wᵀ, rows of both read along k and neither packed
//	widen     weights of fewer bits as float32
//	highest, quantize    a row of x as whole numbers of 16 bits
//	read      nothing but reading, to measure what the memory gives
//
// Four rows of W are read side by side, apart rows from each other, and each is followed by the
// next in memory: four long streams, of which the CPU finds more in time than of rows that are
// neighbours. What lies a little ahead of each is asked for besides.
func (a *asm) decode() {
	most := 4
	if a.isa == avx2 {
		most = 2
	}
	for _, w := range []weight{{"Float", "float32", "float32", 4}, {"BF16", "float32", "uint16", 2}, {"Int8", "int16", "int8", 1}} {
		for rows := 1; rows <= most; rows++ {
			for _, columns := range []int{1, 4} {
				a.few(rows, columns, w)
			}
		}
	}
	a.widenBF16()
	a.widenInt8()
	a.highest()
	a.quantize()
	a.read()
}

// A weight is what W is made of, and X with it. Narrow rows of W are filled up with zeros to
// whole cache lines, and so is X; those of float32 end anywhere.
type weight struct {
	name, x, w string
	size       int // of an element of W
}

const (
	cacheLine = 64
	early     = 768 // bytes that W is asked for in advance
)

// few emits one kernel. n counts elements of float32, else cache lines of W.
func (a *asm) few(rows, columns int, w weight) {
	a.begin(fmt.Sprintf("few%s%dx%d", w.name, rows, columns),
		fmt.Sprintf("func(groups, n int, x *%s, ldx int, w *%s, ldw int, c *float32, ldc, acc, apart int)", w.x, w.w),
		fmt.Sprintf("multiplies %d rows of X with groups of %d rows of W.", rows, columns))
	n, at := reg.RCX, reg.R12 // left to do, elements done
	ldx := a.load("ldx", reg.RDX)
	sizeX := 4
	if w.size == 1 {
		sizeX = 2
	}
	shift := map[int]uint64{4: 2, 2: 1}
	a.SHLQ(Imm(shift[sizeX]), ldx)
	elements := func(name string, r reg.GPPhysical) reg.GPPhysical { // in bytes of W
		a.load(name, r)
		if w.size > 1 {
			a.SHLQ(Imm(shift[w.size]), r)
		}
		return r
	}
	follow := func(p []reg.GPPhysical, ld reg.GPPhysical) {
		for i := 1; i < len(p); i++ {
			a.LEAQ(Mem{Base: p[i-1], Index: ld, Scale: 1}, p[i])
		}
	}
	x := []reg.GPPhysical{reg.RSI, reg.R9, reg.R10, reg.R11}[:rows]
	y := []reg.GPPhysical{reg.RDI, reg.RBX, reg.RAX, reg.R13}[:columns]
	a.load("x", x[0])
	follow(x, ldx)
	a.load("w", y[0])
	c := a.load("c", reg.R14)
	sums := a.reg[:rows*columns]
	left := a.reg[len(sums):]
	mask := left[rows+1] // behind x and a vector of W, where AVX2 wants one
	stride := reg.RDX    // from one stream to the next
	if columns > 1 {
		a.IMULQ(elements("ldw", reg.R8), a.load("apart", stride))
	}
	if w.size == 4 {
		a.load("n", n)
		a.ANDQ(Imm(uint64(a.lanes-1)), n)
		if a.isa == avx512 {
			a.MOVL(U32(1<<32-1), reg.R12L)
			a.BZHIL(n.As32(), reg.R12L, reg.R12L)
			a.KMOVW(reg.R12L, reg.K1)
		} else {
			a.LEAQ(a.ones().Offset(a.bytes()), reg.R12)
			a.SHLQ(Imm(2), n)
			a.SUBQ(n, reg.R12)
			a.VMOVUPS(Mem{Base: reg.R12}, mask)
		}
	}

	// step multiplies a vector; disp and dispX are where its elements lie from at.
	step := func(disp, dispX int, part bool) {
		for i := range rows {
			m := Mem{Base: x[i], Index: at, Scale: uint8(sizeX), Disp: dispX}
			if part {
				a.loadPart(m, a.part(mask), left[i])
			} else {
				a.VMOVUPS(m, left[i])
			}
		}
		v, t := left[rows], left[rows+1]
		for j := range columns {
			m := Mem{Base: y[j], Index: at, Scale: uint8(w.size), Disp: disp}
			switch {
			case w.size == 2:
				a.VPMOVZXWD(m, v)
				a.VPSLLD(Imm(16), v, v)
			case w.size == 1:
				a.VPMOVSXBW(m, v)
			case part:
				a.loadPart(m, a.part(mask), v)
			default:
				a.VMOVUPS(m, v)
			}
			for i := range rows {
				s := sums[i*columns+j]
				if w.size > 1 {
					a.VFMADD231PS(v, left[i], s)
				} else {
					a.VPMADDWD(v, left[i], t)
					a.VPADDD(t, s, s)
				}
			}
		}
	}
	group, loop, rest, done := a.label("group"), a.label("loop"), a.label("rest"), a.label("done")
	turn := a.lanes // elements that a turn of the loop does
	if w.size < 4 {
		turn = cacheLine / w.size
	}
	a.Label(group)
	follow(y, stride)
	for _, s := range sums {
		a.zero(s)
	}
	a.XORQ(at, at)
	a.load("n", n)
	if w.size == 4 {
		a.SUBQ(Imm(uint64(a.lanes)), n)
		a.JL(a.jump(rest))
	}
	a.Label(loop)
	for j := range columns {
		a.PREFETCHT0(Mem{Base: y[j], Index: at, Scale: uint8(w.size), Disp: early})
	}
	vector := a.lanes
	if w.size == 1 {
		vector *= 2
	}
	for e := 0; e < turn; e += vector {
		step(e*w.size, e*sizeX, false)
	}
	a.ADDQ(Imm(uint64(turn)), at)
	if w.size == 4 {
		a.SUBQ(Imm(uint64(a.lanes)), n)
		a.JGE(a.jump(loop))
		a.Label(rest)
		a.ADDQ(Imm(uint64(a.lanes)), n)
		a.JE(a.jump(done))
		step(0, 0, true)
		a.Label(done)
	} else {
		a.DECQ(n)
		a.JNE(a.jump(loop))
	}
	a.ADDQ(elements("ldw", reg.RCX), y[0])

	ldc, acc := a.load("ldc", reg.RCX), reg.R12
	if w.size == 4 {
		a.load("acc", acc)
	}
	to, apart, half := reg.R15, reg.R8, reg.RAX
	if columns > 1 {
		a.load("apart", apart)
	}
	a.MOVQ(c, to)
	for i := range rows {
		s := a.foldSide(sums[i*columns:][:columns], left[0], w.size == 1)
		place := []Mem{{Base: to}, {Base: to, Index: apart, Scale: 4}, {Base: half}, {Base: half, Index: apart, Scale: 4}}[:columns]
		if columns > 1 {
			a.LEAQ(Mem{Base: to, Index: apart, Scale: 8}, half)
		}
		if w.size == 4 {
			store, old := a.label("store"), left[0].AsX()
			a.TESTQ(acc, acc)
			a.JE(a.jump(store))
			a.VMOVSS(place[0], old)
			for j, m := range place[1:] {
				a.VINSERTPS(Imm(uint64(j+1)<<4), m, old, old)
			}
			a.VADDPS(old, s, s)
			a.Label(store)
		}
		a.VMOVSS(s, place[0])
		for j, m := range place[1:] {
			a.VEXTRACTPS(Imm(uint64(j+1)), s, m)
		}
		if i < rows-1 {
			a.LEAQ(Mem{Base: to, Index: ldc, Scale: 4}, to)
		}
	}
	a.ADDQ(Imm(4), c)
	groups, err := a.Param("groups").Resolve()
	must(err)
	a.DECQ(groups.Addr)
	a.JNE(a.jump(group))
	a.end()
}

// part is what selects the lanes of the last vector.
func (a *asm) part(mask reg.Register) reg.Register {
	if a.isa == avx512 {
		return reg.K1
	}
	return mask
}

// foldSide sums the lanes of one or four vectors into the first lanes of a register, of
// whole numbers as float32.
func (a *asm) foldSide(sums []reg.VecPhysical, half lanes, whole bool) reg.Register {
	add := func(x, y, z reg.Register) { a.VADDPS(x, y, z) }
	pairs := func(x, y, z reg.Register) { a.VHADDPS(x, y, z) }
	if whole {
		add = func(x, y, z reg.Register) { a.VPADDD(x, y, z) }
		pairs = func(x, y, z reg.Register) { a.VPHADDD(x, y, z) }
	}
	for _, s := range sums {
		if a.isa == avx512 {
			a.VEXTRACTF64X4(Imm(1), s, half.AsY())
			add(half.AsY(), s.AsY(), s.AsY())
			a.VEXTRACTF32X4(Imm(1), s.AsY(), half.AsX())
		} else {
			a.VEXTRACTF128(Imm(1), s.AsY(), half.AsX())
		}
		add(half.AsX(), s.AsX(), s.AsX())
	}
	first, last := sums[0].AsX(), sums[len(sums)-1].AsX()
	if len(sums) == 4 {
		pairs(sums[1].AsX(), first, first)
		pairs(last, sums[2].AsX(), sums[2].AsX())
		pairs(sums[2].AsX(), first, first)
	} else {
		pairs(first, first, first)
		pairs(first, first, first)
	}
	if whole {
		a.VCVTDQ2PS(first, first)
	}
	return first
}

func (a *asm) widenBF16() {
	a.begin("widenBF16", "func(n int, dst *float32, src *uint16)", "widens n cache lines.")
	n, dst, src := a.load("n", reg.RCX), a.load("dst", reg.RDI), a.load("src", reg.RSI)
	loop := a.label("loop")
	a.Label(loop)
	for e := 0; e < cacheLine/2; e += a.lanes {
		a.VPMOVZXWD(Mem{Base: src, Disp: 2 * e}, a.reg[0])
		a.VPSLLD(Imm(16), a.reg[0], a.reg[0])
		a.VMOVUPS(a.reg[0], Mem{Base: dst, Disp: 4 * e})
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
	scale, err := a.Param("scale").Resolve()
	must(err)
	a.VBROADCASTSS(scale.Addr, a.reg[1])
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

// highest compares bits, by which a NaN is above all numbers.
func (a *asm) highest() {
	a.begin("highest", "func(n int, x *float32) (top float32)", "is the largest magnitude of 16·n elements; if there is a NaN, a NaN.")
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
	a.begin("quantize", "func(n int, dst *int16, x *float32, by float32)", "writes 16·n elements times by, rounded to even.")
	n, dst, x := a.load("n", reg.RCX), a.load("dst", reg.RDI), a.load("x", reg.RSI)
	by, err := a.Param("by").Resolve()
	must(err)
	v, factor := a.reg[0], a.reg[2]
	a.VBROADCASTSS(by.Addr, factor)
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

func (a *asm) read() {
	const stream = 4096 // bytes
	a.begin("read", "func(n int, x *float32)", "loads n blocks of four times 4 KiB into registers, and asks for the next four.")
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
