package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fragua/model/kernel/kerneltest"
)

// A bodyCase runs one body on x, as many slices as it takes, each of one length. What it
// returns and leaves in the slices must be within tolerance of what the plain body does:
// |got − want| ≤ tolerance·(|want| + floor).
type bodyCase struct {
	name      string
	slices    int
	tolerance float64 // in units of 2⁻²⁴, half an ULP at the start of a binade
	floor     float64 // what an element is measured against when it is small, cancelled say
	least     int     // least length
	positive  int     // this slice holds no negative numbers (−1: none such)
	run       func(b *kernelTable, x [][]float32) []float64
}

func do(f func(b *kernelTable, x [][]float32)) func(*kernelTable, [][]float32) []float64 {
	return func(b *kernelTable, x [][]float32) []float64 { f(b, x); return nil }
}

var bodyCases = []bodyCase{
	{"add", 3, 0, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.add(x[0], x[1], x[2]) })},
	{"addTo", 2, 0, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.addTo(x[0], x[1]) })},
	{"mul", 3, 0, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.mul(x[0], x[1], x[2]) })},
	{"scale", 1, 0, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.scale(x[0], 1.7) })},
	{"axpy", 2, 2, 4, 0, -1, do(func(b *kernelTable, x [][]float32) { b.axpy(x[0], -0.3, x[1]) })},
	{"sum", 1, 1e-6, 100, 0, -1, func(b *kernelTable, x [][]float32) []float64 { return []float64{b.sum(x[0])} }},
	{"squares", 1, 1e-6, 1, 0, -1, func(b *kernelTable, x [][]float32) []float64 { return []float64{b.squares(x[0])} }},
	{"dot", 2, 1e-6, 100, 0, -1, func(b *kernelTable, x [][]float32) []float64 { return []float64{b.dot(x[0], x[1])} }},
	{"gelu", 2, 6, 1, 0, -1, do(func(b *kernelTable, x [][]float32) { b.gelu(x[0], x[1]) })},
	{"geluGrad", 3, 8, 8, 0, -1, do(func(b *kernelTable, x [][]float32) { b.geluGrad(x[0], x[1], x[2]) })},
	{"sigmoid", 2, 6, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.sigmoid(x[0], x[1]) })},
	{"sigmoidGrad", 3, 4, 8, 0, -1, do(func(b *kernelTable, x [][]float32) { b.sigmoidGrad(x[0], x[1], x[2]) })},
	{"tanh", 2, 6, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.tanh(x[0], x[1]) })},
	{"tanhGrad", 3, 4, 32, 0, -1, do(func(b *kernelTable, x [][]float32) { b.tanhGrad(x[0], x[1], x[2]) })},
	{"swiglu", 3, 8, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.swiglu(x[0], x[1], x[2]) })},
	{"geluSlope", 2, 8, 8, 0, -1, do(func(b *kernelTable, x [][]float32) { b.geluSlope(x[0], x[1]) })},
	{"swigluSlopes", 3, 8, 8, 0, -1, do(func(b *kernelTable, x [][]float32) { b.swigluSlopes(x[0], x[1], x[2]) })},
	{"swigluGrad", 5, 8, 16, 0, -1, do(func(b *kernelTable, x [][]float32) { b.swigluGrad(x[0], x[1], x[2], x[3], x[4]) })},
	{"layerNorm", 4, 40, 4, 1, -1, func(b *kernelTable, x [][]float32) []float64 {
		m, r := b.layerNorm(x[0], x[1], x[2], x[3], 1e-5)
		return []float64{float64(m), float64(r)}
	}},
	{"layerNormGrad", 6, 40, 16, 1, -1, do(func(b *kernelTable, x [][]float32) { b.layerNormGrad(x[0], x[1], x[2], x[3], x[4], 0.1, 1.3, x[5]) })},
	{"rmsNorm", 3, 10, 0, 1, -1, func(b *kernelTable, x [][]float32) []float64 {
		return []float64{float64(b.rmsNorm(x[0], x[1], x[2], 1e-5))}
	}},
	{"rmsNormGrad", 5, 40, 16, 1, -1, do(func(b *kernelTable, x [][]float32) { b.rmsNormGrad(x[0], x[1], x[2], x[3], 1.3, x[4]) })},
	{"rowMax", 1, 0, 0, 1, -1, func(b *kernelTable, x [][]float32) []float64 { return []float64{float64(b.rowMax(x[0]))} }},
	{"rowDot", 2, 8, 30, 0, -1, func(b *kernelTable, x [][]float32) []float64 { return []float64{float64(b.rowDot(x[0], x[1]))} }},
	{"expSum", 2, 16, 0, 0, -1, func(b *kernelTable, x [][]float32) []float64 {
		return []float64{float64(b.expSum(x[0], x[1], 0.7, 1.1))}
	}},
	{"sumExp", 1, 16, 0, 0, -1, func(b *kernelTable, x [][]float32) []float64 { return []float64{float64(b.sumExp(x[0], 1.1))} }},
	{"log", 2, 4, 1, 0, 1, do(func(b *kernelTable, x [][]float32) { b.log(x[0], x[1]) })},
	{"rotate", 4, 4, 8, 0, -1, do(func(b *kernelTable, x [][]float32) { b.rotate(x[0], x[1], x[2], x[3]) })},
	{"adamw", 4, 12, 1, 0, 3, do(func(b *kernelTable, x [][]float32) {
		b.adamw(x[0], x[1], x[2], x[3], &adamFactors{0.9, 0.9, 0.95, 0.1, 0.05, 1e-2, 1.2, 1e-8, 0.999})
	})},
	{"lstmCell", 7, 12, 4, 0, -1, do(func(b *kernelTable, x [][]float32) {
		gates := slices.Concat(x[2:6]...)
		b.lstmCell(x[0], x[1], gates, x[6])
		spread(x[2:6], gates)
	})},
	{"lstmCellGrad", 9, 12, 16, 0, -1, do(func(b *kernelTable, x [][]float32) {
		gates := slices.Concat(x[:4]...)
		b.lstmCellGrad(gates, x[4], x[5], x[6], x[7], x[8])
		spread(x[:4], gates)
	})},
	{"dropout", 2, 0, 0, 0, -1, do(func(b *kernelTable, x [][]float32) { b.dropout(x[0], x[1], &Mask{1, 2, 1 << 30, 1.5}, 1<<32-60) })},
}

