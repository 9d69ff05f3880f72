package main

import "github.com/mmcloughlin/avo/reg"

// peak emits a loop of independent multiply-adds, to measure what the machine can do.
func (a *asm) peak() {
	const sums = 12
	a.begin("peak", "func(loops int)", "executes 12·loops independent fused multiply-adds of whole vectors.")
	loops := a.load("loops", reg.RCX)
	for i := range sums + 2 {
		a.zero(a.reg[i])
	}
	loop := a.label("loop")
	a.Label(loop)
	for i := range sums {
		a.VFMADD231PS(a.reg[sums], a.reg[sums+1], a.reg[i])
	}
	a.DECQ(loops)
	a.JNE(a.jump(loop))
	a.end()
}
