package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A class is the bytes from first to last, where bits of or are set before.
type class struct {
	or          byte
	first, last byte
	also        byte // one byte more; 0: none
}

// classes are those of the struct masks in its order, all but the last, high.
var classes = []class{
	{or: 0x20, first: 'a', last: 'z'},
	{first: 'A', last: 'Z'},
	{first: '0', last: '9'},
	{first: '\t', last: '\r', also: ' '},
	{first: '\n', last: '\n', also: '\r'},
	{first: ' ', last: ' '},
	{first: '\'', last: '\''},
}

// classify starts a function that sets *m to the classes of the 64 bytes at *text.
func (a *asm) classify(name string) (masks, text Mem) {
	a.function(name, "is classifyPlain.", "func(m *uint64, text *byte)")
	return Mem{Base: a.Load(a.Param("m"), reg.RAX)}, Mem{Base: a.Load(a.Param("text"), reg.RBX)}
}

// classifyAVX512 compares 64 bytes at once, in registers that need no cleaning.
func (a *asm) classifyAVX512() {
	masks, at := a.classify("classifyAVX512")
	text, x, k, r := reg.Z16, reg.Z17, reg.K1, reg.RCX
	a.VMOVDQU64(at, text)
	for i, c := range classes {
		y := text
		if c.or != 0 {
			a.VPORQ(a.all(c.or), y, x)
			y = x
		}
		if c.first == c.last {
			a.VPCMPEQB(a.all(c.first), y, k)
		} else {
			a.VPSUBB(a.all(c.first), y, x)
			a.VPCMPUB(Imm(1), a.all(c.last-c.first+1), x, k) // less
		}
		if c.also != 0 {
			a.VPCMPEQB(a.all(c.also), text, reg.K2)
			a.KORQ(k, reg.K2, k)
		}
		a.KMOVQ(k, r)
		a.MOVQ(r, masks.Offset(8*i))
	}
	a.VPMOVB2M(text, k)
	a.KMOVQ(k, r)
	a.MOVQ(r, masks.Offset(8*len(classes)))
	a.RET()
}

// classifyAVX2 compares 32 bytes at once, by sign: what is added lets a range end
// at 127.
func (a *asm) classifyAVX2() {
	masks, at := a.classify("classifyAVX2")
	half := [2]reg.VecPhysical{reg.Y0, reg.Y1}
	x, y := reg.Y2, reg.Y3
	r := [2]reg.GPPhysical{reg.RCX, reg.RDX}
	e := [2]reg.GPPhysical{reg.ECX, reg.EDX}
	a.VMOVDQU(at, half[0])
	a.VMOVDQU(at.Offset(32), half[1])
	store := func(i int) {
		a.SHLQ(Imm(32), r[1])
		a.ORQ(r[1], r[0])
		a.MOVQ(r[0], masks.Offset(8*i))
	}
	for i, c := range classes {
		for h, text := range half {
			z := text
			if c.or != 0 {
				a.VPOR(a.all(c.or), z, x)
				z = x
			}
			if c.first == c.last {
				a.VPCMPEQB(a.all(c.first), z, x)
			} else {
				a.VPADDB(a.all(127-c.last), z, x)
				a.VPCMPGTB(a.all(127-(c.last-c.first+1)), x, x)
			}
			if c.also != 0 {
				a.VPCMPEQB(a.all(c.also), text, y)
				a.VPOR(x, y, x)
			}
			a.VPMOVMSKB(x, e[h])
		}
		store(i)
	}
	for h, text := range half {
		a.VPMOVMSKB(text, e[h])
	}
	store(len(classes))
	a.VZEROUPPER()
	a.RET()
}
