package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"fragua/model/kernel/kerneltest"
	"fragua/model/kernel/par"
)

// A gradCase is a function of several slices with its gradient. forward returns the output;
// backward adds the gradients of Σ out·dy to d, nil where a slice is not differentiated.
type gradCase struct {
	name     string
	sizes    []int
	forward  func(x [][]float32) []float32
	backward func(d, x [][]float32, dy []float32)
}

func elementwise(name string, f func(dst, x []float32), g func(dx, x, dy []float32)) gradCase {
	return gradCase{name, []int{50},
		func(x [][]float32) []float32 { y := make([]float32, len(x[0])); f(y, x[0]); return y },
		func(d, x [][]float32, dy []float32) { g(d[0], x[0], dy) }}
}

// ofOutput is for gradients that are told the output, not the input.
func ofOutput(f func(dst, x []float32), g func(dx, y, dy []float32)) func(dx, x, dy []float32) {
	return func(dx, x, dy []float32) {
		y := make([]float32, len(x))
		f(y, x)
		g(dx, y, dy)
	}
}

const normCols, normRows = 37, 11

var gradCases = []gradCase{
	elementwise("gelu", GELU, func(dx, x, dy []float32) {
		d := make([]float32, len(x)) // it sets
		GELUGrad(d, x, dy)
		AddTo(dx, d)
	}),
	elementwise("tanh", Tanh, ofOutput(Tanh, TanhGrad)),
	elementwise("sigmoid", Sigmoid, ofOutput(Sigmoid, SigmoidGrad)),
	{"swiglu", []int{50, 50},
		func(x [][]float32) []float32 { y := make([]float32, 50); SwiGLU(y, x[0], x[1]); return y },
		func(d, x [][]float32, dy []float32) {
			dgate, dup := make([]float32, len(dy)), make([]float32, len(dy)) // it sets
			SwiGLUGrad(dgate, dup, x[0], x[1], dy)
			AddTo(d[0], dgate)
			AddTo(d[1], dup)
		}},
	{"layerNorm", []int{normRows * normCols, normCols, normCols},
		func(x [][]float32) []float32 {
			y, m := make([]float32, len(x[0])), make([]float32, 2*normRows)
			LayerNorm(y, m[:normRows], m[normRows:], x[0], x[1], x[2], normCols, 1e-5)
			return y
		},
		func(d, x [][]float32, dy []float32) {
			y, m := make([]float32, len(x[0])), make([]float32, 2*normRows)
			LayerNorm(y, m[:normRows], m[normRows:], x[0], x[1], x[2], normCols, 1e-5)
			LayerNormGrad(d[0], d[1], d[2], x[0], x[1], m[:normRows], m[normRows:], dy, normCols)
		}},
	{"rmsNorm", []int{normRows * normCols, normCols},
		func(x [][]float32) []float32 {
			y, r := make([]float32, len(x[0])), make([]float32, normRows)
			RMSNorm(y, r, x[0], x[1], normCols, 1e-5)
			return y
		},
		func(d, x [][]float32, dy []float32) {
			y, r := make([]float32, len(x[0])), make([]float32, normRows)
			RMSNorm(y, r, x[0], x[1], normCols, 1e-5)
			RMSNormGrad(d[0], d[1], x[0], x[1], r, dy, normCols)
		}},
	{"rope", []int{5 * 3 * 8},
		func(x [][]float32) []float32 {
			y := append([]float32(nil), x[0]...)
			NewRoPE(10, RoPEFrequencies(8, 100)).Rotate(y, 24, 3, []int32{0, 3, 9, 1, 2}, false)
			return y
		},
		func(d, x [][]float32, dy []float32) {
			t := append([]float32(nil), dy...)
			NewRoPE(10, RoPEFrequencies(8, 100)).Rotate(t, 24, 3, []int32{0, 3, 9, 1, 2}, true)
			AddTo(d[0], t)
		}},
	{"embedding", []int{7 * 130},
		func(x [][]float32) []float32 {
			y := make([]float32, 4*130)
			Embedding(y, x[0], []int32{3, 0, 3, 6}, 130)
			return y
		},
		func(d, x [][]float32, dy []float32) { EmbeddingGrad(d[0], dy, []int32{3, 0, 3, 6}, 130) }},
	{"bias", []int{6 * 300, 300},
		func(x [][]float32) []float32 {
			y := append([]float32(nil), x[0]...)
			AddBias(y, x[1])
			return y
		},
		func(d, x [][]float32, dy []float32) { AddTo(d[0], dy); BiasGrad(d[1], dy, 300) }},
	{"dropout", []int{300},
		func(x [][]float32) []float32 {
			y := make([]float32, 300)
			Dropout(y, x[0], 0.3, 5, 1000)
			return y
		},
		func(d, x [][]float32, dy []float32) {
			t := make([]float32, 300)
			Dropout(t, dy, 0.3, 5, 1000)
			AddTo(d[0], t)
		}},
	{"lstm", []int{3 * 4 * 9, 3 * 9}, // the output is h and c
		func(x [][]float32) []float32 {
			y := make([]float32, 2*27)
			LSTMCell(y[:27], y[27:], append([]float32(nil), x[0]...), x[1], 9)
			return y
		},
		func(d, x [][]float32, dy []float32) {
			gates, y := append([]float32(nil), x[0]...), make([]float32, 2*27)
			LSTMCell(y[:27], y[27:], gates, x[1], 9)
			above, next := append([]float32(nil), dy[:27]...), append([]float32(nil), dy[:27]...)
			Scale(above, 0.25)
			Scale(next, 0.75)
			dc := append([]float32(nil), dy[27:]...)
			LSTMCellGrad(gates, dc, y[27:], x[1], above, next, 9)
			AddTo(d[0], gates)
			AddTo(d[1], dc)
		}},
}

