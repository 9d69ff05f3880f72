package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A weight is the type of W, and of X with it. Rows of W of fewer bits are padded with zeros to whole
// cache lines, and so is X; those of float32 end anywhere. Of bfloat16, a line is 16 words whose low
// halves are its first 16 elements, the high ones the others.
type weight struct {
	name, x, w string
	size       int // of an element of W
}

const (
	cacheLine   = 64
	skinnyGroup = 4 // rows of W side by side
)

// skinny emits the kernels that multiply few rows of X with rows of W, each read once, in place:
//
//	skinnyRM×C    C (M × C·groups) = [C +] X·Wᵀ, both contiguous along k
//
// W is read as four long streams: so the CPU has more loads in flight than from neighbouring rows.
func (a *asm) skinny() {
	most := 6
	if a.isa == avx2 {
		most = 2
	}
	for _, w := range []weight{{"F32", "float32", "float32", 4}, {"BF16", "float32", "uint16", 2}, {"Int8", "int16", "int8", 1}} {
		for rows := 1; rows <= most; rows++ {
			for _, columns := range []int{1, skinnyGroup} {
				a.skinnyKernel(rows, columns, w)
			}
		}
	}
}

// skinnyKernel emits one. n counts elements of float32, else cache lines of W. Rows of W side by
// side are groups rows apart, and each is followed by the next in memory.
func (a *asm) skinnyKernel(rows, columns int, w weight) {
	a.begin(fmt.Sprintf("skinny%sR%dx%d", w.name, rows, columns),
		fmt.Sprintf("func(groups, n int, x *%s, ldx int, w *%s, ldw int, c *float32, ldc, acc int, ahead skinnyPrefetch)", w.x, w.w),
		fmt.Sprintf("multiplies %d rows of X with groups of %d rows of W.", rows, columns))
	left := a.AllocLocal(8) // groups that are not done
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
	n, stride := reg.RCX, reg.RDX // stride: bytes from one row of W to that beside it
	ldx := shift(sizeX, a.load("ldx", reg.R10))
	x := []reg.GPPhysical{reg.RSI, reg.R9}[:(rows+2)/3] // each third row of X
	y := []reg.GPPhysical{reg.RDI, reg.RBX}[:(columns+1)/2]
	next := []reg.GPPhysical{reg.R11, reg.R13}[:len(y)]
	c := a.load("c", reg.R14)
	ldw := shift(w.size, a.load("ldw", reg.R8))
	a.MOVQ(ldw, a.argument("ldw"))
	a.load("groups", stride)
	a.MOVQ(stride, left)
	if columns > 1 {
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
	sums, free := a.reg[:rows*columns], a.reg[rows*columns:]
	v, of, t, mask := free[:columns], free[columns], free[columns+1], reg.Register(free[columns+2])
	switch w.size {
	case 4:
		a.load("n", n)
		a.ANDQ(Imm(uint64(a.lanes-1)), n)
		mask = a.tailMask(n, free[columns+2])
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
					a.Instruction(&ir.Instruction{Opcode: "VPDPWSSD", Operands: []Op{v[j], of, s}}) // unknown to avo
				default:
					a.VPMADDWD(v[j], of, t)
					a.VPADDD(t, s, s)
				}
			}
		}
	}
	a.load("w", next[0])
	distance, err := a.Param("ahead").Field("distance").Resolve()
	must(err)
	a.ADDQ(distance.Addr, next[0])
	if columns > 2 {
		a.LEAQ(Mem{Base: next[0], Index: stride, Scale: 2}, next[1])
	}
	pace := a.field("ahead", "pace", reg.RAX)
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
	perPass := a.lanes // elements of each row
	if w.size == 4 {
		a.SUBQ(Imm(uint64(a.lanes)), n)
		a.JL(a.jump(rest))
	} else {
		perPass = cacheLine / w.size
	}
	a.Label(loop)
	for j := range columns {
		if rows > 4 { // several passes read a block again, from the L2 cache
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
		a.ADDQ(I32(perPass*sizeX), p)
	}
	for k, p := range y {
		a.ADDQ(I32(perPass*w.size), p)
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
	groups := a.load("groups", reg.R8)
	if w.size == 4 {
		a.load("acc", acc)
	}
	a.MOVQ(c, to)
	if columns > 1 {
		a.LEAQ(Mem{Base: c, Index: groups, Scale: 8}, half)
	}
	for i := range rows {
		place := []Mem{{Base: to}, {Base: to, Index: groups, Scale: 4}, {Base: half}, {Base: half, Index: groups, Scale: 4}}
		for j, s := range a.foldSide(sums[i*columns:][:columns], free, w.size == 1) {
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
	a.DECQ(left)
	a.JNE(a.jump(group))
	a.end()
}

// foldSide sums the lanes of each of one or four vectors into the first lane of a register, of whole
// numbers as float32: halves, halves of these, and so on. Four vectors become one on the way.
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
		if len(sums) == skinnyGroup {
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
	if a.isa == avx2 && len(sums) == skinnyGroup {
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
