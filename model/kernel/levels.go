package kernel

import (
	"fmt"
	"strings"

	"fragua/model/kernel/gemm"
)

// A kernelTable holds the serial inner loops of one CPU level. Public functions check their
// arguments, cut the work into chunks, and call these. The plain ones define the results.
type kernelTable struct {
	gemm *gemm.Kernels // matrix products; it names the level

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

	// Attention scores. Those outside the visible range become 0.
	scoresMax   func(v visibleRange, x, top []float32)                                  // top = the largest visible score of each row, or −Inf
	scoresExp   func(v visibleRange, x []float32, factor float32, shift, sum []float32) // x = exp(factor·x − shift), sum += Σx, by row
	scoresScale func(v visibleRange, x, factor []float32)                               // multiplies the visible scores of each row by its factor
	scoresGrad  func(v visibleRange, p, dp []float32, factor float32, lse, d []float32) // p = exp(factor·p − lse), dp = factor·p·(dp − d)

	log          func(dst, x []float32) // of normal numbers > 0
	lstmCell     func(h, c, gates, cPrev []float32)
	lstmCellGrad func(gates, dc, c, cPrev, dy, dh []float32)

	rotate  func(x, y, cos, sin []float32) // (x, y) ← (x·cos − y·sin, y·cos + x·sin)
	adamw   func(p, g, m, v []float32, a *adamFactors)
	dropout func(dst, x []float32, d *Mask, index uint64)
}

// first forces the level to start with, at build time; for tests:
//
//	go test -ldflags '-X fragua/model/kernel.first=avx2' ./model/...
var first string

// active is the table of the level in force: the fastest of this CPU; see SetLevel.
var active = func() *kernelTable {
	for _, l := range levels {
		if l.gemm.Name == first {
			return l
		}
	}
	if first != "" {
		panic("kernel: built to start at level " + first + ", which this CPU does not have")
	}
	return levels[len(levels)-1]
}()

// levels are the tables of what can run here, the fastest last.
var levels = func() []*kernelTable {
	var tables []*kernelTable
	for _, g := range gemm.Levels() {
		t := withVectors(g)
		tables = append(tables, &t)
	}
	return tables
}()

// Levels lists the levels that can run here, from plain Go to the fastest, which is the default.
func Levels() []string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = l.gemm.Name
	}
	return names
}

// Level is the level in force: "plain", "avx2", "avx512", "avx512bf16" or "amx".
func Level() string { return active.gemm.Name }

// SetLevel forces a level. Call it once, before any other function of this package: the
// results of two levels differ in the last bits.
func SetLevel(name string) error {
	for _, l := range levels {
		if l.gemm.Name == name {
			active = l
			return nil
		}
	}
	return fmt.Errorf("kernel: this CPU has no level %q, only %s", name, strings.Join(Levels(), ", "))
}
