package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func random(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestGemmAgainstFloat64(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, op := range []Op{NT, NN, TN} {
		for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {4, 4, 4}, {65, 33, 300}, {17, 130, 600}} {
			m, n, k := s[0], s[1], s[2]
			ra, ca, rb, cb := m, k, n, k
			if op == TN {
				ra, ca = k, m
			}
			if op != NT {
				rb, cb = k, n
			}
			lda, ldb, ldc := ca+3, cb+1, n+2
			a, b, c := random(rng, ra*lda), random(rng, rb*ldb), random(rng, m*ldc)
			old := append([]float32(nil), c...)
			for _, acc := range []bool{false, true} {
				copy(c, old)
				Gemm(op, m, n, k, a, lda, b, ldb, c, ldc, acc)
				for i := range m {
					for j := range ldc {
						want := float64(old[i*ldc+j])
						if j < n {
							if !acc {
								want = 0
							}
							for p := range k {
								ai, bi := i*lda+p, j*ldb+p
								if op == TN {
									ai = p*lda + i
								}
								if op != NT {
									bi = p*ldb + j
								}
								want += float64(a[ai]) * float64(b[bi])
							}
						}
						if d := math.Abs(float64(c[i*ldc+j]) - want); d > 1e-5*math.Sqrt(float64(k))*4 {
							t.Fatalf("op %d %dx%dx%d acc %v at %d,%d: %g, want %g", op, m, n, k, acc, i, j, c[i*ldc+j], want)
						}
					}
				}
			}
		}
	}
}
