package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"fragua/model/kernel/par"
)

func TestToBF16(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ in, want float32 }{
		{1, 1}, {-2.5, -2.5}, {0, 0}, {inf, inf}, {-inf, -inf},
		{1 + 1.0/256, 1},                // half way, to even
		{1 + 3.0/256, 1 + 4.0/256},      // half way, to even
		{1 + 1.01/256, 1 + 2.0/256},     // above half
		{math.MaxFloat32, inf},          // beyond the largest
		{3.3895314e38, 3.3895313892e38}, // the largest
	} {
		if got := fromBF16(toBF16(c.in)); got != c.want {
			t.Errorf("%g becomes %g, want %g", c.in, got, c.want)
		}
	}
	if got := fromBF16(toBF16(float32(math.NaN()))); got == got {
		t.Errorf("NaN becomes %g", got)
	}
}

// Whole rows are rounded to the same bits at every level, whatever the upper half of a number
// is, and NaN is NaN with its upper bits.
func TestRound(t *testing.T) {
	lower := []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0xffff}
	x, want := make([]float32, len(lower)<<16), make([]float32, len(lower)<<16)
	for i := range x {
		x[i] = math.Float32frombits(uint32(i/len(lower))<<16 | lower[i%len(lower)])
		want[i] = fromBF16(toBF16(x[i]))
	}
	atLevels(t, func(t *testing.T, k *Kernels) {
		got := make([]float32, len(x))
		k.round(got, x)
		for i := range got {
			if g, w := math.Float32bits(got[i]), math.Float32bits(want[i]); g != w {
				t.Fatalf("%#08x becomes %#08x, want %#08x", math.Float32bits(x[i]), g, w)
			}
		}
	})
}

func checkBF16(t interface{ Fatalf(string, ...any) }, l *Kernels, op Op, m, n, k, pad int, seed uint64, acc bool) {
	g := newGemmCase(rand.New(rand.NewPCG(seed, 1)), op, m, n, k, pad)
	g.BF16 = true
	g.check(t, l, acc, gemmTolerance(k))
}

func TestGemmBF16(t *testing.T) {
	atLevels(t, testGemmBF16)
}

func testGemmBF16(t *testing.T, l *Kernels) {
	for _, op := range []Op{NT, NN, TN} {
		for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {8, 48, 16}, {64, 64, 64}, {65, 33, 301}, {17, 130, 600},
			{40, 200, 1100}, {37, 101, 77}, {128, 48, 33}, {33, 64, 64}, {16, 16, 95}} {
			for _, acc := range []bool{false, true} {
				checkBF16(t, l, op, s[0], s[1], s[2], 3, 5, acc)
			}
		}
		for m := 1; m <= 17; m += 2 {
			for n := 1; n <= 100; n += 1 + n/20 {
				checkBF16(t, l, op, m, n, 1+(m*n)%70, n%3, uint64(n), n%2 == 0)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		m, n, k := rapid.IntRange(1, 60).Draw(t, "m"), rapid.IntRange(1, 150).Draw(t, "n"), rapid.IntRange(1, 1200).Draw(t, "k")
		op := Op(rapid.IntRange(0, 2).Draw(t, "op"))
		checkBF16(t, l, op, m, n, k, rapid.IntRange(0, 9).Draw(t, "pad"), rapid.Uint64().Draw(t, "seed"), rapid.Bool().Draw(t, "acc"))
	})
}

// Drivers that round while they pack give the bits of a GEMM of rounded matrices.
func TestGemmBF16RoundsFirst(t *testing.T) {
	atLevels(t, func(t *testing.T, k *Kernels) {
		if k.blockedBF16 == nil {
			t.Skip("this level multiplies words, or rounds copies")
		}
		for _, op := range []Op{NT, NN, TN} {
			for _, s := range [][3]int{{5, 70, 90}, {16, 48, 400}, {23, 96, 800}, {64, 50, 384}, {70, 131, 1100}, {300, 64, 2300}} {
				g := newGemmCase(rand.New(rand.NewPCG(2, 3)), op, s[0], s[1], s[2], 1)
				g.BF16 = true
				got := g.check(t, k, true, gemmTolerance(g.K))
				k.round(g.A, g.A)
				k.round(g.B, g.B)
				g.BF16 = false
				for i, want := range g.check(t, k, true, gemmTolerance(g.K)) {
					if got[i] != want {
						t.Fatalf("op %d, %v: element %d is %g, and %g of rounded matrices", op, s, i, got[i], want)
					}
				}
			}
		}
	})
}

func TestGemmBF16Determinism(t *testing.T) {
	defer par.SetWorkers(0)
	atLevels(t, func(t *testing.T, k *Kernels) {
		for _, op := range []Op{NT, NN, TN} {
			g := newGemmCase(rand.New(rand.NewPCG(5, 6)), op, 300, 200, 700, 1)
			g.BF16 = true
			var first []float32
			for _, w := range []int{1, 2, 5} {
				par.SetWorkers(w)
				c := g.mul(k, false)
				if first == nil {
					first = c
				}
				for i := range c {
					if c[i] != first[i] {
						t.Fatalf("op %d: element %d is %g with 1 worker, %g with %d", op, i, first[i], c[i], w)
					}
				}
			}
		}
	})
}

// BenchmarkGemmBF16 is BenchmarkGemm with BF16.
//
// Measured on two cores of a Xeon that does half as many operations with VDPBF16PS as with FMA:
// level avx512bf16 .92 to .98; rounding for FMA .01 to .03 less than BenchmarkGemm. Before A was
// packed strip by strip, but a tile at a time, and columns of it (TN) transposed, it was .81 to .95.
func BenchmarkGemmBF16(b *testing.B) { benchmarkGemm(b, true) }
