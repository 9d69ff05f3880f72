package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"fragua/model/kernel/par"
)

// What is prepacked gives the bits of Gemm, or, where Gemm takes dot products, nearly so.
func TestPrepacked(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, s := range [][3]int{{1, 1, 1}, {3, 50, 7}, {17, 130, 40}, {24, 92, 800}, {9, 1600, 400}, {64, 200, 401}, {600, 48, 9}, {5, 0, 3}, {20, 7, 0}} {
			m, n, k := s[0], s[1], s[2]
			for _, op := range []Op{NT, NN} {
				for _, bf16 := range []bool{false, true} {
					lda, ldb, ldc := k+3, max(n, k)+1, n+2
					a, b, c := random(rng, m*lda), random(rng, max(n, k)*ldb), random(rng, m*ldc)
					for _, acc := range []bool{false, true} {
						want := append([]float32(nil), c...)
						Gemm(op, m, n, k, a, lda, b, ldb, want, ldc, acc, bf16)
						var first []float32
						for _, workers := range []int{1, 3} {
							par.SetWorkers(workers)
							got := append([]float32(nil), c...)
							p := Prepack(op, n, k, b, ldb, 2, bf16)
							p.Gemm(m, a, lda, got, ldc, acc)
							p.Free()
							tolerance := 0.0
							if m <= fewRows {
								tolerance = 1e-4
							}
							what := fmt.Sprintf("op %d, %v, bf16 %v, acc %v: c", op, s, bf16, acc)
							near(t, what, got, widened(want), tolerance)
							if first == nil {
								first = got
							}
							near(t, what+" of 3 workers", got, widened(first), 0)
						}
					}
				}
			}
		}
	})
}

func widened(x []float32) []float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = float64(v)
	}
	return w
}

// BenchmarkPrepacked is a recurrent layer's product at one step, of 64 rows and width 1150,
// beside Gemm, which packs each time. The weights, 21 MB, come from memory at each step: on two
// cores with AVX-512, of the peak, .91 and .90 (NT and NN); .77 and .73 before the kernels
// fetched panels on the way, .92 and .87 with weights that are always in the cache.
func BenchmarkPrepacked(b *testing.B) {
	defer par.SetWorkers(0)
	const rows, width = 64, 1150
	rng := rand.New(rand.NewPCG(1, 1))
	w, h, g := random(rng, 4*width*width), random(rng, rows*width), random(rng, rows*4*width)
	for _, workers := range []int{1, 2} {
		par.SetWorkers(workers)
		for name, s := range map[string]struct {
			op   Op
			n, k int
			x, y []float32
		}{"NT": {NT, 4 * width, width, h, g}, "NN": {NN, width, 4 * width, g, h}} {
			p := Prepack(s.op, s.n, s.k, w, width, 2, false)
			for how, f := range map[string]func(){
				"prepacked": func() { p.Gemm(rows, s.x, s.k, s.y, s.n, false) },
				"gemm":      func() { Gemm(s.op, rows, s.n, s.k, s.x, s.k, w, width, s.y, s.n, false, false) },
			} {
				b.Run(fmt.Sprintf("%d/%s/%s", workers, name, how), func(b *testing.B) {
					startMeter(b, workers, active.peak, 1).run(2*rows*float64(s.n)*float64(s.k), func() {
						f()
					})
				})
			}
			p.Free()
		}
	}
}
