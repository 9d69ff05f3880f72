package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemm emits the kernels that multiply a strip of A with a packed panel of B, and what
// packs. A kernel holds rows × vectors accumulators in registers:
//
//	C (rows × vectors·lanes) = [C +] Σ_p A[·, p] · panel[p, ·]
//
// R reads A by rows, p being contiguous; T reads it by columns, the rows being contiguous.
// A panel is a copy of some columns of B, or those columns where they lie.
// The last vector of each row of C has only tail lanes that exist.
func (a *asm) gemm() {
	rows, widths := a.high(), []int{1, 2, 3}
	if a.isa == avx2 {
		widths = []int{1, 2}
	}
	multiply := func(panel, x, sum int) { a.VFMADD231PS(a.reg[panel], a.reg[x], a.reg[sum]) }
	for _, v := range widths {
		for r := 1; r <= rows; r++ {
			a.product(byRows, r, v, multiply)
		}
		a.product(byColumns, rows, v, multiply)
		a.product(strips, rows, v, multiply)
		a.product(copying, rows, v, multiply)
		a.product(ahead, rows, v, multiply)
	}
}

// high is how many rows the highest kernel has.
func (a *asm) high() int {
	if a.isa == avx2 {
		return 6
	}
	return 8
}

// The forms of kernels. R and T, which reads A by columns, prefetch four rows, step elements apart,
// from next on, P instead what lies in one piece from next on. C is T that copies on its way for
// kernels to come: see haul. S is R for many strips, one below the other. Those of
// bfloat16, whose elements are words, prefetch into the second-level cache, and go by elements
// further after every four lines.
const (
	byRows         = "gemmR"
	byColumns      = "gemmT"
	copying        = "gemmC"
	ahead          = "gemmP"
	strips         = "gemmS"
	wordsByRows    = "bf16R"
	wordsByColumns = "bf16T"
)

const unroll = 4 // steps of a round

// product emits one kernel; multiply adds the product of two registers, by their numbers,
// to a third.
func (a *asm) product(form string, rows, vectors int, multiply func(panel, x, sum int)) {
	name := fmt.Sprintf("%s%dx%d", form, rows, vectors)
	transposed := form == byColumns || form == copying || form == wordsByColumns
	prefetch, last, doc := a.PREFETCHT0, "next *float32, step int, into *target", fmt.Sprintf("multiplies %d rows", rows)
	switch {
	case form == wordsByRows || form == wordsByColumns:
		prefetch, last = a.PREFETCHT1, "next *float32, step int, by int"
	case form == strips:
		last, doc = "strips int", fmt.Sprintf("multiplies strips of %d rows", rows)
	}
	a.begin(name, "func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int, "+last+")",
		fmt.Sprintf("%s of A with %d columns of B.", doc, vectors*a.lanes))
	strip := ""
	if form == strips {
		strip = a.label("strip")
		a.Label(strip)
	}
	k, A, lda := a.load("k", reg.RCX), a.load("a", reg.RSI), a.load("lda", reg.RDX)
	B, ldb := a.load("b", reg.RDI), a.load("ldb", reg.R8)
	C, ldc := a.load("c", reg.RAX), a.load("ldc", reg.RBX)
	a.SHLQ(Imm(2), lda)
	a.SHLQ(Imm(2), ldb)
	a.SHLQ(Imm(2), ldc)
	// Rows 0, 4 (3 with AVX2) and so on have a pointer; the others are reached by multiples of lda.
	lda3 := reg.R9
	at := []reg.GPPhysical{reg.RSI, reg.R10}
	if !transposed {
		a.LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
		if rows > 4 {
			a.LEAQ(Mem{Base: A, Index: lda, Scale: 4}, at[1])
		}
	}
	element := func(i, u int) Mem {
		if transposed {
			return Mem{Base: A, Disp: 4 * i}
		}
		m := Mem{Base: at[i/4], Disp: 4 * u}
		switch i % 4 {
		case 1, 2:
			m.Index, m.Scale = lda, uint8(i%4)
		case 3:
			m.Index, m.Scale = lda3, 1
		}
		return m
	}
	sum := func(i, v int) int { return i*vectors + v }
	panel := func(v int) int { return rows*vectors + v }
	spare := (rows + 1) * vectors
	spares := min(4, len(a.reg)-spare)
	step := func(u int) {
		for v := range vectors {
			a.VMOVUPS(Mem{Base: B, Disp: v * a.bytes()}, a.reg[panel(v)])
		}
		a.ADDQ(ldb, B)
		for i := range rows {
			x := spare + i%spares
			a.VBROADCASTSS(element(i, u), a.reg[x])
			for v := range vectors {
				multiply(panel(v), x, sum(i, v))
			}
		}
		if transposed {
			a.ADDQ(lda, A)
		}
	}
	advance := func(u int) {
		if transposed {
			return
		}
		a.ADDQ(Imm(uint64(4*u)), at[0])
		if rows > 4 {
			a.ADDQ(Imm(uint64(4*u)), at[1])
		}
	}
	for i := range rows * vectors {
		a.zero(a.reg[i])
	}
	row, apartC, lastC := reg.R13, reg.R15, reg.R14
	next, apart, apart3, by := reg.RAX, reg.RBX, reg.R11, reg.R12
	h := haul{from: next, step: apart, into: reg.R14, at: reg.R11, left: reg.R15, tmp: reg.R9}
	if form == copying {
		apartC, lastC = reg.R12, reg.R10
	}
	// Each round fetches a row of C: all at once, they would keep B waiting.
	a.MOVQ(C, row)
	a.MOVQ(ldc, apartC)
	a.IMUL3Q(U32(uint32(rows-1)), ldc, lastC)
	a.ADDQ(C, lastC)
	fetchC := func(u int) {
		switch {
		case u < vectors && u*a.bytes()%64 == 0:
			a.PREFETCHT0(Mem{Base: row, Disp: u * a.bytes()})
		case u == unroll-1 && rows > 1:
			a.ADDQ(apartC, row)
			a.CMPQ(row, lastC)
			a.CMOVQHI(lastC, row)
		}
	}
	if form != strips {
		a.load("next", next)
		a.load("step", apart)
		a.SHLQ(Imm(2), apart)
	}
	switch form {
	case copying:
		a.startHaul(h)
	case wordsByRows, wordsByColumns:
		a.load("by", by)
		a.SHLQ(Imm(2), by)
	}
	if form != copying && form != ahead && form != strips {
		a.LEAQ(Mem{Base: apart, Index: apart, Scale: 2}, apart3)
	}
	loop, rest, one, done := a.label("loop"), a.label("rest"), a.label("one"), a.label("done")
	a.SUBQ(Imm(unroll), k)
	a.JL(a.jump(rest))
	a.Label(loop)
	for u := range unroll {
		step(u)
		fetchC(u)
		switch {
		case form == copying && u == 0:
			a.carry(h, spare)
		case form == copying || form == strips:
		case form == ahead:
			if u < a.linesAhead(vectors) {
				a.PREFETCHT1(Mem{Base: next, Disp: 64 * u})
			}
			if u == unroll-1 {
				a.ADDQ(Imm(uint64(64*a.linesAhead(vectors))), next)
			}
		case u == 0:
			prefetch(Mem{Base: next})
		case u < 3:
			prefetch(Mem{Base: next, Index: apart, Scale: uint8(u)})
		default:
			prefetch(Mem{Base: next, Index: apart3, Scale: 1})
			if form == wordsByRows || form == wordsByColumns {
				a.ADDQ(by, next)
			} else {
				a.ADDQ(Imm(16), next)
			}
		}
	}
	advance(unroll)
	a.SUBQ(Imm(unroll), k)
	a.JGE(a.jump(loop))
	a.Label(rest)
	a.ADDQ(Imm(unroll), k)
	a.JLE(a.jump(done))
	a.Label(one)
	step(0)
	advance(1)
	a.DECQ(k)
	a.JNE(a.jump(one))
	a.Label(done)
	a.finish(rows, vectors, func(i, v int) reg.VecPhysical { return a.reg[sum(i, v)] })
	if form == strips {
		a.nextStrip(rows, strip)
	}
	a.end()
}

