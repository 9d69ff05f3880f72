package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vector emits the elementwise loops and sums that only add and multiply.
func (a *asm) vector() {
	a.begin("add", "func(n int, dst, x, y *float32)", "sets dst = x + y.")
	a.each(2, []string{"dst", "x", "y"}, func(s *iteration) {
		x, y := s.load("x"), s.load("y")
		a.VADDPS(y, x, x)
		s.store(x, "dst")
	})
	a.end()

	a.begin("mul", "func(n int, dst, x, y *float32)", "sets dst = x · y.")
	a.each(2, []string{"dst", "x", "y"}, func(s *iteration) {
		x, y := s.load("x"), s.load("y")
		a.VMULPS(y, x, x)
		s.store(x, "dst")
	})
	a.end()

	a.begin("scale", "func(n int, dst *float32, factor float32)", "sets dst ·= factor.")
	f := a.scalar("factor")
	a.each(2, []string{"dst"}, func(s *iteration) {
		x := s.load("dst")
		a.VMULPS(f, x, x)
		s.store(x, "dst")
	})
	a.end()

	a.begin("axpy", "func(n int, dst, x *float32, factor float32)", "sets dst += factor·x.")
	f = a.scalar("factor")
	a.each(2, []string{"dst", "x"}, func(s *iteration) {
		x, d := s.load("x"), s.load("dst")
		a.VFMADD231PS(f, x, d)
		s.store(d, "dst")
	})
	a.end()

	a.begin("sum", "func(n int, x *float32) float64", "adds up in float64.")
	a.doubles([]string{"x"}, func(acc reg.Register, v []reg.Register) { a.VADDPD(v[0], acc, acc) })
	a.begin("dot", "func(n int, x, y *float32) float64", "adds up products in float64.")
	a.doubles([]string{"x", "y"}, func(acc reg.Register, v []reg.Register) { a.VFMADD231PD(v[0], v[1], acc) })

	a.begin("rowMax", "func(n int, x *float32) float32", "returns the largest element; n > 0.")
	first, err := a.Param("x").Resolve()
	must(err)
	p := a.GP64()
	a.MOVQ(first.Addr, p)
	top := make([]reg.VecVirtual, 4)
	for i := range top {
		top[i] = a.vec()
		a.VBROADCASTSS(Mem{Base: p}, top[i])
	}
	larger := func(x, y, z reg.Register) { a.VMAXPS(x, y, z) }
	a.each(4, []string{"x"}, func(s *iteration) {
		x := s.load("x")
		if s.mask != nil { // lanes after the end repeat the first element
			a.selectLanes(s.mask, x, top[0], x)
		}
		larger(top[s.copy], x, top[s.copy])
	})
	a.Store(a.fold(top, larger), a.ReturnIndex(0))
	a.end()

	a.begin("rotate", "func(n int, x, y, cos, sin *float32)", "turns the pairs (x, y) by angles.")
	a.each(1, []string{"x", "y", "cos", "sin"}, func(s *iteration) {
		x, y, c, sn := s.load("x"), s.load("y"), s.load("cos"), s.load("sin")
		t := a.vec()
		a.VMULPS(y, sn, t)
		a.VFMSUB231PS(x, c, t) // x·cos − y·sin
		a.VMULPS(y, c, y)
		a.VFMADD231PS(x, sn, y)
		s.store(t, "x")
		s.store(y, "y")
	})
	a.end()
}

// doubles adds up the operands, widened, in four accumulators.
func (a *asm) doubles(operands []string, add func(acc reg.Register, v []reg.Register)) {
	acc := a.accumulators(4)
	a.each(2, operands, func(s *iteration) {
		x := make([]reg.VecVirtual, len(operands))
		for i, name := range operands {
			x[i] = s.load(name)
		}
		for half := range 2 {
			wide := make([]reg.Register, len(x))
			for i := range x {
				w := a.vec()
				if a.isa == avx512 {
					part := x[i].AsY()
					if half == 1 {
						part = a.YMM()
						a.VEXTRACTF64X4(Imm(1), x[i], part)
					}
					a.VCVTPS2PD(part, w)
				} else {
					part := x[i].AsX()
					if half == 1 {
						part = a.XMM()
						a.VEXTRACTF128(Imm(1), x[i], part)
					}
					a.VCVTPS2PD(part, w)
				}
				wide[i] = w
			}
			add(acc[2*s.copy+half], wide)
		}
	})
	a.VADDPD(acc[1], acc[0], acc[0])
	a.VADDPD(acc[3], acc[2], acc[2])
	a.VADDPD(acc[2], acc[0], acc[0])
	x := acc[0]
	if a.isa == avx512 {
		half := a.YMM()
		a.VEXTRACTF64X4(Imm(1), x, half)
		a.VADDPD(half, x.AsY(), x.AsY())
	}
	half := a.XMM()
	a.VEXTRACTF128(Imm(1), x.AsY(), half)
	a.VADDPD(half, x.AsX(), x.AsX())
	a.VUNPCKHPD(x.AsX(), x.AsX(), half)
	a.VADDSD(half, x.AsX(), x.AsX())
	a.Store(x.AsX(), a.ReturnIndex(0))
	a.end()
}

// selectLanes sets dst to yes where the mask is set, else to no.
func (a *asm) selectLanes(mask, yes, no, dst reg.Register) {
	if a.isa == avx512 {
		a.VBLENDMPS(yes, no, mask, dst)
	} else {
		a.VBLENDVPS(mask, yes, no, dst)
	}
}
