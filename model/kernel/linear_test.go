package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fragua/model/kernel/gemm"
	"fragua/model/kernel/kerneltest"
)

// Epilogues give the bits of the same operations one after the other.
func TestEpilogues(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 9))
		for _, s := range [][3]int{{1, 3, 5}, {5, 60, 20}, {40, 100, 500}, {67, 130, 33}, {300, 96, 400}} {
			for _, bf16 := range []bool{false, true} {
				rows, out, in := s[0], s[1], s[2]
				x, w, bias := kerneltest.Random(rng, rows*in), kerneltest.Random(rng, out*in), kerneltest.Random(rng, out)
				a, b := kerneltest.Random(rng, rows*out), kerneltest.Random(rng, rows*out)
				product := make([]float32, rows*out)
				Gemm(gemm.Args{Op: gemm.NT, M: rows, N: out, K: in, A: x, B: w, C: product, BF16: bf16})
				y, more := make([]float32, rows*out), make([]float32, rows*out)
				hold := func(name string, got, want []float32) {
					t.Helper()
					if !slices.Equal(got, want) {
						t.Errorf("%s, %d rows, %d of %d, bf16 %v: the values differ", name, rows, out, in, bf16)
					}
				}

				near := func(name string, got, want []float32) {
					t.Helper()
					for i, v := range want {
						if math.Abs(float64(got[i]-v)) > 1e-6*(1+math.Abs(float64(v))) {
							t.Fatalf("%s, %d rows, %d of %d, bf16 %v: element %d is %g, want %g", name, rows, out, in, bf16, i, got[i], v)
						}
					}
				}

				want := slices.Clone(product)
				AddBias(want, bias)
				AddTo(want, a)
				LinearAdd(y, a, x, w, bias, rows, out, in, bf16)
				hold("LinearAdd", y, want)

				ones, dgate, dup := make([]float32, rows*out), make([]float32, rows*out), make([]float32, rows*out)
				for i := range ones {
					ones[i] = 1
				}
				gate := slices.Clone(a)
				SwiGLU(want, a, product)
				SwiGLUGrad(dgate, dup, a, product, ones)
				LinearSwiGLU(more, gate, y, x, w, rows, out, in, bf16)
				hold("LinearSwiGLU", more, want)
				near("the slope in gate", gate, dgate)
				near("the slope in up", y, dup)

				AddBias(product, bias)
				GELU(want, product)
				GELUGrad(dup, product, ones)
				LinearGELU(more, y, x, w, bias, rows, out, in, bf16)
				hold("LinearGELU", more, want)
				near("the slope of GELU", y, dup)

				// The same x is now an output gradient of in columns, and v the weights.
				v := kerneltest.Random(rng, in*out)
				Gemm(gemm.Args{Op: gemm.NN, M: rows, N: out, K: in, A: x, B: v, C: product, BF16: bf16})
				Mul(want, product, a)
				ActivatedGrad(y, a, v, x, rows, in, out, bf16)
				hold("ActivatedGrad", y, want)

				Mul(want, product, b)
				Mul(dgate, product, a)
				GatedGrad(a, y, b, v, x, rows, in, out, bf16)
				hold("GatedGrad", y, want)
				hold("GatedGrad's gate", a, dgate)
			}
		}
	})
}
