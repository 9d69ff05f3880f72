package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fragua/model/kernel/kerneltest"
)

// What is done with scores at every level agrees with the plain kernelTable, in the units of
// TestBodies, for visible ranges of all kinds, and touches nothing outside but the rest of their last vectors.
func TestScores(t *testing.T) {
	cases := []struct {
		name      string
		tolerance float64
		run       func(b *kernelTable, s visibleRange, x, y, p, q []float32)
	}{
		{"max", 0, func(b *kernelTable, s visibleRange, x, _, p, _ []float32) { b.scoresMax(s, x, p) }},
		{"exp", 16, func(b *kernelTable, s visibleRange, x, _, p, q []float32) { b.scoresExp(s, x, 0.7, p, q) }},
		{"scale", 0, func(b *kernelTable, s visibleRange, x, _, p, _ []float32) { b.scoresScale(s, x, p) }},
		{"grad", 20, func(b *kernelTable, s visibleRange, x, y, p, q []float32) { b.scoresGrad(s, x, y, 0.2, p, q) }},
	}
	for _, l := range levels[1:] {
		for _, c := range cases {
			t.Run(l.gemm.Name+"/"+c.name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(5, 5))
				for n := 1; n <= 150; n++ {
					s := visibleRange{rows: 1 + rng.IntN(20), n: n, first: rng.IntN(n+20) - 10, more: rng.IntN(2), ld: n + 16 + rng.IntN(3)}
					var want, got [4][]float32
					for i := range want {
						long := s.rows
						if i < 2 {
							long *= s.ld
						}
						want[i] = kerneltest.Random(rng, long)
						if i == 1 || i == 3 {
							for j, v := range want[i] {
								want[i][j] = float32(math.Abs(float64(v)))
							}
						}
						got[i] = slices.Clone(want[i])
					}
					c.run(&plain, s, want[0], want[1], want[2], want[3])
					c.run(l, s, got[0], got[1], got[2], got[3])
					vectors := (n + l.gemm.Lanes - 1) / l.gemm.Lanes * l.gemm.Lanes
					for i := range want {
						for j, w := range want[i] {
							if column := j % s.ld; i < 2 && n <= column && column < vectors && c.name != "scale" {
								continue
							}
							if g := got[i][j]; g != w && !(math.Abs(float64(g-w)) <= c.tolerance/(1<<24)*(math.Abs(float64(w))+1)) {
								t.Fatalf("%+v: number %d of operand %d is %g, want %g", s, j, i, g, w)
							}
						}
					}
				}
			})
		}
	}
}
