package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"fragua/model/kernel/kerneltest"
	"fragua/model/kernel/par"
)

// atLevels runs f at every level this CPU has.
func atLevels(t *testing.T, f func(t *testing.T, k *Kernels)) {
	for _, k := range Levels() {
		t.Run(k.Name, func(t *testing.T) { f(t, k) })
	}
}

// A gemmCase is a GEMM whose operands are parts of larger matrices.
type gemmCase struct{ Args }

func newGemmCase(rng *rand.Rand, op Op, m, n, k, pad int) *gemmCase {
	g := &gemmCase{Args{Op: op, M: m, N: n, K: k}}
	ra, ca, rb, cb := g.operands()
	g.LDA, g.LDB, g.LDC = ca+pad, cb+2*pad, n+pad
	// The last row ends where the slice ends: reading past it would be seen by a guard page
	// at best, writing past it by the comparison.
	g.A, g.B = kerneltest.Random(rng, ra*g.LDA)[:(ra-1)*g.LDA+ca], kerneltest.Random(rng, rb*g.LDB)[:(rb-1)*g.LDB+cb]
	g.C = kerneltest.Random(rng, m*g.LDC+64)
	return g
}

// want is element (i, j) in float64 and the sum of the magnitudes of what is added.
func (g *gemmCase) want(i, j int) (sum, size float64) {
	for p := range g.K {
		ai, bi := i*g.LDA+p, j*g.LDB+p
		if g.Op == TN {
			ai = p*g.LDA + i
		}
		if g.Op != NT {
			bi = p*g.LDB + j
		}
		x, y := g.A[ai], g.B[bi]
		if g.BF16 {
			x, y = fromBF16(toBF16(x)), fromBF16(toBF16(y))
		}
		v := float64(x) * float64(y)
		sum, size = sum+v, size+math.Abs(v)
	}
	return sum, size
}

// mul multiplies into a copy of C.
func (g *gemmCase) mul(k *Kernels, acc bool) []float32 {
	x := g.Args
	x.C, x.Acc = append([]float32(nil), g.C...), acc
	k.Mul(x, Epilogue{})
	return x.C
}

// check multiplies and compares every element, and what must not change.
func (g *gemmCase) check(t interface{ Fatalf(string, ...any) }, k *Kernels, acc bool, tolerance float64) []float32 {
	c := g.mul(k, acc)
	for at, got := range c {
		i, j := at/g.LDC, at%g.LDC
		if i >= g.M || j >= g.N {
			if got != g.C[at] {
				t.Fatalf("op %d, %d×%d×%d: wrote outside C, at row %d, column %d", g.Op, g.M, g.N, g.K, i, j)
			}
			continue
		}
		want, size := g.want(i, j)
		if acc {
			want, size = want+float64(g.C[at]), size+math.Abs(float64(g.C[at]))
		}
		if math.Abs(float64(got)-want) > tolerance*size {
			t.Fatalf("op %d, %d×%d×%d, acc %v: C[%d, %d] = %g, want %g", g.Op, g.M, g.N, g.K, acc, i, j, got, want)
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
	atLevels(t, func(t *testing.T, k *Kernels) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, op := range []Op{NT, NN, TN} {
			for _, s := range shapes {
				for _, acc := range []bool{false, true} {
					newGemmCase(rng, op, s[0], s[1], s[2], 3).check(t, k, acc, gemmTolerance(s[2]))
				}
			}
		}
		newGemmCase(rng, TN, tnHighRows+8, tnHighNC+30, 3, 1).check(t, k, true, gemmTolerance(3)) // in wider tiles
		// Strips of A are copied before use; the last rows end where the slice ends.
		for m := 30; m < 47; m++ {
			for depth := 1; depth < 60; depth += 7 { // micro-kernels copy quarters of K
				g := newGemmCase(rng, TN, m, 70, depth, 0)
				g.LDA = 1100
				g.A = kerneltest.Random(rng, depth*1100)[:(depth-1)*1100+m]
				g.check(t, k, true, gemmTolerance(depth))
			}
		}
	})
}

func TestGemmEveryEdge(t *testing.T) {
	atLevels(t, func(t *testing.T, k *Kernels) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, op := range []Op{NT, NN, TN} {
			for m := 1; m <= 17; m++ {
				for n := 1; n <= 100; n += 1 + n/34 {
					newGemmCase(rng, op, m, n, 1+(m*n)%37, n%3).check(t, k, n%2 == 0, gemmTolerance(37))
				}
			}
		}
	})
}

