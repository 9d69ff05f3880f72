package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scores emits what attention does with a strip of scores: rows of n numbers, ld apart, of which
// the first sees first, and each row after it more further ones, from 0 to n. What a row does not
// see becomes 0. Whole vectors are written, so rows may end in the middle of one if what lies
// behind them is not needed.
func (a *asm) scores() {
	const rows = "func(rows, n, first, more, ld int, "
	exps := len(a.reg) / 8 // at once, for want of registers
	a.begin("scoresMax", rows+"x, top *float32)", "sets top to the largest number that each row sees, −Inf if none.")
	a.eachRow(4, []string{"x"}, []string{"top"}, false, func(row map[string]Mem) (func(*iteration), func()) {
		least := a.word(0xff800000)
		top := make([]reg.VecVirtual, 4)
		for i := range top {
			top[i] = a.vec()
			a.broadcast(least, top[i])
		}
		larger := func(x, y, z reg.Register) { a.VMAXPS(x, y, z) }
		return func(s *iteration) {
				x := s.load("x")
				if s.mask != nil {
					a.selectLanes(s.mask, x, top[0], x)
				}
				larger(top[s.copy], x, top[s.copy])
			}, func() {
				a.VMOVSS(a.fold(top, larger), row["top"])
			}
	})
	a.end()

	a.begin("scoresExp", rows+"x *float32, factor float32, shift, sum *float32)",
		"sets x = exp(factor·x − shift), and adds up each row in sum.")
	f := a.scalar("factor")
	a.eachRow(exps, []string{"x"}, []string{"shift", "sum"}, true, func(row map[string]Mem) (func(*iteration), func()) {
		shift, acc := a.vec(), a.accumulators(exps)
		a.VBROADCASTSS(row["shift"], shift)
		return func(s *iteration) {
				x := s.load("x")
				a.VFMSUB213PS(shift, f, x)
				e := a.exp(x)
				if s.mask != nil {
					a.clearTail(s, e)
				}
				a.VMOVUPS(e, s.at("x"))
				a.VADDPS(e, acc[s.copy], acc[s.copy])
			}, func() {
				sum := a.total(acc)
				a.VADDSS(row["sum"], sum, sum)
				a.VMOVSS(sum, row["sum"])
			}
	})
	a.end()

	a.begin("scoresScale", rows+"x, factor *float32)", "multiplies what each row sees by its factor.")
	a.eachRow(4, []string{"x"}, []string{"factor"}, false, func(row map[string]Mem) (func(*iteration), func()) {
		f := a.vec()
		a.VBROADCASTSS(row["factor"], f)
		return func(s *iteration) {
			x := s.load("x")
			a.VMULPS(f, x, x)
			s.store(x, "x")
		}, nil
	})
	a.end()

	a.begin("log", "func(n int, dst, x *float32)", "sets dst = ln x, of normal x > 0.")
	a.each(1, []string{"dst", "x"}, func(s *iteration) { s.store(a.log(s.load("x")), "dst") })
	a.end()

	a.begin("scoresGrad", rows+"p, dp *float32, factor float32, lse, d *float32)",
		"sets p = exp(factor·p − lse) and dp = factor·p·(dp − d).")
	f = a.scalar("factor")
	a.eachRow(exps, []string{"p", "dp"}, []string{"lse", "d"}, true, func(row map[string]Mem) (func(*iteration), func()) {
		lse, d := a.vec(), a.vec()
		a.VBROADCASTSS(row["lse"], lse)
		a.VBROADCASTSS(row["d"], d)
		return func(s *iteration) {
			x := s.load("p")
			a.VFMSUB213PS(lse, f, x)
			p, dp := a.exp(x), s.load("dp")
			if s.mask != nil {
				a.clearTail(s, p)
			}
			a.VMOVUPS(p, s.at("p"))
			a.VSUBPS(d, dp, dp)
			a.VMULPS(f, p, p)
			a.VMULPS(p, dp, dp)
			if s.mask != nil {
				a.clearTail(s, dp)
			}
			a.VMOVUPS(dp, s.at("dp"))
		}, nil
	})
	a.end()
}

// eachRow emits row for every row of scores. perRow are the numbers that each row has one of. row
// returns a body, for every vector of the operands that the row sees, and what ends it. With
// fill, the rest of the row becomes 0.
func (a *asm) eachRow(unroll int, operands, perRow []string, fill bool, row func(numbers map[string]Mem) (body func(*iteration), end func())) {
	s := &iteration{a: a, base: map[string]reg.Register{}, index: a.GP64()}
	for _, name := range operands {
		s.base[name] = a.Load(a.Param(name), a.GP64())
	}
	number, numbers := a.GP64(), map[string]Mem{}
	for _, name := range perRow {
		numbers[name] = Mem{Base: a.Load(a.Param(name), a.GP64()), Index: number, Scale: 4}
	}
	rows, first := a.Load(a.Param("rows"), a.GP64()), a.Load(a.Param("first"), a.GP64())
	ld := a.Load(a.Param("ld"), a.GP64())
	a.SHLQ(Imm(2), ld)
	a.XORQ(number, number)
	next := a.label("row")
	a.Label(next)
	body, finish := row(numbers)
	n, zero := a.GP64(), a.GP64()
	a.XORQ(zero, zero)
	a.MOVQ(first, n)
	a.CMPQ(n, zero)
	a.CMOVQLT(zero, n)
	a.CMPQ(n, a.argument("n"))
	a.CMOVQGT(a.argument("n"), n)
	a.XORQ(s.index, s.index)
	for _, u := range []int{unroll, 1} {
		loop, rest := a.label("loop"), a.label("rest")
		a.SUBQ(I32(u*a.lanes), n)
		a.JL(a.jump(rest))
		a.Label(loop)
		a.interleave(u, func(i int) {
			s.shift, s.copy = i*a.bytes(), i
			body(s)
		})
		s.shift, s.copy = 0, 0
		a.ADDQ(I32(u*a.bytes()), s.index)
		a.SUBQ(I32(u*a.lanes), n)
		a.JGE(a.jump(loop))
		a.Label(rest)
		a.ADDQ(I32(u*a.lanes), n)
	}
	whole := a.label("whole")
	a.TESTQ(n, n)
	a.JE(a.jump(whole))
	s.mask = a.partMask(n)
	body(s)
	s.mask = nil
	a.ADDQ(I32(a.bytes()), s.index)
	a.Label(whole)
	if fill {
		bytes, nothing, loop, filled := a.GP64(), a.vec(), a.label("fill"), a.label("filled")
		a.MOVQ(a.argument("n"), bytes)
		a.SHLQ(Imm(2), bytes)
		a.zero(nothing)
		a.Label(loop)
		a.CMPQ(s.index, bytes)
		a.JGE(a.jump(filled))
		for _, name := range operands {
			a.VMOVUPS(nothing, s.at(name))
		}
		a.ADDQ(I32(a.bytes()), s.index)
		a.JMP(a.jump(loop))
		a.Label(filled)
	}
	if finish != nil {
		finish()
	}
	for _, name := range operands {
		a.ADDQ(ld, s.base[name])
	}
	a.ADDQ(a.argument("more"), first)
	a.INCQ(number)
	a.CMPQ(number, rows)
	a.JL(a.jump(next))
}
