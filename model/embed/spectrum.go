package embed

import (
	"math"
	"math/rand/v2"

	"fragua/model/kernel"
	"fragua/model/kernel/gemm"
)

const (
	oversampled = 20 // directions that are followed beside those wanted
	rounds      = 6  // of subspace iteration
)

// leading returns the k eigenvectors of a symmetric matrix whose eigenvalues are largest in
// magnitude, n × k, and those magnitudes, falling: its leading singular vectors and values, by
// randomised subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4). If the matrix
// has fewer rows than k, there are as many as it has rows.
func leading(m *kernel.Sparse, k int, seed uint64) (vectors []float32, values []float64) {
	n := m.Rows()
	wide := min(k+oversampled, n)
	k = min(k, n)
	rng := rand.New(rand.NewPCG(seed, 0x656d626564))
	q, y := make([]float32, n*wide), make([]float32, n*wide)
	for i := range q {
		q[i] = float32(rng.NormFloat64())
	}
	orthonormalize(q, y, n, wide)
	for range rounds {
		m.Mul(y, q, wide)
		q, y = y, q
		orthonormalize(q, y, n, wide)
	}
	m.Mul(y, q, wide)
	small := products(q, y, n, wide) // qᵀ·m·q
	turn, eigenvalues := eigen(small, wide, func(x float64) float64 { return math.Abs(x) })
	vectors, values = make([]float32, n*k), make([]float64, k)
	t := make([]float32, wide*k)
	for j := range k {
		values[j] = math.Abs(eigenvalues[j])
		for i := range wide {
			t[i*k+j] = float32(turn[i*wide+j])
		}
	}
	kernel.Gemm(gemm.Args{Op: gemm.NN, M: n, N: k, K: wide, A: q, B: t, C: vectors})
	return vectors, values
}

// products returns aᵀ·b of two n × k matrices.
func products(a, b []float32, n, k int) []float64 {
	c := make([]float32, k*k)
	kernel.Gemm(gemm.Args{Op: gemm.TN, M: k, N: k, K: n, A: a, B: b, C: c})
	out := make([]float64, k*k)
	for i := range k {
		for j := range k { // symmetric, but for rounding
			out[i*k+j] = (float64(c[i*k+j]) + float64(c[j*k+i])) / 2
		}
	}
	return out
}

// orthonormalize makes the columns of x (n × k) orthonormal: x ← x·V·Λ^−½ of the eigenvectors and
// eigenvalues of xᵀx, twice, as once leaves errors as large as the columns are alike. What is
// no direction of its own becomes 0. spare is memory of the same size.
func orthonormalize(x, spare []float32, n, k int) {
	for range 2 {
		v, lambda := eigen(products(x, x, n, k), k, func(x float64) float64 { return x })
		t := make([]float32, k*k)
		for j := range k {
			if lambda[j] <= 1e-10*lambda[0] {
				continue
			}
			scale := 1 / math.Sqrt(lambda[j])
			for i := range k {
				t[i*k+j] = float32(v[i*k+j] * scale)
			}
		}
		kernel.Gemm(gemm.Args{Op: gemm.NN, M: n, N: k, K: k, A: x, B: t, C: spare})
		copy(x, spare)
	}
}

func root(x float64) float32 { return float32(math.Sqrt(x)) }
