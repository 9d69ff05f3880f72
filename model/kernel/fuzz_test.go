package kernel

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzBodies gives every body arbitrary bits: infinities, NaN, subnormal numbers. A level
// may differ from plain by the stated tolerance, and where plain's result is so large or so
// small that the order of operations decides (overflow, cancellation), only in that.
func FuzzBodies(f *testing.F) {
	add := func(x ...float64) {
		var b []byte
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
		f.Add(b)
	}
	add(1, 2, 3, 4, 5)
	add(0, math.Inf(1), math.NaN(), -1, 1e-40, -88, 89, 700, -0.625)
	add(1e38, -1e38, 1e-38, 17, 3.4e38)
	// Elementwise alone: the others add up, where one NaN or overflow spoils all.
	elementwise := map[string]bool{"add": true, "addTo": true, "mul": true, "scale": true, "gelu": true,
		"sigmoid": true, "tanh": true, "swiglu": true, "dropout": true}
	f.Fuzz(func(t *testing.T, bits []byte) {
		n := min(len(bits)/4, 100)
		x := make([]float32, n)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(bits[4*i:]))
		}
		for _, c := range bodyCases {
			if !elementwise[c.name] {
				continue
			}
			for _, l := range levels[1:] {
				want, got := make([][]float32, c.slices), make([][]float32, c.slices)
				for i := range want {
					want[i], got[i] = append([]float32(nil), x...), append([]float32(nil), x...)
				}
				c.run(&plain, want)
				c.run(l, got)
				for i := range want[0] {
					g, w := float64(got[0][i]), float64(want[0][i])
					if g == w || math.IsNaN(g) && math.IsNaN(w) {
						continue
					}
					if a := math.Abs(float64(x[i])); 88.3 < a && a < 88.8 {
						continue // e^88.5 is finite at level avx512 alone
					}
					const tiny, huge = 1e-36, 1e36 // near them plain and assembly cut off differently
					if math.Abs(g) < tiny && math.Abs(w) < tiny || math.Abs(g) > huge && math.Abs(w) > huge {
						continue
					}
					if math.IsNaN(g) != math.IsNaN(w) && (math.Abs(float64(x[i])) > 1e12 || math.IsInf(float64(x[i]), 0)) {
						continue // ∞·0, which depends on what overflows first
					}
					if !(math.Abs(g-w) <= c.tolerance/(1<<24)*(math.Abs(w)+c.floor)) {
						t.Errorf("%s: %s(%g) is %g, want %g", l.gemm.Name, c.name, x[i], g, w)
					}
				}
			}
		}
	})
}
