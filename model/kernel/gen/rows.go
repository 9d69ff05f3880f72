package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows emits the loops over one row: softmax and the norms.
func (a *asm) rows() {
	a.begin("expSum", "func(n int, dst, x *float32, factor, shift float32) float32",
		"sets dst = exp(factor·x − shift) and returns the sum.")
	f, shift := a.scalar("factor"), a.scalar("shift")
	acc := a.accumulators(2)
	a.each(2, []string{"dst", "x"}, func(s *iteration) {
		x := s.load("x")
		a.VFMSUB213PS(shift, f, x)
		e := a.exp(x)
		s.store(e, "dst")
		a.addTail(s, e, acc[s.copy])
	})
	a.Store(a.total(acc), a.ReturnIndex(0))
	a.end()

	a.begin("sumExp", "func(n int, x *float32, shift float32) float32", "returns Σ exp(x − shift).")
	shift = a.scalar("shift")
	acc = a.accumulators(2)
	a.each(2, []string{"x"}, func(s *iteration) {
		x := s.load("x")
		a.VSUBPS(shift, x, x)
		a.addTail(s, a.exp(x), acc[s.copy])
	})
	a.Store(a.total(acc), a.ReturnIndex(0))
	a.end()

	a.norms()
}

// addTail adds x to acc, but for the lanes after the operands' end.
func (a *asm) addTail(s *iteration, x, acc reg.Register) {
	switch {
	case s.mask == nil:
		a.VADDPS(x, acc, acc)
	case a.isa == avx512:
		a.VADDPS(x, acc, s.mask, acc)
	default:
		t := a.vec()
		a.VANDPS(s.mask, x, t)
		a.VADDPS(t, acc, acc)
	}
}

func (a *asm) norms() {
	a.begin("rowSum", "func(n int, x *float32) float32", "returns Σ x.")
	acc := a.accumulators(4)
	a.each(4, []string{"x"}, func(s *iteration) { a.VADDPS(s.load("x"), acc[s.copy], acc[s.copy]) })
	a.Store(a.total(acc), a.ReturnIndex(0))
	a.end()

	a.begin("rowDot", "func(n int, x, y *float32) float32", "returns Σ x·y.")
	acc = a.accumulators(4)
	a.each(4, []string{"x", "y"}, func(s *iteration) {
		x, y := s.load("x"), s.load("y")
		a.VFMADD231PS(x, y, acc[s.copy])
	})
	a.Store(a.total(acc), a.ReturnIndex(0))
	a.end()

	a.begin("rowSpread", "func(n int, x *float32, mean float32) float32", "returns Σ (x − mean)².")
	mean := a.scalar("mean")
	acc = a.accumulators(4)
	a.each(4, []string{"x"}, func(s *iteration) {
		x := s.load("x")
		a.VSUBPS(mean, x, x)
		if s.mask != nil {
			a.clearTail(s, x)
		}
		a.VFMADD231PS(x, x, acc[s.copy])
	})
	a.Store(a.total(acc), a.ReturnIndex(0))
	a.end()

	a.begin("normalize", "func(n int, y, x, gain, bias *float32, mean, rstd float32)", "sets y = (x − mean)·rstd·gain + bias.")
	mean, rstd := a.scalar("mean"), a.scalar("rstd")
	a.each(2, []string{"y", "x", "gain", "bias"}, func(s *iteration) {
		x := s.load("x")
		a.VSUBPS(mean, x, x)
		a.VMULPS(rstd, x, x)
		a.VFMADD213PS(s.load("bias"), s.load("gain"), x)
		s.store(x, "y")
	})
	a.end()

	a.begin("rmsScale", "func(n int, y, x, gain *float32, rstd float32)", "sets y = x·rstd·gain.")
	rstd = a.scalar("rstd")
	a.each(2, []string{"y", "x", "gain"}, func(s *iteration) {
		x := s.load("x")
		a.VMULPS(rstd, x, x)
		a.VMULPS(s.load("gain"), x, x)
		s.store(x, "y")
	})
	a.end()

	// With h = (x − mean)·rstd and g = dy·gain, the gradient of a layer norm is
	// rstd·(g − mean(g) − h·mean(g·h)), and that of an RMS norm lacks the middle term.
	for _, bias := range []bool{true, false} {
		name, operands := "rmsGradSums", []string{"dgain", "x", "gain", "dy"}
		signature := "func(n int, dgain, x, gain, dy *float32, mean, rstd float32) (sum, sumH float32)"
		if bias {
			name, operands = "normGradSums", append(operands, "dbias")
			signature = "func(n int, dgain, dbias, x, gain, dy *float32, mean, rstd float32) (sum, sumH float32)"
		}
		a.begin(name, signature, "adds dy·h to dgain, and returns Σ g and Σ g·h.")
		mean, rstd := a.scalar("mean"), a.scalar("rstd")
		sums := a.accumulators(4)
		a.each(2, operands, func(s *iteration) {
			h, dy := s.load("x"), s.load("dy")
			a.VSUBPS(mean, h, h)
			a.VMULPS(rstd, h, h)
			d := s.load("dgain")
			a.VFMADD231PS(dy, h, d)
			s.store(d, "dgain")
			if bias {
				d = s.load("dbias")
				a.VADDPS(dy, d, d)
				s.store(d, "dbias")
			}
			a.VMULPS(s.load("gain"), dy, dy) // 0 after the end
			a.VADDPS(dy, sums[s.copy], sums[s.copy])
			a.VFMADD231PS(dy, h, sums[2+s.copy])
		})
		a.Store(a.total(sums[:2]), a.Return("sum"))
		a.Store(a.total(sums[2:]), a.Return("sumH"))
		a.end()
	}

	a.begin("normGrad", "func(n int, dx, x, gain, dy *float32, mean, rstd, m, mH float32)", "sets dx += rstd·(g − m − h·mH).")
	mean, rstd = a.scalar("mean"), a.scalar("rstd")
	m, mH := a.scalar("m"), a.scalar("mH")
	a.each(2, []string{"dx", "x", "gain", "dy"}, func(s *iteration) {
		h, g := s.load("x"), s.load("dy")
		a.VSUBPS(mean, h, h)
		a.VMULPS(rstd, h, h)
		a.VMULPS(s.load("gain"), g, g)
		a.VSUBPS(m, g, g)
		a.VFNMADD231PS(mH, h, g)
		d := s.load("dx")
		a.VFMADD231PS(rstd, g, d)
		s.store(d, "dx")
	})
	a.end()
}

