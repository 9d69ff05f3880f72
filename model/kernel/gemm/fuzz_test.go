package gemm

import (
	"math/rand/v2"
	"testing"
)

// FuzzMul tries shapes, strides, forms and precisions.
func FuzzMul(f *testing.F) {
	f.Add(uint8(3), uint8(5), uint16(7), uint8(0), uint8(0), true)
	f.Add(uint8(64), uint8(100), uint16(400), uint8(2), uint8(9), false)
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, op, pad uint8, acc bool) {
		depth := 1 + int(k)%1000
		rng := rand.New(rand.NewPCG(uint64(m), uint64(n)))
		for _, l := range Levels() {
			for _, bf16 := range []bool{false, true} {
				g := newGemmCase(rng, Op(op%3), 1+int(m), 1+int(n), depth, int(pad))
				g.BF16 = bf16
				g.check(t, l, acc, gemmTolerance(depth))
			}
		}
	})
}
