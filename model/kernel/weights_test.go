package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Narrow weights are as close to w as they promise, and Linear is exact about them.
func TestWeights(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 6))
		for _, s := range [][3]int{{1, 7, 5}, {1, 130, 300}, {3, 33, 17}, {9, 64, 100}, {40, 20, 50}, {17, 5000, 1001}} {
			n, rows, cols := s[0], s[1], s[2]
			w, x, bias := random(rng, rows*cols), random(rng, n*cols), random(rng, rows)
			clear(w[:cols]) // a row of zeros has no scale
			for name, p := range map[string]*Weights{"bf16": PackBF16(w, rows, cols), "int8": PackInt8(w, rows, cols)} {
				y, row := make([]float32, n*rows), make([]float32, cols)
				p.Linear(y, x, bias, n)
				for r := 0; r < rows; r += 1 + rows/64 {
					p.Row(row, r)
					top := 0.0
					for _, v := range w[r*cols : (r+1)*cols] {
						top = max(top, math.Abs(float64(v)))
					}
					for c, v := range w[r*cols : (r+1)*cols] {
						limit := math.Abs(float64(v)) / 256
						if name == "int8" {
							limit = top / 253.9
						}
						if d := math.Abs(float64(row[c] - v)); d > limit {
							t.Fatalf("%s: weight %g became %g", name, v, row[c])
						}
					}
					for i := range n {
						want, size := float64(bias[r]), math.Abs(float64(bias[r]))
						for c := range cols {
							v := float64(row[c]) * float64(x[i*cols+c])
							want, size = want+v, size+math.Abs(v)
						}
						if got := y[i*rows+r]; math.Abs(float64(got)-want) > gemmTolerance(cols)*size {
							t.Fatalf("%s: %v: y[%d, %d] is %g, want %g", name, s, i, r, got, want)
						}
					}
				}
			}
		}
	})
}

// BenchmarkDecodeWeights is one row by a matrix that no cache below the last holds.
func BenchmarkDecodeWeights(b *testing.B) {
	const rows, cols = 8192, 1024
	rng := rand.New(rand.NewPCG(6, 6))
	w, x, y := random(rng, rows*cols), random(rng, cols), make([]float32, rows)
	half, bytes := PackBF16(w, rows, cols), PackInt8(w, rows, cols)
	for _, c := range []struct {
		name string
		size int
		f    func()
	}{
		{"float32", 4 * len(w), func() { Linear(y, nil, x, w, nil, 1, rows, cols) }},
		{"bf16", half.Bytes(), func() { half.Linear(y, x, nil, 1) }},
		{"int8", bytes.Bytes(), func() { bytes.Linear(y, x, nil, 1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(c.size))
			for range b.N {
				c.f()
			}
		})
	}
}