func TestGemmProperty(t *testing.T) {
	atLevels(t, func(t *testing.T, k *Kernels) {
		rapid.Check(t, func(t *rapid.T) {
			m, n, depth := rapid.IntRange(1, 90).Draw(t, "m"), rapid.IntRange(1, 200).Draw(t, "n"), rapid.IntRange(1, 900).Draw(t, "k")
			op := Op(rapid.IntRange(0, 2).Draw(t, "op"))
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			newGemmCase(rng, op, m, n, depth, rapid.IntRange(0, 20).Draw(t, "pad")).check(t, k, rapid.Bool().Draw(t, "acc"), gemmTolerance(depth))
		})
	})
}

// The same bits come out for any number of workers, and for a column alone as among others.
func TestGemmDeterminism(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T, k *Kernels) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, op := range []Op{NT, NN, TN} {
			g := newGemmCase(rng, op, 300, 200, 800, 1) // 8 workers share panels
			if op == TN {
				g = newGemmCase(rng, op, 130, 60, 3000, 1) // low tiles
			}
			par.SetWorkers(1)
			one := g.mul(k, false)
			for _, w := range []int{2, 3, 8} {
				par.SetWorkers(w)
				c := g.mul(k, false)
				for i := range c {
					if c[i] != one[i] {
						t.Fatalf("op %d: element %d is %g with 1 worker, %g with %d", op, i, one[i], c[i], w)
					}
				}
			}
		}
	})
}

func TestMulRefusesShortSlices(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a C that is too short was accepted")
		}
	}()
	Plain.Mul(Args{Op: NT, M: 4, N: 4, K: 4, A: make([]float32, 16), B: make([]float32, 16), C: make([]float32, 15)}, Epilogue{})
}

var opNames = [...]string{"NT", "NN", "TN"}

var benchShapes = [][3]int{{4096, 1152, 384}, {4096, 384, 384}, {4096, 1536, 384}, {4096, 384, 1536}, {4096, 8192, 384},
	{1024, 2304, 768}, {1024, 768, 768}, {1024, 3072, 768}, {1024, 768, 3072}, {1024, 16384, 768},
	{2048, 128, 128}, {2048, 512, 128}, {2048, 384, 128}, {2048, 256, 256}, {2048, 1024, 256}, {2048, 512, 512}, {2048, 4096, 256},
	{1150, 1150, 1150}} // rows that begin anywhere in a cache line

// shapeOf is the GEMM of a layer (tokens, out, in) that op stands for.
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
// Measured on two cores of a Xeon with 2 MB of L2 cache each, in shares of the peak:
//   - The micro-kernels alone reach .98. Prefetching C row by row, not all at once, is worth .01.
//   - Packing panels costs .01 to .02 where tiles are 1024 rows or more high, .01 more where their
//     source is not prefetched. It cost .03 where the micro-kernels of the first strip packed them,
//     reading B in place.
//   - Copying columns of A for TN costs .03, of it .01 the instructions. It was .06 in fewer
//     micro-kernels, one cache line in each round, and .02 more where the two strips of a line were
//     not separated. Low tiles lost .06 by packing panels before use and lose .03 with overlapped
//     packing.
//   - No better were more cache lines of a row at a time, strips in place (half the speed at rows 4 KB
//     apart), huge pages, other KC, wider tiles, strips copied once for all tiles, prefetching panels
//     into the L1 cache, giving workers the same ends of each call, and tiles half as wide or high, so
//     that two workers have two each.
func BenchmarkGemm(b *testing.B) { benchmarkGemm(b, false) }

// benchmarkGemm measures against the peak of the instructions that multiply.
func benchmarkGemm(b *testing.B, bf16 bool) {
	defer par.SetWorkers(0)
	for _, l := range Levels()[1:] {
		for _, workers := range []int{1, 2} {
			par.SetWorkers(workers)
			for _, s := range benchShapes {
				for _, op := range []Op{NT, NN, TN} {
					m, n, k := shapeOf(op, s)
					b.Run(fmt.Sprintf("%s/%d/%s/%dx%dx%d", l.Name, workers, opNames[op], m, n, k), func(b *testing.B) {
						g := newGemmCase(rand.New(rand.NewPCG(1, 1)), op, m, n, k, 0)
						g.BF16 = bf16
						l.Mul(g.Args, Epilogue{})
						peak := l.Peak(workers, bf16 && l.BF16Faster())
						kerneltest.OfPeak(b, peak, 2*float64(m)*float64(n)*float64(k), func() { l.Mul(g.Args, Epilogue{}) })
					})
				}
			}
		}
	}
}