// spread copies the parts of what was joined back.
func spread(parts [][]float32, joined []float32) {
	for _, p := range parts {
		joined = joined[copy(p, joined):]
	}
}

// Every body at every level agrees with the plain one on all lengths and alignments, and
// touches nothing beside its slices.
func TestBodies(t *testing.T) {
	const guard = 24
	for _, l := range levels[1:] {
		for _, c := range bodyCases {
			t.Run(l.gemm.Name+"/"+c.name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(7, 7))
				for n := c.least; n <= 130; n++ {
					want, got, rest := make([][]float32, c.slices), make([][]float32, c.slices), make([][]float32, c.slices)
					for i := range want {
						offset := guard + rng.IntN(16)
						full := kerneltest.Random(rng, n+offset+guard)
						if i == c.positive {
							for j, v := range full {
								full[j] = float32(math.Abs(float64(v)))
							}
						}
						want[i] = append([]float32(nil), full[offset:offset+n]...)
						rest[i] = append([]float32(nil), full...)
						got[i] = full[offset : offset+n : offset+n]
						copy(rest[i][offset:], want[i])
						defer func(full []float32) {
							for j := range full {
								if (j < offset || j >= offset+n) && full[j] != rest[i][j] {
									t.Errorf("length %d: slice %d changed at %d, outside of it", n, i, j-offset)
									return
								}
							}
						}(full)
					}
					a, b := c.run(&plain, want), c.run(l, got)
					for i := range want {
						for j := range want[i] {
							c.compare(t, n, "element", j, float64(got[i][j]), float64(want[i][j]))
						}
					}
					for i := range a {
						c.compare(t, n, "result", i, b[i], a[i])
					}
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

func (c *bodyCase) compare(t *testing.T, n int, what string, i int, got, want float64) {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return
	}
	if !(math.Abs(got-want) <= c.tolerance/(1<<24)*(math.Abs(want)+c.floor)) {
		t.Errorf("length %d: %s %d is %g, want %g", n, what, i, got, want)
	}
}

// ulps is how many float32 lie between got and the true value.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	unit := math.Abs(float64(math.Nextafter32(w, float32(math.Inf(1))) - w))
	return math.Abs(float64(got)-want) / unit
}

// What the functions are good for against float64, on all levels, in ULP.
func TestAccuracy(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	cases := []struct {
		name      string
		low, high float64
		most      float64
		f         func(dst, x []float32)
		want      func(x float64) float64
	}{
		{"exp", -87.3, 88.3, 2, func(dst, x []float32) { active.expSum(dst, x, 1, 0) }, math.Exp},
		{"log", 1, 1000, 1.5, func(dst, x []float32) { active.log(dst, x) }, math.Log},
		{"sigmoid", -80, 80, 4, Sigmoid, sigmoid},
		{"tanh", -10, 10, 3, Tanh, math.Tanh},
		{"gelu", -1.5, 10, 5, GELU, func(x float64) float64 { return x * sigmoid(gelu1*x+gelu3*x*x*x) }},
	}
	atLevels(t, func(t *testing.T) {
		for _, c := range cases {
			const n = 100_003
			x, y := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = float32(c.low + (c.high-c.low)*float64(i)/(n-1))
			}
			c.f(y, x)
			worst, where := 0.0, float32(0)
			for i, v := range x {
				if u := ulps(y[i], c.want(float64(v))); u > worst {
					worst, where = u, v
				}
			}
			if worst > c.most {
				t.Errorf("%s(%g) is off by %.1f ULP, more than %g", c.name, where, worst, c.most)
			}
			t.Logf("%s: at most %.2f ULP", c.name, worst)
		}
	})
}

// Infinities and NaN go through as mathematics would have it, and nothing subnormal comes
// out, which would be slow to go on with.
func TestSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	atLevels(t, func(t *testing.T) {
		x := []float32{-inf, inf, nan, 0, -200, 200, -88, 1e-30}
		y := make([]float32, len(x))
		active.expSum(y, x, 1, 0)
		if y[0] != 0 || y[4] != 0 || y[6] != 0 || y[2] == y[2] || y[3] != 1 || y[1] != inf || y[5] != inf {
			t.Errorf("exp%v = %v", x, y)
		}
		Sigmoid(y, x)
		least := func(v float32) bool { return 1.2e-38 < v && v < 2e-38 }
		if !least(y[0]) || y[1] != 1 || y[2] == y[2] || y[3] != 0.5 || !least(y[4]) || y[5] != 1 {
			t.Errorf("σ%v = %v", x, y)
		}
		Tanh(y, x)
		if y[0] != -1 || y[1] != 1 || y[2] == y[2] || y[3] != 0 || y[5] != 1 {
			t.Errorf("tanh%v = %v", x, y)
		}
		for n := 1; n < 40; n++ {
			row := make([]float32, n)
			for i := range row {
				row[i] = -inf
			}
			softmaxRow(row)
			for _, v := range row {
				if v != 0 {
					t.Fatalf("softmax of −Inf gives %v", row)
				}
			}
			row[n-1] = nan
			softmaxRow(row)
			if row[0] == row[0] {
				t.Fatalf("softmax of a row of %d with a NaN hides it", n)
			}
		}
	})
}

// BenchmarkBodies reports the bytes a second that one worker moves, reading and writing, on
// slices that fit the second-level cache; copy is the limit to compare with.
func BenchmarkBodies(b *testing.B) {
	const n = 1 << 14
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([][]float32, 9)
	for i := range x {
		x[i] = kerneltest.Random(rng, n)
		for j, v := range x[i] {
			x[i][j] = float32(math.Abs(float64(v)))
		}
	}
	run := func(name string, slices int, f func()) {
		b.Run(name, func(b *testing.B) {
			best, _ := kerneltest.Rounds(b, f)
			b.ReportMetric(float64(slices*4*n)/1e9/best, "GB/s")
			b.ReportMetric(best*1e9/n, "ns/element")
		})
	}
	run("copy", 2, func() { copy(x[0], x[1]) })
	for _, l := range levels {
		for _, c := range bodyCases {
			run(l.gemm.Name+"/"+c.name, c.slices, func() {
				copy(x[0][:16], x[5][:16]) // the results must not run away
				c.run(l, x[:c.slices])
			})
		}
	}
}
