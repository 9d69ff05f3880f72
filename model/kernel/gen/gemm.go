package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemm emits the micro-kernels, which multiply a strip of A with a panel of B. One holds
// rows × vectors accumulators in registers:
//
//	C (rows × vectors·lanes) = [C +] Σ_p A[·, p] · panel[p, ·]
//
// A panel is packed columns of B, or those columns in place. The last vector of each row of C has
// only tail lanes.
func (a *asm) gemm() {
	rows, widths := a.mr(), []int{1, 2, 3}
	if a.isa == avx2 {
		widths = []int{1, 2}
	}
	multiply := func(panel, x, sum int) { a.VFMADD231PS(a.reg[panel], a.reg[x], a.reg[sum]) }
	for _, v := range widths {
		for r := 1; r <= rows; r++ {
			a.microKernel(byRows, r, v, multiply)
		}
		a.microKernel(byColumns, rows, v, multiply)
		a.microKernel(strips, rows, v, multiply)
		a.microKernel(copying, rows, v, multiply)
		a.microKernel(panelAhead, rows, v, multiply)
	}
}

// mr is how many rows the full micro-kernel has.
func (a *asm) mr() int {
	if a.isa == avx2 {
		return 6
	}
	return 8
}

// The forms of micro-kernels.
const (
	byRows         = "gemmRows"   // reads A by rows: k is contiguous
	byColumns      = "gemmCols"   // reads A by columns: the rows are contiguous
	copying        = "gemmCopy"   // byColumns that copies on the way: see rowCopy
	panelAhead     = "gemmPanel"  // byRows that prefetches a packed panel
	strips         = "gemmStrips" // byRows for many strips, one below the other
	wordsByRows    = "bf16Rows"   // as byRows and byColumns, of words, prefetching into the L2 cache
	wordsByColumns = "bf16Cols"
)

const unroll = 4 // steps in k of a round

// microKernel emits one; multiply adds the product of two registers, by their numbers, to a third.
func (a *asm) microKernel(form string, rows, vectors int, multiply func(panel, x, sum int)) {
	name := fmt.Sprintf("%s%dx%d", form, rows, vectors)
	transposed := form == byColumns || form == copying || form == wordsByColumns
	prefetch, last, doc := a.PREFETCHT0, "ahead prefetch", fmt.Sprintf("multiplies %d rows", rows)
	switch form {
	case wordsByRows, wordsByColumns:
		prefetch = a.PREFETCHT1
	case strips:
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
	row, strideC, lastC := reg.R13, reg.R15, reg.R14
	next, step1, step3, by := reg.RAX, reg.RBX, reg.R11, reg.R12 // step1: bytes; step3: three times that
	rows8 := rowCopy{src: next, step: step1, target: reg.R14, dst: reg.R11, left: reg.R15, tmp: reg.R9}
	if form == copying {
		strideC, lastC = reg.R12, reg.R10
	}
	// Each round prefetches a row of C: all at once, they would delay loads of B.
	a.MOVQ(C, row)
	a.MOVQ(ldc, strideC)
	a.IMUL3Q(U32(uint32(rows-1)), ldc, lastC)
	a.ADDQ(C, lastC)
	prefetchC := func(u int) {
		switch {
		case u < vectors && u*a.bytes()%64 == 0:
			a.PREFETCHT0(Mem{Base: row, Disp: u * a.bytes()})
		case u == unroll-1 && rows > 1:
			a.ADDQ(strideC, row)
			a.CMPQ(row, lastC)
			a.CMOVQHI(lastC, row)
		}
	}
	if form != strips {
		a.field("ahead", "next", next)
		a.field("ahead", "step", step1)
		a.SHLQ(Imm(2), step1)
	}
	switch form {
	case copying:
		a.field("ahead", "to", rows8.target)
		a.startCopy(rows8)
	case byRows, byColumns, wordsByRows, wordsByColumns:
		a.field("ahead", "by", by)
		a.SHLQ(Imm(2), by)
		a.LEAQ(Mem{Base: step1, Index: step1, Scale: 2}, step3)
	}
	loop, rest, one, done := a.label("loop"), a.label("rest"), a.label("one"), a.label("done")
	a.SUBQ(Imm(unroll), k)
	a.JL(a.jump(rest))
	a.Label(loop)
	for u := range unroll {
		step(u)
		prefetchC(u)
		switch {
		case form == copying && u == 0:
			a.copyOnTheWay(rows8, spare)
		case form == copying || form == strips:
		case form == panelAhead:
			if u < a.linesAhead(vectors) {
				a.PREFETCHT1(Mem{Base: next, Disp: 64 * u})
			}
			if u == unroll-1 {
				a.ADDQ(Imm(uint64(64*a.linesAhead(vectors))), next)
			}
		case u == 0:
			prefetch(Mem{Base: next})
		case u < 3:
			prefetch(Mem{Base: next, Index: step1, Scale: uint8(u)})
		default:
			prefetch(Mem{Base: next, Index: step3, Scale: 1})
			a.ADDQ(by, next)
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

// nextStrip repeats the micro-kernel on the next strip of A and C, if there is one.
func (a *asm) nextStrip(rows int, again string) {
	for _, m := range [][2]string{{"a", "lda"}, {"c", "ldc"}} {
		stride := a.load(m[1], reg.RBX)
		a.IMUL3Q(U32(uint32(4*rows)), stride, stride)
		a.ADDQ(stride, a.argument(m[0]))
	}
	a.DECQ(a.argument("strips"))
	a.JNE(a.jump(again))
}

// linesAhead is how many cache lines of a packed panel are prefetched in a round: so many that
// eight strips prefetch a panel, or more.
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
