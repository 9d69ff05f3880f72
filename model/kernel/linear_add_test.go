package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// What is done while a product is in the cache gives the bits that it gives one after the other.
func TestEpilogues(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 9))
		for _, s := range [][3]int{{1, 3, 5}, {5, 60, 20}, {40, 100, 500}, {67, 130, 33}, {300, 96, 400}} {
			for _, bf16 := range []bool{false, true} {
				rows, out, in := s[0], s[1], s[2]
				x, w, bias := random(rng, rows*in), random(rng, out*in), random(rng, out)
				a, b := random(rng, rows*out), random(rng, rows*out)
				gemm := Gemm
				if bf16 {
					gemm = GemmBF16
				}
				product := make([]float32, rows*out)
				gemm(NT, rows, out, in, x, in, w, in, product, out, false)
				y, more := make([]float32, rows*out), make([]float32, rows*out)
				hold := func(name string, got, want []float32) {
					t.Helper()
					if !slices.Equal(got, want) {
						t.Errorf("%s, %d rows, %d of %d, bf16 %v: the values differ", name, rows, out, in, bf16)
					}
				}

				want := slices.Clone(product)
				AddBias(want, bias)
				AddTo(want, a)
				LinearAdd(y, a, x, w, bias, rows, out, in, bf16)
				hold("LinearAdd", y, want)

				SwiGLU(want, a, product)
				LinearSwiGLU(more, y, a, x, w, rows, out, in, bf16)
				hold("LinearSwiGLU", more, want)
				hold("LinearSwiGLU's argument", y, product)

				// The same x is now the gradient of what has in columns, and w its weights.
				v := random(rng, in*out)
				gemm(NN, rows, out, in, x, in, v, out, product, out, false)
				GELUGrad(want, a, product)
				GELULinearGrad(y, a, v, x, rows, in, out, bf16)
				hold("GELULinearGrad", y, want)

				dgate := make([]float32, rows*out)
				SwiGLUGrad(dgate, want, a, b, product)
				SwiGLULinearGrad(a, y, a, b, v, x, rows, in, out, bf16)
				hold("SwiGLULinearGrad's gate", a, dgate)
				hold("SwiGLULinearGrad", y, want)
			}
		}
	})
}
