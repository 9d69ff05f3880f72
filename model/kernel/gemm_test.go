package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"fragua/model/kernel/par"
)

// random returns normal deviates, on the pages that a training's arrays have.
func random(rng *rand.Rand, n int) []float32 {
	x := par.Zeros(n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// atLevels runs f at every level this CPU has.
func atLevels(t *testing.T, f func(t *testing.T)) {
	before := active
	defer func() { active = before }()
	for _, l := range levels {
		active = l
		t.Run(l.name, f)
	}
}

// A gemmCase is a product with its operands inside larger matrices.
type gemmCase struct {
	op            Op
	m, n, k       int
	a, b, c       []float32
	lda, ldb, ldc int
	bf16          bool
}

func newGemmCase(rng *rand.Rand, op Op, m, n, k, pad int) *gemmCase {
	ra, ca, rb, cb := m, k, n, k
	if op == TN {
		ra, ca = k, m
	}
	if op != NT {
		rb, cb = k, n
	}
	g := &gemmCase{op: op, m: m, n: n, k: k, lda: ca + pad, ldb: cb + 2*pad, ldc: n + pad}
	// The last row ends where the slice ends: reading past it would be seen by a guard page
	// at best, writing past it by the comparison.
	g.a, g.b = random(rng, ra*g.lda)[:(ra-1)*g.lda+ca], random(rng, rb*g.ldb)[:(rb-1)*g.ldb+cb]
	g.c = random(rng, m*g.ldc+64)
	return g
}

// want is element (i, j) in float64 and the sum of the magnitudes of what is added.
func (g *gemmCase) want(i, j int) (sum, size float64) {
	for p := range g.k {
		ai, bi := i*g.lda+p, j*g.ldb+p
		if g.op == TN {
			ai = p*g.lda + i
		}
		if g.op != NT {
			bi = p*g.ldb + j
		}
		x, y := g.a[ai], g.b[bi]
		if g.bf16 {
			x, y = widen(bfloat16(x)), widen(bfloat16(y))
		}
		v := float64(x) * float64(y)
		sum, size = sum+v, size+math.Abs(v)
	}
	return sum, size
}

// check multiplies and compares every element, and what must not change.
func (g *gemmCase) check(t interface{ Fatalf(string, ...any) }, acc bool, tolerance float64) []float32 {
	c := append([]float32(nil), g.c...)
	Gemm(g.op, g.m, g.n, g.k, g.a, g.lda, g.b, g.ldb, c, g.ldc, acc, g.bf16)
	for at, got := range c {
		i, j := at/g.ldc, at%g.ldc
		if i >= g.m || j >= g.n {
			if got != g.c[at] {
				t.Fatalf("op %d, %d×%d×%d: wrote outside C, at row %d, column %d", g.op, g.m, g.n, g.k, i, j)
			}
			continue
		}
		want, size := g.want(i, j)
		if acc {
			want, size = want+float64(g.c[at]), size+math.Abs(float64(g.c[at]))
		}
		if math.Abs(float64(got)-want) > tolerance*size {
			t.Fatalf("op %d, %d×%d×%d, acc %v: C[%d, %d] = %g, want %g", g.op, g.m, g.n, g.k, acc, i, j, got, want)
		}
	}
	return c
}

// A sum of k products rounded one by one is off by at most k units of 2⁻²⁴ of the sum of
// their magnitudes, and commonly by √k of them.
func gemmTolerance(k int) float64 { return (4 + 2*math.Sqrt(float64(k))) / (1 << 24) }

func TestGemm(t *testing.T) {
	shapes := [][3]int{{1, 1, 1}, {3, 5, 7}, {8, 48, 16}, {64, 64, 64}, {65, 33, 300}, {17, 130, 600}, {100, 8, 130},
		{40, 200, 400}, {37, 101, 77}, {70, 128, 40}, {9, 256, 385}, {20, 30, 2100}, {129, 500, 33}, {48, 17, 1030}, {90, 112, 800}}
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, op := range []Op{NT, NN, TN} {
			for _, s := range shapes {
				for _, acc := range []bool{false, true} {
					newGemmCase(rng, op, s[0], s[1], s[2], 3).check(t, acc, gemmTolerance(s[2]))
				}
			}
		}
		newGemmCase(rng, TN, tall+8, tallColumns+30, 3, 1).check(t, true, gemmTolerance(3)) // in wider tiles
		// Strips of A are copied before use; the last rows end where the slice ends.
		for m := 30; m < 47; m++ {
			for k := 1; k < 60; k += 7 { // kernels copy quarters of k
				g := newGemmCase(rng, TN, m, 70, k, 0)
				g.lda = 1100
				g.a = random(rng, k*1100)[:(k-1)*1100+m]
				g.check(t, true, gemmTolerance(k))
			}
		}
	})
}

func TestGemmEveryEdge(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, op := range []Op{NT, NN, TN} {
			for m := 1; m <= 17; m++ {
				for n := 1; n <= 100; n += 1 + n/34 {
					newGemmCase(rng, op, m, n, 1+(m*n)%37, n%3).check(t, n%2 == 0, gemmTolerance(37))
				}
			}
		}
	})
}

