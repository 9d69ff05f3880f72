package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fragua/model/kernel/kerneltest"
	"fragua/model/kernel/par"
)

// plusBias is an epilogue that adds the bias.
func plusBias(e *Epilogue, row []float32, _, j int) { addToPlain(row, e.Bias[j:][:len(row)]) }

// Quantized weights are as close to w as they promise, and products with them are exact about them.
func TestQuantized(t *testing.T) {
	atLevels(t, func(t *testing.T, l *Kernels) {
		rng := rand.New(rand.NewPCG(6, 6))
		for _, s := range [][3]int{{1, 7, 5}, {1, 130, 300}, {3, 33, 17}, {9, 64, 100}, {40, 20, 50}, {17, 5000, 1001}, {5, 50, 64}, {16, 23, 131}} {
			n, rows, cols := s[0], s[1], s[2]
			w, x, bias := kerneltest.Random(rng, rows*cols), kerneltest.Random(rng, n*cols), kerneltest.Random(rng, rows)
			clear(w[:cols]) // a row of zeros has no scale
			for name, p := range map[string]*Quantized{"bf16": PackBF16(w, rows, cols), "int8": PackInt8(w, rows, cols)} {
				y, row := make([]float32, n*rows), make([]float32, cols)
				l.MulQuantized(y, x, p, n, Epilogue{Row: plusBias, Bias: bias})
				rounded := 0.0 // of x, beside its largest
				if name == "int8" {
					rounded = .51 / min(math.MaxInt16, math.MaxInt32/float64(127*cols))
				}
				for r := 0; r < rows; r += 1 + rows/64 {
					l.QuantizedRows(row, p, []int32{int32(r)})
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
						highest, weights := float64(plainSkinny{}.maxAbs(x[i*cols:][:cols])), 0.0
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

// Sums of whole numbers are exact: at every level, products with int8 are those of plain Go to the
// bit, and so is the rounding of x, even of the largest, infinities and NaN.
func TestInt8IsTheSameAtEveryLevel(t *testing.T) {
	for _, s := range [][3]int{{1, 9, 64}, {2, 31, 200}, {3, 4, 3072}, {4, 7, 65}, {7, 22, 130}, {16, 40, 768}, {100, 70, 300}, {1700, 36, 250}} {
		n, rows, cols := s[0], s[1], s[2]
		rng := rand.New(rand.NewPCG(7, uint64(cols)))
		w, x, bias := kerneltest.Random(rng, rows*cols), kerneltest.Random(rng, n*cols), kerneltest.Random(rng, rows)
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
		atLevels(t, func(t *testing.T, l *Kernels) {
			y := make([]float32, n*rows)
			l.MulQuantized(y, x, p, n, Epilogue{Row: plusBias, Bias: bias})
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
func TestSkinnyRowsAreIndependent(t *testing.T) {
	atLevels(t, func(t *testing.T, l *Kernels) {
		rng := rand.New(rand.NewPCG(8, 8))
		const n, rows, cols = 16, 70, 100
		w, x := kerneltest.Random(rng, rows*cols), kerneltest.Random(rng, n*cols)
		for name, linear := range map[string]func(y, x []float32, n int){
			"float32": func(y, x []float32, n int) { l.MulSkinny(Args{M: n, N: rows, K: cols, A: x, B: w, C: y}, Epilogue{}) },
			"bf16":    func(y, x []float32, n int) { l.MulQuantized(y, x, PackBF16(w, rows, cols), n, Epilogue{}) },
			"int8":    func(y, x []float32, n int) { l.MulQuantized(y, x, PackInt8(w, rows, cols), n, Epilogue{}) },
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

// BenchmarkSkinny multiplies n rows with the matrices of GPT-2 124M, in the order of their use, beside
// reading as many bytes.
//
// On two cores of an Emerald Rapids, of a bandwidth of 31 to 36 GB/s, medians: with 1 row float32
// .95, bf16 .86, int8 .82 of reading; 16 rows take 22, 18 and 10 ms. Before each worker read four
// streams, passes shared the prefetching, took six rows at a time and int8 by VPDPWSSD, it was .91,
// .84, .76 and 36, 26, 17 ms. Tried and left out: all matrices in one array on huge pages, larger and
// smaller chunks, prefetching more than 1 KB ahead (all as fast), and no prefetching (bf16 and int8
// 10 % slower).
func BenchmarkSkinny(b *testing.B) {
	const width, vocab, layers = 768, 50304, 12
	var shapes [][2]int // rows, cols
	for range layers {
		shapes = append(shapes, [2]int{3 * width, width}, [2]int{width, width}, [2]int{4 * width, width}, [2]int{width, 4 * width})
	}
	shapes = append(shapes, [2]int{vocab, width})
	rng := rand.New(rand.NewPCG(6, 6))
	all := Levels()
	l := all[len(all)-1]
	x, y := kerneltest.Random(rng, SkinnyRows*4*width), make([]float32, SkinnyRows*vocab)
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
				products = append(products, func(n int) {
					l.MulSkinny(Args{M: n, N: rows, K: cols, A: x, B: w, C: y}, Epilogue{})
				})
				continue
			}
			pack := PackBF16
			if kind == "int8" {
				pack = PackInt8
			}
			p := pack(w, rows, cols)
			size += p.Bytes()
			products = append(products, func(n int) { l.MulQuantized(y[:n*rows], x[:n*cols], p, n, Epilogue{}) })
		}
		flat := par.Zeros(size / 4)
		for i := range flat {
			flat[i] = 1 // pages that were never written are all the same one
		}
		for _, n := range []int{1, 4, 8, 16} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				reading := l.Bandwidth(flat)
				best, median := kerneltest.Rounds(b, func() {
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

// BenchmarkInt8ManyRows multiplies the rows of a batch with the feed-forward weights of a small
// translator, on one worker.
//
// On one core of a busy Xeon with AMX, the best of 25, in 10⁹ operations a second: avx2 49, avx512 114,
// amx 207. Widening W and multiplying in float32, as was done before, 16 to 41, 110 and 76.
func BenchmarkInt8ManyRows(b *testing.B) {
	defer par.SetWorkers(0)
	par.SetWorkers(1)
	const m, rows, cols = 256, 1536, 256
	rng := rand.New(rand.NewPCG(6, 6))
	x, y := kerneltest.Random(rng, m*cols), make([]float32, m*rows)
	q := PackInt8(kerneltest.Random(rng, rows*cols), rows, cols)
	for _, l := range Levels()[1:] {
		b.Run(l.Name, func(b *testing.B) {
			best, _ := kerneltest.Rounds(b, func() { l.MulQuantized(y, x, q, m, Epilogue{}) })
			b.ReportMetric(2e-9*m*rows*cols/best, "GOP/s")
		})
	}
}
