package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The layout of the structs keyPart, lookup and wordSlot, and of the hash.
const (
	partSize   = 5 // as shifts
	slotSize   = 5
	lookupSize = 24
	longest    = 16
	hash0      = 0x9E3779B97F4A7C15
	hash1      = 0xD6E8FEB86659FD93
	tagShift   = 56
	tagCount   = 7 << tagShift
)

func (a *asm) constant(c uint64) reg.GPVirtual {
	r := a.GP64()
	a.MOVQ(U64(c), r)
	return r
}

// keys is keysPlain. It also asks for the slots, which are needed soon.
func (a *asm) keys() {
	a.function("keysAMD64", "is keysPlain, and asks for the slots in advance.",
		"func(n int, start *uint32, text *byte, parts *uint64, keys *uint64, slots *uint64, mask uint64)")
	load := func(name string) reg.GPVirtual { return a.Load(a.Param(name), a.GP64()).(reg.GPVirtual) }
	n, start, text, parts, keys, slots, mask := load("n"), load("start"), load("text"), load("parts"), load("keys"), load("slots"), load("mask")
	c0, c1 := a.constant(hash0), a.constant(hash1)
	at, length, most := a.GP64(), a.GP64(), a.constant(longest)
	k0, k1 := a.GP64(), a.GP64()
	a.Label("key")
	a.MOVL(Mem{Base: start}, at.As32())
	a.MOVL(Mem{Base: start, Disp: 4}, length.As32())
	a.SUBL(at.As32(), length.As32())
	a.CMPL(length.As32(), most.As32())
	a.CMOVLHI(most.As32(), length.As32())
	a.SHLQ(Imm(partSize), length)
	part := Mem{Base: parts, Index: length, Scale: 1}
	a.MOVQ(Mem{Base: text, Index: at, Scale: 1}, k0)
	a.MOVQ(Mem{Base: text, Index: at, Scale: 1, Disp: 8}, k1)
	a.ANDQ(part, k0)
	a.ANDQ(part.Offset(8), k1)
	a.ORQ(part.Offset(16), k1)
	a.MOVQ(k0, Mem{Base: keys})
	a.MOVQ(k1, Mem{Base: keys, Disp: 8})
	a.XORQ(c1, k1)
	a.MOVQ(k0, reg.RAX)
	a.XORQ(c0, reg.RAX)
	a.MULQ(k1)
	a.XORQ(reg.RDX, reg.RAX)
	a.ANDQ(mask, reg.RAX)
	a.SHLQ(Imm(slotSize), reg.RAX)
	a.MOVQ(reg.RAX, Mem{Base: keys, Disp: 16})
	a.PREFETCHT0(Mem{Base: slots, Index: reg.RAX, Scale: 1})
	a.ADDQ(Imm(4), start)
	a.ADDQ(Imm(lookupSize), keys)
	a.DECQ(n)
	a.JNZ(LabelRef("key"))
	a.RET()
}

// look is lookPlain.
func (a *asm) look() {
	a.function("lookAMD64", "is lookPlain for at least one piece.",
		"func(n int, keys *uint64, slots *uint64, out *int32) (found int, ids int)")
	load := func(name string) reg.GPVirtual { return a.Load(a.Param(name), a.GP64()).(reg.GPVirtual) }
	n, keys, slots, out := load("n"), load("keys"), load("slots"), load("out")
	all, first := a.GP64(), a.GP64()
	a.MOVQ(n, all)
	a.MOVQ(out, first)
	mask := a.constant(^uint64(tagCount))
	slot, k0, k1, count, ids := a.GP64(), a.GP64(), a.GP64(), a.GP64(), a.XMM()
	a.Label("look")
	a.MOVQ(Mem{Base: keys, Disp: 16}, slot)
	a.ADDQ(slots, slot)
	a.MOVQ(Mem{Base: keys}, k0)
	a.MOVQ(Mem{Base: keys, Disp: 8}, k1)
	a.XORQ(Mem{Base: slot}, k0)
	a.XORQ(Mem{Base: slot, Disp: 8}, k1)
	a.MOVOU(Mem{Base: slot, Disp: 16}, ids)
	a.MOVQ(k1, count)
	a.ANDQ(mask, k1)
	a.ORQ(k0, k1)
	a.JNZ(LabelRef("end"))
	a.MOVOU(ids, Mem{Base: out})
	a.SHRQ(Imm(tagShift), count)
	a.LEAQ(Mem{Base: out, Index: count, Scale: 4}, out)
	a.ADDQ(Imm(lookupSize), keys)
	a.DECQ(n)
	a.JNZ(LabelRef("look"))
	a.Label("end")
	a.SUBQ(n, all)
	a.SUBQ(first, out)
	a.SARQ(Imm(2), out)
	a.Store(all, a.Return("found"))
	a.Store(out, a.Return("ids"))
	a.RET()
}
