package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// horner sets p = p·x + c for each c in turn.
func (a *asm) horner(p, x reg.Register, c ...float64) {
	for _, c := range c {
		a.with(a.VFMADD213PS, a.VFMADD213PS_BCST, a.number(c), x, p)
	}
}

// exp returns eˣ, overwriting x. What is below the least normal number is 0, what is above
// the largest +Inf. NaN stays NaN.
func (a *asm) exp(x reg.VecVirtual) reg.VecVirtual {
	least := a.constant(-87.33654)
	if a.isa == avx512 {
		real := a.K()
		a.VCMPPS(Imm(5), least, x, real) // not x < least
		most := a.constant(100)
		a.VMINPS(x, most, x)
		n, p := a.reduced(x, false)
		a.VSCALEFPS_Z(n, p, real, p)
		return p
	}
	tooSmall, tooLarge := a.vec(), a.vec()
	a.VCMPPS(Imm(1), least, x, tooSmall) // x < least
	a.VMAXPS(x, least, x)
	most := a.constant(88.3762)
	a.VCMPPS(Imm(1), x, most, tooLarge) // most < x
	a.VMINPS(x, most, x)
	p := a.scaled(a.reduced(x, false))
	a.VANDNPS(p, tooSmall, p)
	infinity := a.constant(math.Inf(1))
	a.VBLENDVPS(tooLarge, infinity, p, p)
	return p
}

// expWithin is exp of −87 ≤ x ≤ 87, or, negated, of −x.
func (a *asm) expWithin(x reg.VecVirtual, negated bool) reg.VecVirtual {
	return a.scaled(a.reduced(x, negated))
}

// reduced returns n and eʳ with ±x = n·ln 2 + r, by the steps of the package's plain body.
func (a *asm) reduced(x reg.VecVirtual, negated bool) (n, p reg.VecVirtual) {
	const magic = 3 << 22 // adding it rounds to an integer
	n, p = a.constant(magic), a.vec()
	log2e, high := a.number(1.44269504088896341), a.number(0.693359375)
	if negated {
		a.with(a.VFNMADD231PS, a.VFNMADD231PS_BCST, log2e, x, n)
	} else {
		a.with(a.VFMADD231PS, a.VFMADD231PS_BCST, log2e, x, n)
	}
	a.with(a.VSUBPS, a.VSUBPS_BCST, a.number(magic), n, n)
	if negated {
		a.with(a.VFNMSUB231PS, a.VFNMSUB231PS_BCST, high, n, x)
	} else {
		a.with(a.VFNMADD231PS, a.VFNMADD231PS_BCST, high, n, x)
	}
	a.with(a.VFNMADD231PS, a.VFNMADD231PS_BCST, a.number(-2.12194440e-4), n, x)
	a.broadcast(a.number(1.3814540006e-3), p)
	a.horner(p, x, 8.3687452458e-3, 4.1668390796e-2, 1.6666520398e-1, 4.9999993432e-1, 1, 1)
	return n, p
}

// scaled returns p·2ⁿ; NaN stays NaN.
func (a *asm) scaled(n, p reg.VecVirtual) reg.VecVirtual {
	if a.isa == avx512 {
		a.VSCALEFPS(n, p, p)
		return p
	}
	a.VCVTPS2DQ(n, n)
	a.VPSLLD(Imm(23), n, n)
	a.VPADDD(n, p, p) // the exponent's field
	return p
}