// clearTail clears the lanes after the operands' end.
func (a *asm) clearTail(s *iteration, x reg.Register) {
	if a.isa == avx512 {
		a.VMOVAPS_Z(x, s.mask, x)
	} else {
		a.VANDPS(s.mask, x, x)
	}
}

// optimizer emits AdamW and dropout.
func (a *asm) optimizer() {
	a.begin("adamw", "func(n int, p, grad, m, v *float32, scale, beta1, beta2, rest1, rest2, rate, correct2, eps, remaining float32)",
		"takes one step of Adam with decoupled weight decay.")
	scale, b1, b2 := a.scalar("scale"), a.scalar("beta1"), a.scalar("beta2")
	r1, r2, rate := a.scalar("rest1"), a.scalar("rest2"), a.scalar("rate")
	c2, eps, left := a.scalar("correct2"), a.scalar("eps"), a.scalar("remaining")
	a.each(1, []string{"p", "grad", "m", "v"}, func(s *iteration) {
		g, m, v, p := s.load("grad"), s.load("m"), s.load("v"), s.load("p")
		a.VMULPS(scale, g, g)
		a.VMULPS(b1, m, m)
		a.VFMADD231PS(r1, g, m)
		s.store(m, "m")
		a.VMULPS(g, g, g)
		a.VMULPS(b2, v, v)
		a.VFMADD231PS(r2, g, v)
		s.store(v, "v")
		a.VMULPS(c2, v, v)
		a.VSQRTPS(v, v)
		a.VADDPS(eps, v, v)
		a.VDIVPS(v, m, m)
		a.VMULPS(left, p, p)
		a.VFNMADD231PS(rate, m, p)
		s.store(p, "p")
	})
	a.end()

	a.begin("dropout", "func(n int, dst, x *float32, low, key1, high, limit uint32, factor float32)",
		"sets dst = factor·x where the hash of its index is not below limit, else 0.")
	index, key1, high, limit, f := a.scalar("low"), a.scalar("key1"), a.scalar("high"), a.scalar("limit"), a.scalar("factor")
	lanes := a.StaticGlobal("iota" + a.name)
	a.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range a.lanes {
		a.AddDatum(4*i, U32(uint32(i)))
	}
	a.VPADDD(lanes, index, index)
	a.each(1, []string{"dst", "x"}, func(s *iteration) {
		h, t := a.vec(), a.vec()
		mix := func() {
			shift := func(n uint64) {
				a.VPSRLD(Imm(n), h, t)
				a.xor(t, h)
			}
			shift(16)
			a.with(a.VPMULLD, a.VPMULLD_BCST, a.word(0x85ebca6b), h, h)
			shift(13)
			a.with(a.VPMULLD, a.VPMULLD_BCST, a.word(0xc2b2ae35), h, h)
			shift(16)
		}
		a.VMOVUPS(index, h)
		a.xor(key1, h)
		mix()
		a.VPADDD(high, h, h)
		mix()
		a.with(a.VPADDD, a.VPADDD_BCST, a.word(uint32(a.lanes)), index, index)
		x := s.load("x")
		a.VMULPS(f, x, x)
		a.VPMAXUD(limit, h, t) // equal to h: h ≥ limit
		if a.isa == avx512 {
			a.VPCMPEQD(t, h, reg.K2)
			a.VMOVAPS_Z(x, reg.K2, x)
		} else {
			a.VPCMPEQD(t, h, t)
			a.VANDPS(t, x, x)
		}
		s.store(x, "dst")
	})
	a.end()
}

func (a *asm) xor(x, dst reg.Register) {
	if a.isa == avx512 {
		a.VPXORD(x, dst, dst)
	} else {
		a.VPXOR(x, dst, dst)
	}
}
