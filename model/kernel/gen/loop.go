package main

import (
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An iteration is one pass of a loop over vectors: it works on one vector of each operand or, after the
// last whole one, on the elements that are left.
type iteration struct {
	a     *asm
	base  map[string]reg.Register
	index reg.Register // bytes
	shift int          // bytes more, in an unrolled loop
	mask  reg.Register // nil: a whole vector
	copy  int          // which of the unrolled copies this is
}

func (s *iteration) at(name string) Mem {
	return Mem{Base: s.base[name], Index: s.index, Scale: 1, Disp: s.shift}
}

// load reads a vector of the operand. Lanes after its end are 0.
func (s *iteration) load(name string) reg.VecVirtual {
	v := s.a.vec()
	if s.mask == nil {
		s.a.VMOVUPS(s.at(name), v)
	} else {
		s.a.loadPart(s.at(name), s.mask, v)
	}
	return v
}

func (s *iteration) store(v reg.Register, name string) {
	if s.mask == nil {
		s.a.VMOVUPS(v, s.at(name))
	} else {
		s.a.storePart(v, s.mask, s.at(name))
	}
}

// each emits body for every vector of the operands, which are n elements long. Each unrolled copy
// can have its own accumulators. The copies' instructions are interleaved, since within a body each
// waits for the one before.
func (a *asm) each(unroll int, operands []string, body func(s *iteration)) {
	n := a.Load(a.Param("n"), a.GP64())
	s := &iteration{a: a, base: map[string]reg.Register{}, index: a.GP64()}
	for _, name := range operands {
		s.base[name] = a.Load(a.Param(name), a.GP64())
	}
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
		if unroll == 1 {
			break
		}
	}
	end := a.label("end")
	a.TESTQ(n, n)
	a.JE(a.jump(end))
	s.mask = a.partMask(n)
	body(s)
	a.Label(end)
}

// interleave emits n copies of code, taking an instruction of each in turn.
func (a *asm) interleave(n int, part func(i int)) {
	f, err := a.Result()
	must(err)
	function := f.Functions()[len(f.Functions())-1]
	start := len(function.Nodes)
	for i := range n {
		part(i)
	}
	parts := slices.Clone(function.Nodes[start:])
	long := len(parts) / n
	for i := range parts {
		function.Nodes[start+i] = parts[i%n*long+i/n]
	}
}

// vec is a fresh vector register.
func (a *asm) vec() reg.VecVirtual {
	if a.isa == avx512 {
		return a.ZMM()
	}
	return a.YMM()
}

// number is a constant in memory: once for AVX-512, whose instructions can broadcast it, in
// every lane for AVX2.
func (a *asm) number(x float64) Mem { return a.word(math.Float32bits(float32(x))) }

func (a *asm) word(w uint32) Mem {
	if a.words == nil {
		a.words = map[uint32]Mem{}
	}
	m, ok := a.words[w]
	if !ok {
		m = a.StaticGlobal(a.label("lanes" + a.name))
		a.DataAttributes(attr.RODATA | attr.NOPTR)
		copies := a.lanes
		if a.isa == avx512 {
			copies = 1
		}
		for i := range copies {
			a.AddDatum(4*i, U32(w))
		}
		a.words[w] = m
	}
	return m
}

// constant is a number in a register.
func (a *asm) constant(x float64) reg.VecVirtual {
	v := a.vec()
	a.broadcast(a.number(x), v)
	return v
}

// broadcast loads a number or word into every lane.
func (a *asm) broadcast(m Mem, v reg.Register) {
	if a.isa == avx512 {
		a.VBROADCASTSS(m, v)
	} else {
		a.VMOVUPS(m, v)
	}
}

// with emits an instruction whose first operand is a number or word.
func (a *asm) with(plain, broadcasting func(...Op), m Mem, rest ...Op) {
	if a.isa == avx512 {
		plain = broadcasting
	}
	plain(append([]Op{m}, rest...)...)
}

// scalar is a parameter in every lane.
func (a *asm) scalar(name string) reg.VecVirtual {
	v := a.vec()
	a.VBROADCASTSS(a.argument(name), v)
	return v
}

// accumulators are n registers of zeros.
func (a *asm) accumulators(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = a.vec()
		a.zero(v[i])
	}
	return v
}

// total adds up all lanes of all accumulators and returns them in the first lane.
func (a *asm) total(v []reg.VecVirtual) reg.Register {
	return a.fold(v, func(x, y, z reg.Register) { a.VADDPS(x, y, z) })
}

// fold combines all lanes by op, halving them step by step.
func (a *asm) fold(v []reg.VecVirtual, op func(x, y, z reg.Register)) reg.Register {
	for n := len(v); n > 1; n /= 2 {
		for i := range n / 2 {
			op(v[i+n/2], v[i], v[i])
		}
	}
	return a.foldLanes(v[0], a.YMM(), op)
}

// A narrowable is a vector register that can be read as a narrower one.
type narrowable interface {
	reg.Register
	AsX() reg.Register
	AsY() reg.Register
}

// foldLanes combines the lanes of x by op in the first one.
func (a *asm) foldLanes(x, half narrowable, op func(x, y, z reg.Register)) reg.Register {
	if a.isa == avx512 {
		a.VEXTRACTF64X4(Imm(1), x, half.AsY())
		op(half.AsY(), x.AsY(), x.AsY())
	}
	if a.isa == avx512 { // VEX has no registers above 15
		a.VEXTRACTF32X4(Imm(1), x.AsY(), half.AsX())
	} else {
		a.VEXTRACTF128(Imm(1), x.AsY(), half.AsX())
	}
	op(half.AsX(), x.AsX(), x.AsX())
	a.VPERMILPS(Imm(0b01_00_11_10), x.AsX(), half.AsX())
	op(half.AsX(), x.AsX(), x.AsX())
	a.VPERMILPS(Imm(0b10_11_00_01), x.AsX(), half.AsX())
	op(half.AsX(), x.AsX(), x.AsX())
	return x.AsX()
}
