package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A weight is what W is made of, and X with it. Narrow rows of W are filled up with zeros to
// whole cache lines, and so is X; those of float32 end anywhere. Of bfloat16, a line is 16 words
// whose lower halves are its first 16 elements, the upper ones the others.
type weight struct {
	name, x, w string
	size       int // of an element of W
}

const (
	cacheLine = 64
	fewGroup  = 4 // rows of W side by side
)

// few emits one kernel. n counts elements of float32, else cache lines of W.
//
// Rows of W side by side are apart rows from each other, and each is followed by the next in
// memory. Of each, what lies early bytes further on is asked for in advance, and while a cache
// line is read, pace bytes of that: less than a line where as much is asked for again.
func (a *asm) few(rows, columns int, w weight) {
	a.begin(fmt.Sprintf("few%s%dx%d", w.name, rows, columns),
		fmt.Sprintf("func(groups, n int, x *%s, ldx int, w *%s, ldw int, c *float32, ldc, acc, apart, early, pace int)", w.x, w.w),
		fmt.Sprintf("multiplies %d rows of X with groups of %d rows of W.", rows, columns))
	sizeX := 4
	if w.size == 1 {
		sizeX = 2
	}
	shift := func(size int, r reg.GPPhysical) reg.GPPhysical {
		if size > 1 {
			a.SHLQ(Imm(map[int]uint64{4: 2, 2: 1}[size]), r)
		}
		return r
	}
	n, stride := reg.RCX, reg.RDX // stride is from one row of W to that beside it
	ldx := shift(sizeX, a.load("ldx", reg.R10))
	x := []reg.GPPhysical{reg.RSI, reg.R9}[:(rows+2)/3] // each third row of X
	y := []reg.GPPhysical{reg.RDI, reg.RBX}[:(columns+1)/2]
	next := []reg.GPPhysical{reg.R11, reg.R13}[:len(y)]
	c := a.load("c", reg.R14)
	ldw := shift(w.size, a.load("ldw", reg.R8))
	a.MOVQ(ldw, a.argument("ldw"))
	if columns > 1 {
		a.load("apart", stride)
		a.IMULQ(ldw, stride)
	}
	rowOfX := func(i, disp int) Mem {
		m := Mem{Base: x[i/3], Disp: disp}
		if i%3 > 0 {
			m.Index, m.Scale = ldx, uint8(i%3)
		}
		return m
	}
	beside := func(p []reg.GPPhysical, j, disp int) Mem {
		m := Mem{Base: p[j/2], Disp: disp}
		if j%2 > 0 {
			m.Index, m.Scale = stride, 1
		}
		return m
	}
	sums, left := a.reg[:rows*columns], a.reg[rows*columns:]
	v, of, t, mask := left[:columns], left[columns], left[columns+1], reg.Register(left[columns+2])
	switch w.size {
	case 4:
		a.load("n", n)
		a.ANDQ(Imm(uint64(a.lanes-1)), n)
		mask = a.tailMask(n, left[columns+2])
	case 2:
		a.VPBROADCASTD(a.word(0xffff0000), mask)
	}

	// step multiplies a vector of each row; disp and dispX are where its elements lie.
	step := func(disp, dispX int, part, upper bool) {
		for j := range columns {
			m := beside(y, j, disp)
			switch {
			case part:
				a.loadPart(m, mask, v[j])
			case w.size == 4:
				a.VMOVUPS(m, v[j])
			case w.size == 1:
				a.VPMOVSXBW(m, v[j])
			case upper:
				a.VANDPS(m, mask, v[j])
			default:
				a.VMOVUPS(m, v[j])
				a.VPSLLD(Imm(16), v[j], v[j])
			}
		}
		for i := range rows {
			if part {
				a.loadPart(rowOfX(i, dispX), mask, of)
			} else {
				a.VMOVUPS(rowOfX(i, dispX), of)
			}
			for j, s := range sums[i*columns:][:columns] {
				switch {
				case w.size > 1:
					a.VFMADD231PS(v[j], of, s)
				case a.isa == avx512:
					a.Instruction(&ir.Instruction{Opcode: "VPDPWSSD", Operands: []Op{v[j], of, s}}) // which avo does not know
				default:
					a.VPMADDWD(v[j], of, t)
					a.VPADDD(t, s, s)
				}
			}
		}
	}
	a.load("w", next[0])
	a.ADDQ(a.argument("early"), next[0])
	if columns > 2 {
		a.LEAQ(Mem{Base: next[0], Index: stride, Scale: 2}, next[1])
	}
	pace := a.load("pace", reg.RAX)
	group, loop, rest, done := a.label("group"), a.label("loop"), a.label("rest"), a.label("done")
	a.Label(group)
	for k, p := range x {
		if k == 0 {
			a.load("x", p)
		} else {
			a.LEAQ(Mem{Base: x[0], Index: ldx, Scale: 2}, p)
			a.ADDQ(ldx, p)
		}
	}
	for k, p := range y {
		if k == 0 {
			a.load("w", p)
		} else {
			a.LEAQ(Mem{Base: y[0], Index: stride, Scale: 2}, p)
		}
	}
	for _, s := range sums {
		a.zero(s)
	}
	a.load("n", n)
	turn := a.lanes // elements that a turn of the loop does
	if w.size == 4 {
		a.SUBQ(Imm(uint64(a.lanes)), n)
		a.JL(a.jump(rest))
	} else {
		turn = cacheLine / w.size
	}
	a.Label(loop)
	for j := range columns {
		if rows > 4 { // several passes read a block again, from the second cache
			a.PREFETCHT2(beside(next, j, 0))
		} else {
			a.PREFETCHT0(beside(next, j, 0))
		}
	}
	switch w.size {
	case 4:
		step(0, 0, false, false)
	case 2:
		for _, upper := range []bool{false, true} {
			for e := 0; e < cacheLine; e += a.bytes() {
				from := e
				if upper {
					from += cacheLine
				}
				step(e, from, false, upper)
			}
		}
	default:
		for e := 0; e < cacheLine; e += 2 * a.lanes {
			step(e, 2*e, false, false)
		}
	}
	for _, p := range x {
		a.ADDQ(I32(turn*sizeX), p)
	}
	for k, p := range y {
		a.ADDQ(I32(turn*w.size), p)
		a.ADDQ(pace, next[k])
	}
	if w.size == 4 {
		a.SUBQ(Imm(uint64(a.lanes)), n)
		a.JGE(a.jump(loop))
		a.Label(rest)
		a.ADDQ(Imm(uint64(a.lanes)), n)
		a.JE(a.jump(done))
		for _, p := range next {
			a.LEAQ(Mem{Base: p, Index: n, Scale: 4}, p)
		}
		step(0, 0, true, false)
		a.Label(done)
	} else {
		a.DECQ(n)
		a.JNE(a.jump(loop))
	}
	a.load("ldw", reg.R8)
	a.ADDQ(reg.R8, a.argument("w"))

	ldc, acc, to, half := a.load("ldc", reg.RCX), reg.R12, reg.R15, reg.RSI
	apart := a.load("apart", reg.R8)
	if w.size == 4 {
		a.load("acc", acc)
	}
	a.MOVQ(c, to)
	if columns > 1 {
		a.LEAQ(Mem{Base: c, Index: apart, Scale: 8}, half)
	}
	for i := range rows {
		place := []Mem{{Base: to}, {Base: to, Index: apart, Scale: 4}, {Base: half}, {Base: half, Index: apart, Scale: 4}}
		for j, s := range a.foldSide(sums[i*columns:][:columns], left, w.size == 1) {
			if w.size == 4 {
				store := a.label("store")
				a.TESTQ(acc, acc)
				a.JE(a.jump(store))
				a.VADDSS(place[j], s, s)
				a.Label(store)
			}
			a.VMOVSS(s, place[j])
		}
		for _, p := range []reg.GPPhysical{to, half}[:len(y)] {
			if i < rows-1 {
				a.LEAQ(Mem{Base: p, Index: ldc, Scale: 4}, p)
			}
		}
	}
	a.ADDQ(Imm(4), c)
	a.DECQ(a.argument("groups"))
	a.JNE(a.jump(group))
	a.end()
}