// nextStrip begins anew with the next strip of A and C, if there is one.
func (a *asm) nextStrip(rows int, again string) {
	for _, m := range [][2]string{{"a", "lda"}, {"c", "ldc"}} {
		apart := a.load(m[1], reg.RBX)
		a.IMUL3Q(U32(uint32(4*rows)), apart, apart)
		a.ADDQ(apart, a.argument(m[0]))
	}
	a.DECQ(a.argument("strips"))
	a.JNE(a.jump(again))
}

// linesAhead is how many cache lines P prefetches in four steps: so many that eight strips
// prefetch a panel, or more.
func (a *asm) linesAhead(vectors int) int { return (vectors*a.bytes() + 127) / 128 }

// finish adds the sums to C where asked to, and stores them; lanes from tail on of the
// last vector are neither read nor written.
func (a *asm) finish(rows, vectors int, sum func(i, v int) reg.VecPhysical) {
	C, ldc := a.load("c", reg.RAX), a.load("ldc", reg.RBX)
	a.SHLQ(Imm(2), ldc)
	acc, tail := a.load("acc", reg.R8), a.load("tail", reg.R11)
	mask := a.tailMask(tail, a.reg[len(a.reg)-1])
	scratch := a.reg[len(a.reg)-2]
	store, partial, partialStore, out := a.label("store"), a.label("partial"), a.label("partialStore"), a.label("out")
	a.CMPQ(tail, Imm(uint64(a.lanes)))
	a.JL(a.jump(partial))
	for _, masked := range []bool{false, true} {
		if masked {
			store = partialStore
			a.Label(partial)
		}
		cell := func(v int) Mem { return Mem{Base: reg.R13, Disp: v * a.bytes()} }
		a.TESTQ(acc, acc)
		a.JE(a.jump(store))
		a.MOVQ(C, reg.R13)
		for i := range rows {
			for v := range vectors {
				if masked && v == vectors-1 {
					a.loadPart(cell(v), mask, scratch)
					a.VADDPS(scratch, sum(i, v), sum(i, v))
				} else {
					a.VADDPS(cell(v), sum(i, v), sum(i, v))
				}
			}
			if i < rows-1 {
				a.ADDQ(ldc, reg.R13)
			}
		}
		a.Label(store)
		a.MOVQ(C, reg.R13)
		for i := range rows {
			for v := range vectors {
				if masked && v == vectors-1 {
					a.storePart(sum(i, v), mask, cell(v))
				} else {
					a.VMOVUPS(sum(i, v), cell(v))
				}
			}
			if i < rows-1 {
				a.ADDQ(ldc, reg.R13)
			}
		}
		if !masked {
			a.JMP(a.jump(out))
		}
	}
	a.Label(out)
}
