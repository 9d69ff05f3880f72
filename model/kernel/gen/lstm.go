package main

import "github.com/mmcloughlin/avo/reg"

// lstm emits the cell of a long short-term memory, each step of it in one pass.
func (a *asm) lstm() {
	a.begin("lstmCell", "func(n int, h, c, i, f, z, o, cPrev *float32)",
		"turns the sums i, f, z and o into gates, and sets c = f·cPrev + i·z and h = o·tanh c.")
	a.each(2, []string{"h", "c", "i", "f", "z", "o", "cPrev"}, func(s *iteration) {
		gate := func(name string, squash func(reg.VecVirtual) reg.VecVirtual) reg.VecVirtual {
			v := squash(s.load(name))
			s.store(v, name)
			return v
		}
		c := gate("i", a.sigmoid)
		a.VMULPS(gate("z", a.tanh), c, c)
		f := gate("f", a.sigmoid)
		a.VFMADD231PS(s.load("cPrev"), f, c)
		s.store(c, "c")
		h := a.tanh(c)
		a.VMULPS(gate("o", a.sigmoid), h, h)
		s.store(h, "h")
	})
	a.end()

	a.begin("lstmCellGrad", "func(n int, i, f, z, o, dc, c, cPrev, dy, dh *float32)",
		"turns gates into the gradients of their sums, and dc into that of cPrev.")
	a.each(2, []string{"i", "f", "z", "o", "dc", "c", "cPrev", "dy", "dh"}, func(s *iteration) {
		// slope sets d = v·(g − g²), of a sigmoid's output g, and stores it in g's place.
		slope := func(g, v reg.VecVirtual, name string) {
			d := a.vec()
			a.VMOVAPS(g, d)
			a.VFNMADD231PS(g, g, d)
			a.VMULPS(v, d, d)
			s.store(d, name)
		}
		// rest returns 1 − t².
		rest := func(t reg.VecVirtual) reg.VecVirtual {
			one := a.constant(1)
			a.VFNMADD231PS(t, t, one)
			return one
		}
		t := a.tanh(s.load("c"))
		dh, o, back := s.load("dy"), s.load("o"), s.load("dc")
		a.VADDPS(s.load("dh"), dh, dh)
		r := rest(t)
		a.VMULPS(dh, t, t)
		a.VMULPS(o, dh, dh)
		a.VFMADD231PS(dh, r, back)
		slope(o, t, "o")
		i, z := s.load("i"), s.load("z")
		dz := rest(z)
		a.VMULPS(i, dz, dz)
		a.VMULPS(back, dz, dz)
		s.store(dz, "z")
		a.VMULPS(back, z, z)
		slope(i, z, "i")
		f, p := s.load("f"), s.load("cPrev")
		a.VMULPS(back, p, p)
		slope(f, p, "f")
		a.VMULPS(f, back, back)
		s.store(back, "dc")
	})
	a.end()
}