// Gradients agree with central differences along random directions, add to what is there,
// and do not depend on the number
// of workers.
func TestGradients(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T) {
		for _, c := range gradCases {
			t.Run(c.name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(11, 12))
				x, d := make([][]float32, len(c.sizes)), make([][]float32, len(c.sizes))
				for i, n := range c.sizes {
					x[i], d[i] = kerneltest.Random(rng, n), make([]float32, n)
				}
				dy := kerneltest.Random(rng, len(c.forward(x)))
				loss := func() float64 {
					s := 0.0
					for i, v := range c.forward(x) {
						s += float64(v) * float64(dy[i])
					}
					return s
				}
				c.backward(d, x, dy)
				for i := range x {
					for range 4 {
						const h = 1.0 / 128
						direction := kerneltest.Random(rng, len(x[i]))
						old := append([]float32(nil), x[i]...)
						var ends [2]float64
						for e, sign := range []float32{1, -1} {
							for j := range old {
								x[i][j] = old[j] + sign*h*direction[j]
							}
							ends[e] = loss()
						}
						copy(x[i], old)
						want, got := (ends[0]-ends[1])/(2*h), dotPlain(d[i], direction)
						if math.Abs(got-want) > 0.02*(1+math.Abs(want)) {
							t.Errorf("slice %d: derivative %g, by differences %g", i, got, want)
						}
					}
				}
				par.SetWorkers(4)
				again := make([][]float32, len(d))
				for i := range d {
					again[i] = make([]float32, len(d[i]))
				}
				c.backward(again, x, dy)
				par.SetWorkers(1)
				for i := range d {
					clear(d[i])
				}
				c.backward(d, x, dy)
				for i := range d {
					for j := range d[i] {
						if d[i][j] != again[i][j] {
							t.Fatalf("slice %d, element %d: %g with 1 worker, %g with 4", i, j, d[i][j], again[i][j])
						}
					}
				}
				c.backward(again, x, dy)
				for i := range d {
					for j := range d[i] {
						if math.Abs(float64(again[i][j]-2*d[i][j])) > 1e-4*(1+math.Abs(float64(d[i][j]))) {
							t.Fatalf("slice %d, element %d: a second call made %g of %g", i, j, again[i][j], d[i][j])
						}
					}
				}
			})
		}
	})
}

