package kernel

import (
	"fmt"
	"strings"
)

// bodies are the serial inner loops of one CPU level. Public functions check their
// arguments, cut the work, and call these. The plain ones define the results.
type bodies struct {
	name     string
	gemm     gemmBody
	gemmBF16 gemmBody
	peakBF16 func(loops int) // nil: no instructions for it
	// What gemm and gemmBF16 are made of; nil: what packs nothing, or not so.
	packed, packedBF16 *packedGemm
	// Products inside a tile, in the calling goroutine: packT lays out n rows of k elements
	// for mulPacked, C (m×n) = A·Bᵀ with B's total rows packed; mulTile sets C to op(A)·B or adds it.
	strip     int // rows that products are best cut into
	packT     func(dst, src []float32, ld, n, k int)
	mulPacked func(m, n, k int, a []float32, lda int, packed []float32, total int, c []float32, ldc int)
	mulTile   func(op Op, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool)

	// Products of few rows, C (m×n) = [C +] X·Wᵀ, and the same with narrow weights. What is read
	// then, as much as W, is asked for on the way, but if nil.
	few      func(m, n, k int, x []float32, ldx int, w []float32, ldw int, c []float32, ldc, acc int, then []float32)
	narrow   func(w *Weights, y []float32, x *input, n, lo, hi int) // columns [lo, hi) of y = x·Wᵀ, unscaled
	widen    func(w *Weights, dst []float32, r int)                 // row r with what it is filled up with
	highest  func(x []float32) float32                              // magnitude
	quantize func(dst []int16, x []float32, by float32)
	read     func(x []float32) // whole readBlocks

	peak  func(loops int) // 12·loops multiply-adds of lanes each
	lanes int

	add     func(dst, a, b []float32)
	addTo   func(dst, x []float32)
	mul     func(dst, a, b []float32)
	scale   func(dst []float32, s float32)
	axpy    func(dst []float32, s float32, x []float32)
	sum     func(x []float32) float64
	squares func(x []float32) float64
	dot     func(a, b []float32) float64

	gelu, tanh, sigmoid             func(dst, x []float32)
	geluGrad, tanhGrad, sigmoidGrad func(dx, x, dy []float32)
	swiglu                          func(dst, gate, up []float32)
	swigluGrad                      func(dgate, dup, gate, up, dy []float32)
	geluSlope                       func(dst, x []float32)
	swigluSlopes                    func(dst, gate, up []float32)

	layerNorm     func(y, x, gain, bias []float32, eps float32) (mean, rstd float32)
	layerNormGrad func(dx, dgain, dbias, x, gain []float32, mean, rstd float32, dy []float32)
	rmsNorm       func(y, x, gain []float32, eps float32) (rstd float32)
	rmsNormGrad   func(dx, dgain, x, gain []float32, rstd float32, dy []float32)

	rowMax func(x []float32) float32
	rowDot func(x, y []float32) float32
	expSum func(dst, x []float32, scale, shift float32) float32 // dst = exp(scale·x − shift); returns the sum
	sumExp func(x []float32, shift float32) float32             // Σ exp(x − shift)

	// Scores, of which what is not seen becomes 0.
	scoresMax   func(s sight, x, top []float32)                                  // top = the largest seen of each row, or −Inf
	scoresExp   func(s sight, x []float32, factor float32, shift, sum []float32) // x = exp(factor·x − shift), sum += Σx, by row
	scoresScale func(s sight, x, factor []float32)                               // multiplies what each row sees by its factor
	scoresGrad  func(s sight, p, dp []float32, factor float32, lse, d []float32) // p = exp(factor·p − lse), dp = factor·p·(dp − d)

	log          func(dst, x []float32) // of normal numbers > 0
	lstmCell     func(h, c, gates, cPrev []float32)
	lstmCellGrad func(gates, dc, c, cPrev, dy, dh []float32)

	round   func(dst, x []float32)         // to bfloat16
	rotate  func(x, y, cos, sin []float32) // (x, y) ← (x·cos − y·sin, y·cos + x·sin)
	adamw   func(p, g, m, v []float32, a *adamFactors)
	dropout func(dst, x []float32, d *dropFactors, index uint64)
}

// first is the level to start with, where a build says so; for tests:
//
//	go test -ldflags '-X fragua/model/kernel.first=avx2' ./model/...
var first string

// active is chosen at start, from what the CPU has; see SetLevel.
var active = func() *bodies {
	for _, l := range levels {
		if l.name == first {
			return l
		}
	}
	if first != "" {
		panic("kernel: built to start with level " + first + ", which this CPU has not")
	}
	return levels[len(levels)-1]
}()

// Levels lists what can run here, from plain Go to the fastest, which is the default.
func Levels() []string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = l.name
	}
	return names
}

// Level is the level in force: "plain", "avx2", "avx512" or "avx512bf16".
func Level() string { return active.name }

// SetLevel forces a level. Call it once, before any other function of this package:
// results of two levels differ in the last bits.
func SetLevel(name string) error {
	for _, l := range levels {
		if l.name == name {
			active = l
			return nil
		}
	}
	return fmt.Errorf("kernel: this CPU has no level %q, only %s", name, strings.Join(Levels(), ", "))
}