func TestGemmProperty(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, n, k := rapid.IntRange(1, 90).Draw(t, "m"), rapid.IntRange(1, 200).Draw(t, "n"), rapid.IntRange(1, 900).Draw(t, "k")
			op := Op(rapid.IntRange(0, 2).Draw(t, "op"))
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			newGemmCase(rng, op, m, n, k, rapid.IntRange(0, 20).Draw(t, "pad")).check(t, rapid.Bool().Draw(t, "acc"), gemmTolerance(k))
		})
	})
}

// The same bits come out for any number of workers, and for a column alone as among others.
func TestGemmDeterminism(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, op := range []Op{NT, NN, TN} {
			g := newGemmCase(rng, op, 300, 200, 800, 1) // 8 workers share panels
			if op == TN {
				g = newGemmCase(rng, op, 130, 60, 3000, 1) // low tiles
			}
			par.SetWorkers(1)
			one := append([]float32(nil), g.c...)
			Gemm(op, g.m, g.n, g.k, g.a, g.lda, g.b, g.ldb, one, g.ldc, false, false)
			for _, w := range []int{2, 3, 8} {
				par.SetWorkers(w)
				c := append([]float32(nil), g.c...)
				Gemm(op, g.m, g.n, g.k, g.a, g.lda, g.b, g.ldb, c, g.ldc, false, false)
				for i := range c {
					if c[i] != one[i] {
						t.Fatalf("op %d: element %d is %g with 1 worker, %g with %d", op, i, one[i], c[i], w)
					}
				}
			}
		}
	})
}

func TestGemmRefusesShortSlices(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a C that is too short was accepted")
		}
	}()
	Gemm(NT, 4, 4, 4, make([]float32, 16), 4, make([]float32, 16), 4, make([]float32, 15), 4, false, false)
}

var opNames = [...]string{"NT", "NN", "TN"}

var benchShapes = [][3]int{{4096, 1152, 384}, {4096, 384, 384}, {4096, 1536, 384}, {4096, 384, 1536}, {4096, 8192, 384},
	{1024, 2304, 768}, {1024, 768, 768}, {1024, 3072, 768}, {1024, 768, 3072}, {1024, 16384, 768},
	{2048, 128, 128}, {2048, 512, 128}, {2048, 384, 128}, {2048, 256, 256}, {2048, 1024, 256}, {2048, 512, 512}, {2048, 4096, 256},
	{1150, 1150, 1150}} // rows that begin anywhere in a cache line

// shapeOf is the product of a layer that op stands for: tokens × out, from in, and back.
func shapeOf(op Op, s [3]int) (m, n, k int) {
	switch op {
	case NN:
		return s[0], s[2], s[1]
	case TN:
		return s[1], s[2], s[0]
	}
	return s[0], s[1], s[2]
}

// BenchmarkGemm reports GFLOP/s and the share of the peak measured in the same run. The
// shapes are those of one training step: width 384 at 4096 tokens, 768 at 1024, and small.
//
// Measured on two cores of a Xeon with 2 MB of second-level cache each, in shares of the peak:
//   - The kernels alone reach .98. Fetching C row by row, not all at once, was worth .01.
//   - Making panels costs .01 to .02 where tiles are 1024 rows or more high, .01 more where what they
//     are made of is not fetched shortly before. It cost .03 where the kernels of the first strip made
//     them by the way, reading B where it lies.
//   - Copying columns of A for TN costs .03, of it .01 the instructions. It was .06 in fewer kernels,
//     every row a line in each round, and .02 more where the two strips of a line were not pulled
//     apart. Low tiles lost .06 by making panels before use and lose .03 where kernels copy them.
//   - No better were more lines of a row at a time, strips that stay where they lie (half the speed at
//     rows 4 KB apart), huge pages, other depths of blocks, wider tiles, strips copied once for all of
//     them, fetching panels into the first-level cache, giving workers the same ends of each call, and
//     tiles half as wide or high, so that two workers have two each.
func BenchmarkGemm(b *testing.B) {
	before := active
	defer func() { active = before; par.SetWorkers(0) }()
	for _, l := range levels[1:] {
		for _, workers := range []int{1, 2} {
			active = l
			par.SetWorkers(workers)
			for _, s := range benchShapes {
				for _, op := range []Op{NT, NN, TN} {
					m, n, k := shapeOf(op, s)
					b.Run(fmt.Sprintf("%s/%d/%s/%dx%dx%d", l.name, workers, opNames[op], m, n, k), func(b *testing.B) {
						g := newGemmCase(rand.New(rand.NewPCG(1, 1)), op, m, n, k, 0)
						Gemm(op, m, n, k, g.a, g.lda, g.b, g.ldb, g.c, g.ldc, false, false)
						startMeter(b, workers, active.peak, 1).run(2*float64(m)*float64(n)*float64(k), func() {
							Gemm(op, m, n, k, g.a, g.lda, g.b, g.ldb, g.c, g.ldc, false, false)
						})
					})
				}
			}
		}
	}
}
