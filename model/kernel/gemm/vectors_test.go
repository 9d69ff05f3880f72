package gemm

import (
	"math/rand/v2"
	"slices"
	"testing"

	"fragua/model/kernel/kerneltest"
)

// The elementwise loops beside the micro-kernels give the bits of the plain ones on all lengths and
// alignments, and touch nothing outside their slices.
func TestVectors(t *testing.T) {
	loops := map[string]func(k *Kernels, x, y []float32){
		"addTo":      func(k *Kernels, x, y []float32) { k.addTo(x, y) },
		"round":      func(k *Kernels, x, y []float32) { k.round(x, y) },
		"dequantize": func(k *Kernels, x, y []float32) { k.skinny.dequantize(x, y, 1.7) },
	}
	atLevels(t, func(t *testing.T, k *Kernels) {
		rng := rand.New(rand.NewPCG(7, 8))
		for name, run := range loops {
			for n := range 131 {
				const guard = 24
				at := guard + rng.IntN(16)
				got, y := kerneltest.Random(rng, at+n+guard), kerneltest.Random(rng, at+n)[at:]
				want := slices.Clone(got)
				run(&Plain, want[at:at+n], y)
				run(k, got[at:at+n:at+n], y)
				if !slices.Equal(got, want) {
					t.Fatalf("%s of %d elements: not the bits of the plain loop", name, n)
				}
			}
		}
	})
}

// The loops that quantize x agree with the plain ones.
func TestQuantizeLoops(t *testing.T) {
	atLevels(t, func(t *testing.T, k *Kernels) {
		rng := rand.New(rand.NewPCG(8, 9))
		for n := 16; n <= 128; n += 16 {
			x := kerneltest.Random(rng, n)
			if got, want := k.skinny.maxAbs(x), (plainSkinny{}).maxAbs(x); got != want {
				t.Fatalf("maxAbs of %d elements is %g, want %g", n, got, want)
			}
			got, want := make([]int16, n), make([]int16, n)
			k.skinny.quantize(got, x, 1000)
			plainSkinny{}.quantize(want, x, 1000)
			if !slices.Equal(got, want) {
				t.Fatalf("quantize of %d elements: %v, want %v", n, got, want)
			}
		}
	})
}
