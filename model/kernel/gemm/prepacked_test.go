package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"fragua/model/kernel/kerneltest"
	"fragua/model/kernel/par"
)

// A Prepacked gives the bits of Mul or, where that takes the skinny path, nearly so.
func TestPrepacked(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T, l *Kernels) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, s := range [][3]int{{1, 1, 1}, {3, 50, 7}, {17, 130, 40}, {24, 92, 800}, {9, 1600, 400}, {64, 200, 401}, {600, 48, 9}, {5, 0, 3}, {20, 7, 0}} {
			m, n, k := s[0], s[1], s[2]
			for _, op := range []Op{NT, NN} {
				for _, bf16 := range []bool{false, true} {
					lda, ldb, ldc := k+3, max(n, k)+1, n+2
					a, b, c := kerneltest.Random(rng, m*lda), kerneltest.Random(rng, max(n, k)*ldb), kerneltest.Random(rng, m*ldc)
					for _, acc := range []bool{false, true} {
						want := append([]float32(nil), c...)
						x := Args{Op: op, M: m, N: n, K: k, A: a, B: b, C: want, LDA: lda, LDB: ldb, LDC: ldc, Acc: acc, BF16: bf16}
						l.Mul(x, Epilogue{})
						var first []float32
						for _, workers := range []int{1, 3} {
							par.SetWorkers(workers)
							got := append([]float32(nil), c...)
							p := l.Prepack(x, 2)
							p.Mul(m, a, lda, got, ldc, acc)
							p.Free()
							tolerance := 0.0
							if m <= SkinnyRows {
								tolerance = 1e-4
							}
							what := fmt.Sprintf("op %d, %v, bf16 %v, acc %v: c", op, s, bf16, acc)
							kerneltest.Near(t, what, got, widened(want), tolerance)
							if first == nil {
								first = got
							}
							kerneltest.Near(t, what+" of 3 workers", got, widened(first), 0)
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

// BenchmarkPrepacked is a recurrent layer's product at one step, of 64 rows and width 1150, beside
// Mul, which packs each time. The weights, 21 MB, come from memory at each step: on two cores of a
// Xeon with AVX-512, .91 (NT) and .90 (NN) of the peak; .77 and .73 before the micro-kernels
// prefetched panels, .92 and .87 with weights that are always in the cache.
func BenchmarkPrepacked(b *testing.B) {
	defer par.SetWorkers(0)
	const rows, width = 64, 1150
	rng := rand.New(rand.NewPCG(1, 1))
	w, h, g := kerneltest.Random(rng, 4*width*width), kerneltest.Random(rng, rows*width), kerneltest.Random(rng, rows*4*width)
	levels := Levels()
	l := levels[len(levels)-1]
	for _, workers := range []int{1, 2} {
		par.SetWorkers(workers)
		for name, x := range map[string]Args{
			"NT": {Op: NT, M: rows, N: 4 * width, K: width, A: h, B: w, C: g},
			"NN": {Op: NN, M: rows, N: width, K: 4 * width, A: g, B: w, C: h},
		} {
			p := l.Prepack(x, 2)
			for how, f := range map[string]func(){
				"prepacked": func() { p.Mul(rows, x.A, x.K, x.C, x.N, false) },
				"mul":       func() { l.Mul(x, Epilogue{}) },
			} {
				b.Run(fmt.Sprintf("%d/%s/%s", workers, name, how), func(b *testing.B) {
					kerneltest.OfPeak(b, l.Peak(workers, false), 2*rows*float64(x.N)*float64(x.K), f)
				})
			}
			p.Free()
		}
	}
}