// Many rows meet in dgain and dbias in an order that depends on the shape alone, and nil
// leaves them out.
func TestNormGradsOfManyRows(t *testing.T) {
	defer par.SetWorkers(0)
	const rows, cols = 1000, 48
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 3))
		x, gain, dy, y := kerneltest.Random(rng, rows*cols), kerneltest.Random(rng, cols), kerneltest.Random(rng, rows*cols), make([]float32, rows*cols)
		mean, rstd := make([]float32, rows), make([]float32, rows)
		LayerNorm(y, mean, rstd, x, gain, nil, cols, 1e-5)
		var first []float32
		for _, w := range []int{1, 3, 7} {
			par.SetWorkers(w)
			dg, db, dx, frozen := make([]float32, cols), make([]float32, cols), make([]float32, rows*cols), make([]float32, rows*cols)
			LayerNormGrad(dx, dg, db, x, gain, mean, rstd, dy, cols)
			LayerNormGrad(frozen, nil, nil, x, gain, mean, rstd, dy, cols)
			for i := range dx {
				if dx[i] != frozen[i] {
					t.Fatal("freezing the gain changes dx")
				}
			}
			sum := 0.0
			for r := range rows {
				sum += float64(dy[r*cols+5])
			}
			if math.Abs(sum-float64(db[5])) > 1e-3 {
				t.Fatalf("dbias[5] is %g, want %g", db[5], sum)
			}
			if first == nil {
				first = dg
			}
			for i := range dg {
				if dg[i] != first[i] {
					t.Fatalf("%d workers: dgain[%d] differs", w, i)
				}
			}
		}
	})
}

func TestCrossEntropy(t *testing.T) {
	const rows, cols = 9, 1003
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		x := kerneltest.Random(rng, rows*cols)
		for i := range x {
			x[i] = 5*x[i] + 40
		}
		targets := make([]int32, rows)
		for r := range targets {
			targets[r] = int32(rng.IntN(cols))
		}
		targets[3] = -1
		losses, grads := make([]float64, rows), append([]float32(nil), x...)
		CrossEntropy(losses, x, targets, cols, 1, false)
		again := make([]float64, rows)
		CrossEntropy(again, grads, targets, cols, 0.25, true)
		for r := range rows {
			row := x[r*cols : (r+1)*cols]
			if targets[r] < 0 {
				if losses[r] != 0 || again[r] != 0 || SumSquares(grads[r*cols:(r+1)*cols]) != 0 {
					t.Errorf("a row without a target has loss %g", losses[r])
				}
				continue
			}
			sum := 0.0
			for _, v := range row {
				sum += math.Exp(float64(v) - 40)
			}
			want := math.Log(sum) + 40 - float64(row[targets[r]])
			if math.Abs(losses[r]-want) > 1e-5 || math.Abs(again[r]-want) > 1e-5 {
				t.Errorf("row %d: losses %g and %g, want %g", r, losses[r], again[r], want)
			}
			for c, v := range row {
				g := math.Exp(float64(v)-40) / sum
				if int32(c) == targets[r] {
					g--
				}
				if got := float64(grads[r*cols+c]); math.Abs(got-0.25*g) > 1e-6 {
					t.Fatalf("row %d: gradient %d is %g, want %g", r, c, got, 0.25*g)
				}
			}
		}
	})
}