// log returns ln x of normal numbers x > 0, overwriting x, by the steps of the package's plain body.
func (a *asm) log(x reg.VecVirtual) reg.VecVirtual {
	e, t, z := a.vec(), a.vec(), a.vec()
	half := a.vec()
	a.broadcast(a.word(0x3f3504f3), half) // √½
	a.VPSUBD(half, x, e)
	a.VPSRAD(Imm(23), e, e)
	a.VPSLLD(Imm(23), e, t)
	a.VPSUBD(t, x, x)
	a.VCVTDQ2PS(e, e)
	a.with(a.VSUBPS, a.VSUBPS_BCST, a.number(1), x, x)
	p := a.constant(7.0376836292e-2)
	a.horner(p, x, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	a.VMULPS(x, x, z)
	a.VMULPS(x, p, p)
	a.VMULPS(z, p, p)
	a.with(a.VFMADD231PS, a.VFMADD231PS_BCST, a.number(-2.12194440e-4), e, p)
	a.with(a.VFNMADD231PS, a.VFNMADD231PS_BCST, a.number(0.5), z, p)
	a.VADDPS(p, x, x)
	a.with(a.VFMADD231PS, a.VFMADD231PS_BCST, a.number(0.693359375), e, x)
	return x
}

// reciprocal returns 1/x, within 0.54 ULP, of 1 ≤ x ≤ 2¹²⁵·√2; x is kept. Divisions take
// several times as long, and the approximations that CPUs offer differ between makers. The
// difference of the bits is within 6 %, c/2 being in the middle of its products with x; a
// step of Newton's, weighed by c, makes that 0.13 % and one of third order 2⁻²⁸.
func (a *asm) reciprocal(x reg.VecVirtual) reg.VecVirtual {
	r, t := a.vec(), a.constant(2.0013285)
	a.broadcast(a.word(0x7ef34300), r)
	a.VPSUBD(x, r, r)
	a.VFNMADD231PS(x, r, t)
	a.VMULPS(t, r, r)
	e := a.constant(1)
	a.VFNMADD231PS(x, r, e)
	a.VFMADD213PS(e, e, e) // e + e²
	a.VFMADD213PS(r, e, r)
	return r
}

// sigmoid returns 1/(1 + e⁻ˣ); x is kept. Beyond ±87 it stays what it is there, for
// subnormal numbers are slow.
func (a *asm) sigmoid(x reg.VecVirtual) reg.VecVirtual {
	t, low, high := a.vec(), a.constant(-87), a.constant(87)
	a.VMAXPS(x, low, t)
	a.VMINPS(t, high, t)
	e := a.expWithin(t, true)
	a.with(a.VADDPS, a.VADDPS_BCST, a.number(1), e, e)
	return a.reciprocal(e)
}

// tanh returns tanh x: an odd polynomial near 0, else ±(1 − 2/(e²|ˣ| + 1)). x is kept.
func (a *asm) tanh(x reg.VecVirtual) reg.VecVirtual {
	size, z, p := a.vec(), a.vec(), a.vec()
	a.with(a.VANDPS, a.VANDPS_BCST, a.word(1<<31-1), x, size)
	a.VMULPS(x, x, z)
	a.broadcast(a.number(-5.70498872745e-3), p)
	a.horner(p, z, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
	a.VMULPS(z, p, p)
	a.VFMADD213PS(x, x, p)                   // x + x·p
	twice, enough := a.vec(), a.constant(44) // there the result is 1
	a.VADDPS(size, size, twice)
	a.VMINPS(twice, enough, twice)
	e := a.expWithin(twice, false)
	a.with(a.VADDPS, a.VADDPS_BCST, a.number(1), e, e)
	r := a.reciprocal(e)
	large := a.constant(1)
	a.with(a.VFNMADD231PS, a.VFNMADD231PS_BCST, a.number(2), r, large)
	sign := a.vec()
	a.with(a.VANDPS, a.VANDPS_BCST, a.word(1<<31), x, sign)
	a.VORPS(sign, large, large)
	small := a.constant(0.625)
	if a.isa == avx512 {
		near := a.K()
		a.VCMPPS(Imm(1), small, size, near) // size < small
		a.VBLENDMPS(p, large, near, p)
		return p
	}
	a.VCMPPS(Imm(1), small, size, small)
	a.VBLENDVPS(small, p, large, p)
	return p
}

const (
	gelu1 = 2 * 0.7978845608028654
	gelu3 = gelu1 * 0.044715
)

// activations emits the activations and their gradients.
func (a *asm) activations() {
	unroll := 2
	if a.isa == avx512 {
		unroll = 4
	}
	forward := func(name, doc string, f func(x reg.VecVirtual) reg.VecVirtual) {
		a.begin(name, "func(n int, dst, x *float32)", "sets dst = "+doc+".")
		a.each(unroll, []string{"dst", "x"}, func(s *iteration) { s.store(f(s.load("x")), "dst") })
		a.end()
	}
	backward := func(name, doc string, f func(x reg.VecVirtual) reg.VecVirtual) {
		adds := name != "geluGrad"
		sign := map[bool]string{true: "+=", false: "="}[adds]
		a.begin(name, "func(n int, dx, x, dy *float32)", "sets dx "+sign+" dy·"+doc+".")
		a.each(unroll, []string{"dx", "x", "dy"}, func(s *iteration) {
			d := f(s.load("x"))
			if !adds {
				a.VMULPS(s.load("dy"), d, d)
				s.store(d, "dx")
				return
			}
			dy, dx := s.load("dy"), s.load("dx")
			a.VFMADD231PS(dy, d, dx)
			s.store(dx, "dx")
		})
		a.end()
	}
	// slope returns s + s·(1 − s)·x·du, which is the derivative of x·σ(u).
	slope := func(s, x, du reg.VecVirtual) reg.VecVirtual {
		t := a.vec()
		a.VMOVAPS(s, t)
		a.VFNMADD231PS(s, s, t) // s − s²
		a.VMULPS(x, t, t)
		if du == nil {
			a.VADDPS(s, t, t)
		} else {
			a.VFMADD213PS(s, du, t)
		}
		return t
	}

	forward("gelu", "x·σ(2u)", func(x reg.VecVirtual) reg.VecVirtual {
		u := a.vec()
		a.VMULPS(x, x, u)
		c := a.constant(gelu3)
		a.with(a.VFMADD213PS, a.VFMADD213PS_BCST, a.number(gelu1), c, u)
		a.VMULPS(x, u, u)
		s := a.sigmoid(u)
		a.VMULPS(x, s, s)
		return s
	})
	backward("geluGrad", "GELU′(x)", func(x reg.VecVirtual) reg.VecVirtual {
		z, u, du := a.vec(), a.constant(gelu3), a.constant(3*gelu3)
		a.VMULPS(x, x, z)
		a.with(a.VFMADD213PS, a.VFMADD213PS_BCST, a.number(gelu1), z, u)
		a.VMULPS(x, u, u)
		a.with(a.VFMADD213PS, a.VFMADD213PS_BCST, a.number(gelu1), z, du)
		return slope(a.sigmoid(u), x, du)
	})
	// sloping returns x·σ(u) and its derivative, of which du is that of u, or nil for 1.
	sloping := func(x, u, du reg.VecVirtual) (y, slope reg.VecVirtual) {
		s, slope := a.sigmoid(u), a.vec()
		y = a.vec()
		a.VMULPS(x, s, y)
		a.VMOVAPS(y, slope)
		a.VFNMADD231PS(s, y, slope)
		if du == nil {
			a.VADDPS(s, slope, slope)
		} else {
			a.VFMADD213PS(s, du, slope)
		}
		return y, slope
	}
	a.begin("geluSlope", "func(n int, dst, x *float32)", "sets dst = x·σ(2u), and then x to the slope.")
	a.each(unroll, []string{"dst", "x"}, func(s *iteration) {
		x := s.load("x")
		z, u, du := a.vec(), a.constant(gelu3), a.constant(3*gelu3)
		a.VMULPS(x, x, z)
		a.with(a.VFMADD213PS, a.VFMADD213PS_BCST, a.number(gelu1), z, u)
		a.VMULPS(x, u, u)
		a.with(a.VFMADD213PS, a.VFMADD213PS_BCST, a.number(gelu1), z, du)
		y, slope := sloping(x, u, du)
		s.store(y, "dst")
		s.store(slope, "x")
	})
	a.end()
	a.begin("swigluSlopes", "func(n int, dst, gate, up *float32)", "sets dst = gate·σ(gate)·up, and then gate and up to its slopes in them.")
	a.each(unroll, []string{"dst", "gate", "up"}, func(s *iteration) {
		g := s.load("gate")
		y, slope := sloping(g, g, nil)
		up := s.load("up")
		s.store(y, "up")
		a.VMULPS(up, y, y)
		s.store(y, "dst")
		a.VMULPS(up, slope, slope)
		s.store(slope, "gate")
	})
	a.end()
	forward("sigmoid", "σ(x)", a.sigmoid)
	backward("sigmoidGrad", "x(1 − x)", func(y reg.VecVirtual) reg.VecVirtual {
		t := a.vec()
		a.VMOVAPS(y, t)
		a.VFNMADD231PS(y, y, t)
		return t
	})
	forward("tanh", "tanh x", a.tanh)
	backward("tanhGrad", "(1 − x²)", func(y reg.VecVirtual) reg.VecVirtual {
		t := a.constant(1)
		a.VFNMADD231PS(y, y, t)
		return t
	})

	a.begin("swiglu", "func(n int, dst, gate, up *float32)", "sets dst = gate·σ(gate)·up.")
	a.each(unroll, []string{"dst", "gate", "up"}, func(s *iteration) {
		g := s.load("gate")
		y := a.sigmoid(g)
		a.VMULPS(g, y, y)
		a.VMULPS(s.load("up"), y, y)
		s.store(y, "dst")
	})
	a.end()
	a.begin("swigluGrad", "func(n int, dgate, dup, gate, up, dy *float32)", "sets dgate = dy·up·SiLU′(gate) and dup = dy·SiLU(gate).")
	a.each(unroll, []string{"dgate", "dup", "gate", "up", "dy"}, func(s *iteration) {
		g := s.load("gate")
		sig := a.sigmoid(g)
		t := slope(sig, g, nil)
		a.VMULPS(g, sig, sig)
		dy, up := s.load("dy"), s.load("up")
		a.VMULPS(dy, sig, sig)
		s.store(sig, "dup")
		a.VMULPS(up, dy, dy)
		a.VMULPS(dy, t, t)
		s.store(t, "dgate")
	})
	a.end()
}
