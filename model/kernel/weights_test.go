package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fragua/model/kernel/par"
)

// Narrow weights are as close to w as they promise, and Linear is exact about them.
func TestWeights(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 6))
		for _, s := range [][3]int{{1, 7, 5}, {1, 130, 300}, {3, 33, 17}, {9, 64, 100}, {40, 20, 50}, {17, 5000, 1001}, {5, 50, 64}, {16, 23, 131}} {
			n, rows, cols := s[0], s[1], s[2]
			w, x, bias := random(rng, rows*cols), random(rng, n*cols), random(rng, rows)
			clear(w[:cols]) // a row of zeros has no scale
			for name, p := range map[string]*Weights{"bf16": PackBF16(w, rows, cols), "int8": PackInt8(w, rows, cols)} {
				y, row := make([]float32, n*rows), make([]float32, cols)
				p.Linear(y, nil, x, bias, n)
				rounded := 0.0 // of x, beside its largest
				if name == "int8" && n <= fewRows {
					rounded = .51 / min(math.MaxInt16, math.MaxInt32/float64(127*cols))
				}
				for r := 0; r < rows; r += 1 + rows/64 {
					p.Rows(row, []int32{int32(r)})
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
						highest, weights := float64(highestPlain(x[i*cols:][:cols])), 0.0
						for c := range cols {
							v := float64(row[c]) * float64(x[i*cols+c])
							want, size = want+v, size+math.Abs(v)
							weights += math.Abs(float64(row[c]))
						}
						if got := y[i*rows+r]; math.Abs(float64(got)-want) > gemmTolerance(cols)*size+rounded*highest*weights {
							t.Fatalf("%s: %v: y[%d, %d] is %g, want %g", name, s, i, r, got, want)
						}
					}
				}
			}
		}
	})
}

// Sums of whole numbers are exact: at every level, products with int8 are those of plain Go to
// the bit, and so is what is made of x, even the largest, infinities and what is no number.
func TestInt8IsTheSameAtEveryLevel(t *testing.T) {
	for _, s := range [][3]int{{1, 9, 64}, {2, 31, 200}, {3, 4, 3072}, {4, 7, 65}, {7, 22, 130}, {16, 40, 768}} {
		n, rows, cols := s[0], s[1], s[2]
		rng := rand.New(rand.NewPCG(7, uint64(cols)))
		w, x, bias := random(rng, rows*cols), random(rng, n*cols), random(rng, rows)
		for c := range cols { // the largest sum there is
			w[c], x[c] = 3, -5
		}
		switch n {
		case 2:
			clear(x[cols:])
			x[cols] = 1e-42
		case 3:
			x[cols] = float32(math.NaN())
			x[2*cols+1] = float32(math.Inf(-1))
		}
		p := PackInt8(w, rows, cols)
		var want []float32
		atLevels(t, func(t *testing.T) {
			y := make([]float32, n*rows)
			p.Linear(y, nil, x, bias, n)
			if want == nil {
				want = y
			}
			for i, v := range y {
				if v != want[i] && (v == v || want[i] == want[i]) {
					t.Fatalf("%v: y[%d] is %g, plain Go has %g", s, i, v, want[i])
				}
			}
			if n == 3 && (y[rows] == y[rows] || y[2*rows] == y[2*rows] || y[rows-1] != y[rows-1]) {
				t.Errorf("of a row with a NaN came %g, with an infinity %g, with neither %g", y[rows], y[2*rows], y[rows-1])
			}
		})
	}
}

// Rows of x are independent: with others beside it, each gives the same bits.
func TestFewRowsAreIndependent(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 8))
		const n, rows, cols = 16, 70, 100
		w, x := random(rng, rows*cols), random(rng, n*cols)
		for name, linear := range map[string]func(y, x []float32, n int){
			"float32": func(y, x []float32, n int) { Linear(y, nil, x, w, nil, n, rows, cols, false) },
			"bf16":    func(y, x []float32, n int) { PackBF16(w, rows, cols).Linear(y, nil, x, nil, n) },
			"int8":    func(y, x []float32, n int) { PackInt8(w, rows, cols).Linear(y, nil, x, nil, n) },
		} {
			all, one := make([]float32, n*rows), make([]float32, rows)
			linear(all, x, n)
			for i := range n {
				linear(one, x[i*cols:][:cols], 1)
				for r, v := range one {
					if v != all[i*rows+r] {
						t.Fatalf("%s: y[%d, %d] is %g among others, alone %g", name, i, r, all[i*rows+r], v)
					}
				}
			}
		}
	})
}

// BenchmarkDecodeWeights is n rows by the matrices of GPT-2 of 124M, in the order in which they
// are met, beside reading as many bytes and doing nothing.
//
// On two cores of an Emerald Rapids, of a bandwidth of 31 to 36 GB/s, medians: with 1 row float32
// .95, bf16 .86, int8 .82 of reading; 16 rows take 22, 18 and 10 ms. Before each worker read four
// streams, shared out what several passes ask the memory for, took six rows at a time and whole
// numbers by VPDPWSSD it was .91, .84, .76 and 36, 26, 17 ms. Tried and left out: matrices one
// behind the other on huge pages, larger and smaller chunks, asking for more than 1 KB in advance
// (all as fast), and none (bf16 and int8 a tenth slower).
func BenchmarkDecodeWeights(b *testing.B) {
	const width, vocab, layers = 768, 50304, 12
	var shapes [][2]int // rows, cols
	for range layers {
		shapes = append(shapes, [2]int{3 * width, width}, [2]int{width, width}, [2]int{4 * width, width}, [2]int{width, 4 * width})
	}
	shapes = append(shapes, [2]int{vocab, width})
	rng := rand.New(rand.NewPCG(6, 6))
	x, y := random(rng, fewRows*4*width), make([]float32, fewRows*vocab)
	for _, kind := range []string{"float32", "bf16", "int8"} {
		size := 0
		var products []func(n int)
		for _, s := range shapes {
			rows, cols := s[0], s[1]
			w := par.Zeros(rows * cols)
			for part := w; len(part) > 0; part = part[min(len(part), len(x)):] {
				copy(part, x)
			}
			if kind == "float32" {
				size += 4 * len(w)
				products = append(products, func(n int) { Linear(y[:n*rows], nil, x[:n*cols], w, nil, n, rows, cols, false) })
				continue
			}
			pack := PackBF16
			if kind == "int8" {
				pack = PackInt8
			}
			p := pack(w, rows, cols)
			size += p.Bytes()
			products = append(products, func(n int) { p.Linear(y[:n*rows], nil, x[:n*cols], nil, n) })
		}
		flat := par.Zeros(size / 4)
		for i := range flat {
			flat[i] = 1 // pages that were never written are all the same one
		}
		for _, n := range []int{1, 4, 8, 16} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				reading := Bandwidth(flat)
				best, median := timeRounds(b, func() {
					for _, f := range products {
						f(n)
					}
				})
				b.ReportMetric(1e3*best, "ms")
				b.ReportMetric(float64(size)/best/reading, "of-reading")
				b.ReportMetric(float64(size)/median/reading, "of-reading-median")
			})
		}
	}
}