// Rows turned by positions p and p+n keep the product that depends on n alone.
func TestRoPEIsRelative(t *testing.T) {
	rope := NewRoPE(64, RoPEFrequencies(16, 10000))
	rng := rand.New(rand.NewPCG(1, 1))
	q, k := kerneltest.Random(rng, 16), kerneltest.Random(rng, 16)
	at := func(p, s int32) float64 {
		x := append(append([]float32(nil), q...), k...)
		rope.Rotate(x, 16, 1, []int32{p, s}, false)
		return dotPlain(x[:16], x[16:])
	}
	if a, b := at(5, 2), at(50, 47); math.Abs(a-b) > 1e-4 {
		t.Errorf("products at distance 3 are %g and %g", a, b)
	}
	// The first pair turns by the position itself, in Llama's half-split order.
	x := make([]float32, 16)
	x[0] = 1
	rope.Rotate(x, 16, 1, []int32{2}, false)
	if math.Abs(float64(x[0])-math.Cos(2)) > 1e-6 || math.Abs(float64(x[8])-math.Sin(2)) > 1e-6 {
		t.Errorf("(1, 0) at position 2 becomes (%g, %g)", x[0], x[8])
	}
}

// AdamW follows the algorithm in float64.
func TestAdamW(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 8))
		const n = 100
		p, m, v := kerneltest.Random(rng, n), make([]float32, n), make([]float32, n)
		wp, wm, wv := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range p {
			wp[i] = float64(p[i])
		}
		for step := 1; step <= 20; step++ {
			g := kerneltest.Random(rng, n)
			AdamW(p, g, m, v, 1e-2, 0.9, 0.95, 1e-8, 0.1, step, 0.5)
			for i := range wp {
				d := 0.5 * float64(g[i])
				wm[i] = 0.9*wm[i] + 0.1*d
				wv[i] = 0.95*wv[i] + 0.05*d*d
				mh, vh := wm[i]/(1-math.Pow(0.9, float64(step))), wv[i]/(1-math.Pow(0.95, float64(step)))
				wp[i] -= 1e-2 * (mh/(math.Sqrt(vh)+1e-8) + 0.1*wp[i])
			}
		}
		kerneltest.Near(t, "p", p, wp, 2e-5)
	})
}

// Dropout keeps the stated share, scales it, and gives the same mask for any cut.
func TestDropout(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T) {
		const n = 200_000
		x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range x {
			x[i] = 1
		}
		par.SetWorkers(3)
		Dropout(y, x, 0.1, 42, 7)
		par.SetWorkers(1)
		for lo := 0; lo < n; lo += 777 {
			hi := min(n, lo+777)
			Dropout(z[lo:hi], x[lo:hi], 0.1, 42, 7+uint64(lo))
		}
		kept := 0
		for i := range y {
			if y[i] != z[i] {
				t.Fatalf("element %d depends on the cut", i)
			}
			if y[i] != 0 {
				kept++
				if math.Abs(float64(y[i])-1/0.9) > 1e-6 {
					t.Fatalf("kept 1 became %g", y[i])
				}
			}
		}
		// Five standard deviations of a binomial.
		if d := math.Abs(float64(kept) - 0.9*n); d > 5*math.Sqrt(n*0.09) {
			t.Errorf("kept %d of %d", kept, n)
		}
		Dropout(z, x, 0.1, 43, 7)
		same := 0
		for i := range y {
			if (y[i] == 0) == (z[i] == 0) {
				same++
			}
		}
		if d := math.Abs(float64(same) - 0.82*n); d > 5*math.Sqrt(n*0.82*0.18) {
			t.Errorf("masks of two seeds agree at %d of %d", same, n)
		}
	})
}

func TestReductions(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		x := kerneltest.Random(rng, 100_001)
		sum, squares := 0.0, 0.0
		for _, v := range x {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		for _, w := range []int{1, 2, 5} {
			par.SetWorkers(w)
			if s := Sum(x); math.Abs(s-sum) > 1e-8 || s != Sum(x) {
				t.Errorf("sum is %g, want %g", s, sum)
			}
			if s := SumSquares(x); math.Abs(s-squares) > 1e-8 {
				t.Errorf("sum of squares is %g, want %g", s, squares)
			}
		}
	})
}
