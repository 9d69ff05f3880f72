package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dots emits products of few rows of A with rows of B, both read along k and neither
// packed: what generating token by token needs, which reads every weight once.
func (a *asm) dots() {
	most := 4
	if a.isa == avx2 {
		most = 2
	}
	for _, w := range []weight{{"", "float32", 4}, {"BF16", "uint16", 2}, {"Int8", "int8", 1}} {
		for rows := 1; rows <= most; rows++ {
			for _, columns := range []int{1, 4} {
				a.dot(rows, columns, w)
			}
		}
	}
}

// A weight is what B is made of. Narrow ones are widened on the way, and their rows are
// filled up to whole vectors, since AVX2 cannot read a part of one.
type weight struct {
	suffix, goType string
	size           int
}

// widen loads a vector of narrow weights as float32, which for Int8 want a scale.
func (a *asm) widen(w weight, m Mem, v lanes) {
	if w.size == 2 {
		a.VPMOVZXWD(m, v)
		a.VPSLLD(Imm(16), v, v)
	} else {
		a.VPMOVSXBD(m, v)
		a.VCVTDQ2PS(v, v)
	}
}

func (a *asm) dot(rows, columns int, w weight) {
	a.begin(fmt.Sprintf("dots%s%dx%d", w.suffix, rows, columns),
		fmt.Sprintf("func(n int, x *float32, lda int, y *%s, ldb int, c *float32, ldc int, acc int)", w.goType),
		fmt.Sprintf("sets C (%d×%d) = [C +] A·Bᵀ with rows of n elements at x and y.", rows, columns))
	n, lda, ldb := a.load("n", reg.RCX), a.load("lda", reg.RDX), a.load("ldb", reg.R8)
	a.SHLQ(Imm(2), lda)
	switch w.size {
	case 4:
		a.SHLQ(Imm(2), ldb)
	case 2:
		a.SHLQ(Imm(1), ldb)
	}
	pointers := func(name string, first reg.GPPhysical, ld reg.GPPhysical, count int, rest ...reg.GPPhysical) []reg.GPPhysical {
		p := []reg.GPPhysical{a.load(name, first)}
		for i := 1; i < count; i++ {
			a.LEAQ(Mem{Base: p[i-1], Index: ld, Scale: 1}, rest[i-1])
			p = append(p, rest[i-1])
		}
		return p
	}
	x := pointers("x", reg.RSI, lda, rows, reg.R9, reg.R10, reg.R11)
	y := pointers("y", reg.RDI, ldb, columns, reg.RBX, reg.RAX, reg.R13)
	sums := a.reg[:rows*columns]
	for _, s := range sums {
		a.zero(s)
	}
	at := reg.R12 // elements done
	a.XORQ(at, at)
	step := func(mask reg.Register) {
		read := func(p reg.GPPhysical, v reg.VecPhysical, w weight) {
			m := Mem{Base: p, Index: at, Scale: uint8(w.size)}
			switch {
			case w.size < 4:
				a.widen(w, m, v)
			case mask == nil:
				a.VMOVUPS(m, v)
			default:
				a.loadPart(m, mask, v)
			}
		}
		left := a.reg[len(sums):]
		for i := range rows {
			read(x[i], left[i], weight{size: 4})
		}
		v := left[rows]
		for j := range columns {
			read(y[j], v, w)
			for i := range rows {
				a.VFMADD231PS(v, left[i], sums[i*columns+j])
			}
		}
	}
	loop, rest, done := a.label("loop"), a.label("rest"), a.label("done")
	a.SUBQ(I32(a.lanes), n)
	a.JL(a.jump(rest))
	a.Label(loop)
	step(nil)
	a.ADDQ(I32(a.lanes), at)
	a.SUBQ(I32(a.lanes), n)
	a.JGE(a.jump(loop))
	a.Label(rest)
	a.ADDQ(I32(a.lanes), n)
	a.JE(a.jump(done))
	if a.isa == avx512 {
		a.MOVL(U32(1<<32-1), reg.EDX)
		a.BZHIL(n.As32(), reg.EDX, reg.EDX)
		a.KMOVW(reg.EDX, reg.K1)
		step(reg.K1)
	} else {
		mask := a.reg[15]
		a.LEAQ(a.ones().Offset(a.bytes()), reg.RDX)
		a.SHLQ(Imm(2), n)
		a.SUBQ(n, reg.RDX)
		a.VMOVUPS(Mem{Base: reg.RDX}, mask)
		step(mask)
	}
	a.Label(done)
	c, ldc, acc := a.load("c", reg.RSI), a.load("ldc", reg.RDX), a.load("acc", reg.RCX)
	a.SHLQ(Imm(2), ldc)
	for i := range rows {
		for j := range columns {
			s := a.foldLanes(sums[i*columns+j], a.reg[len(a.reg)-1], func(x, y, z reg.Register) { a.VADDPS(x, y, z) })
			store := a.label("store")
			a.TESTQ(acc, acc)
			a.JE(a.jump(store))
			a.VADDSS(Mem{Base: c, Disp: 4 * j}, s, s)
			a.Label(store)
			a.VMOVSS(s, Mem{Base: c, Disp: 4 * j})
		}
		if i < rows-1 {
			a.ADDQ(ldc, c)
		}
	}
	a.end()
}
