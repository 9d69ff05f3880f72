package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func (a *asm) load(name string, r reg.GPPhysical) reg.GPPhysical {
	a.Load(a.Param(name), r)
	return r
}

// field loads a field of a struct parameter.
func (a *asm) field(parameter, name string, r reg.GPPhysical) reg.GPPhysical {
	a.Load(a.Param(parameter).Field(name), r)
	return r
}

// argument is a parameter in memory.
func (a *asm) argument(name string) Mem {
	p, err := a.Param(name).Resolve()
	must(err)
	return p.Addr
}

func (a *asm) zero(x reg.Register) { a.VXORPS(x, x, x) }

// tailMask selects the first tail lanes: by K1 with AVX-512, else by the vector v.
func (a *asm) tailMask(tail reg.GPPhysical, v reg.VecPhysical) reg.Register {
	if a.isa == avx512 {
		a.MOVL(U32(1<<32-1), reg.R12L)
		a.BZHIL(tail.As32(), reg.R12L, reg.R12L)
		a.KMOVW(reg.R12L, reg.K1)
		return reg.K1
	}
	a.LEAQ(a.ones().Offset(a.bytes()), reg.R12)
	a.SHLQ(Imm(2), tail)
	a.SUBQ(tail, reg.R12)
	a.SHRQ(Imm(2), tail)
	a.VMOVUPS(Mem{Base: reg.R12}, v)
	return v
}

// partMask is tailMask in virtual registers; n is overwritten.
func (a *asm) partMask(n reg.Register) reg.Register {
	if a.isa == avx512 {
		ones := a.GP32()
		a.MOVL(U32(1<<32-1), ones)
		a.BZHIL(n.(reg.GPVirtual).As32(), ones, ones)
		a.KMOVW(ones, reg.K1)
		return reg.K1
	}
	from, mask := a.GP64(), a.YMM()
	a.LEAQ(a.ones().Offset(a.bytes()), from)
	a.SHLQ(Imm(2), n)
	a.SUBQ(n, from)
	a.VMOVUPS(Mem{Base: from}, mask)
	return mask
}

// ones is a vector of ones followed by one of zeros.
func (a *asm) ones() Mem {
	if a.masks.Symbol.Name == "" {
		a.masks = a.StaticGlobal("masks" + a.name)
		a.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 2 * a.lanes {
			word := uint32(0)
			if i < a.lanes {
				word = 1<<32 - 1
			}
			a.AddDatum(4*i, U32(word))
		}
	}
	return a.masks
}

// loadPart reads the lanes that mask selects; the others become 0.
func (a *asm) loadPart(m Mem, mask reg.Register, dst reg.Register) {
	if a.isa == avx512 {
		a.VMOVUPS_Z(m, mask, dst)
	} else {
		a.VMASKMOVPS(m, mask, dst)
	}
}

// storePart writes the lanes that mask selects.
func (a *asm) storePart(src reg.Register, mask reg.Register, m Mem) {
	if a.isa == avx512 {
		a.VMOVUPS(src, mask, m)
	} else {
		a.VMASKMOVPS(src, mask, m)
	}
}
