package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rounding emits the rounding of float32 to bfloat16, kept as float32: it adds half a unit in the last
// place, or a little less where the last bit is even, and clears the lower half. NaN stays NaN.
func (a *asm) rounding() {
	a.begin("round", "func(n int, dst, x *float32)", "sets dst to x rounded to bfloat16, to nearest even.")
	word := func(w uint32) reg.VecVirtual {
		v := a.vec()
		a.broadcast(a.word(w), v)
		return v
	}
	half, upper, last := word(0x7fff), word(0xffff0000), word(1)
	odd, nan := word(1<<16), word(0x22) // a table of VFIXUPIMMPS: NaN as in the operand, all else as it is
	if a.isa == avx2 {
		nan = word(1 << 22) // the bit of a quiet NaN
	}
	a.each(4, []string{"dst", "x"}, func(s *iteration) {
		x, y := s.load("x"), a.vec()
		a.VPADDD(half, x, y)
		if a.isa == avx512 {
			up := a.K()
			a.VPTESTMD(odd, x, up)
			a.VPADDD(last, y, up, y)
			a.VFIXUPIMMPS(Imm(0), nan, x, y)
			a.VPANDD(upper, y, y)
		} else {
			t, quiet := a.vec(), a.vec()
			a.VPSRLD(Imm(16), x, t)
			a.VPAND(last, t, t)
			a.VPADDD(t, y, y)
			a.VPOR(nan, x, quiet)
			a.VCMPPS(Imm(3), x, x, x) // unordered
			a.VBLENDVPS(x, quiet, y, y)
			a.VPAND(upper, y, y)
		}
		s.store(y, "dst")
	})
	a.end()
}