// foldSide sums the lanes of one or four vectors, each into the first lane of a register, of
// whole numbers as float32: halves, halves of these, and so on. Four become one on the way.
func (a *asm) foldSide(sums, free []reg.VecPhysical, whole bool) (first []reg.Register) {
	add := func(x, y, z reg.Register) { a.VADDPS(x, y, z) }
	if whole {
		add = func(x, y, z reg.Register) { a.VPADDD(x, y, z) }
	}
	all, t := sums[0], free[0]
	// together adds one half of the lanes of x and of y to the other.
	var together func(x, y reg.VecPhysical, low, high Constant)
	if a.isa == avx512 {
		together = func(x, y reg.VecPhysical, low, high Constant) {
			a.VSHUFF32X4(high, y, x, t)
			a.VSHUFF32X4(low, y, x, x)
			add(t, x, x)
		}
		if len(sums) == fewGroup {
			together(sums[0], sums[1], Imm(0x44), Imm(0xee))
			together(sums[2], sums[3], Imm(0x44), Imm(0xee))
			together(sums[0], sums[2], Imm(0x88), Imm(0xdd))
		} else {
			together(all, all, Imm(0x44), Imm(0xee))
			together(all, all, Imm(0x88), Imm(0xdd))
		}
	} else {
		together = func(x, y reg.VecPhysical, low, high Constant) {
			a.VPERM2F128(high, y, x, t)
			a.VPERM2F128(low, y, x, x)
			add(t, x, x)
		}
		for i := 0; i < len(sums); i += 2 {
			together(sums[i], sums[min(i+1, len(sums)-1)], Imm(0x20), Imm(0x31))
		}
	}
	parts := []reg.VecPhysical{all} // with a sum in each quarter or half
	if a.isa == avx2 && len(sums) == fewGroup {
		parts = append(parts, sums[2])
	}
	for _, p := range parts {
		for _, swapped := range []Constant{Imm(0b10_11_00_01), Imm(0b01_00_11_10)} {
			a.VPERMILPS(swapped, p, t)
			add(t, p, p)
		}
		if whole {
			a.VCVTDQ2PS(p, p)
		}
		first = append(first, p.AsX())
		for lane := 1; lane < len(sums)/len(parts); lane++ {
			to := free[lane].AsX()
			if a.isa == avx512 {
				a.VEXTRACTF32X4(Imm(uint64(lane)), p, to)
			} else {
				a.VEXTRACTF128(Imm(uint64(lane)), p, to)
			}
			first = append(first, to)
		}
		free = free[1:] // what is in use by now
	}
	return first
}
