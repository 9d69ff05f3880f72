package gemm

import (
	"runtime"
	"time"

	"fragua/model/kernel/par"
)

// Peak measures how many operations a second this many workers can do at this level, multiplying and
// adding in registers: the best of a few short runs, in FLOP/s. With bf16 it does so with the
// instructions for bfloat16. It is 0 where there are none, and at level plain.
func (t *Kernels) Peak(workers int, bf16 bool) float64 {
	f, lanes := t.peak, t.Lanes
	if bf16 {
		f, lanes = t.peakBF16, 2*t.Lanes
	}
	if f == nil {
		return 0
	}
	const parts, loops, sums = 50, 20_000, 12
	best := 0.0
	for range 5 {
		start := time.Now()
		work := par.Func(func(int, int) { f(loops) })
		if workers == 1 {
			par.Inline(parts, 1, work)
		} else {
			par.Run(parts*workers, 1, work)
		}
		flops := float64(parts*workers) * loops * sums * 2 * float64(lanes)
		best = max(best, flops/time.Since(start).Seconds())
	}
	return best
}

// readBlock is how many floats the reading loops take at a time.
const readBlock = 4 * 4096 / 4

// Bandwidth measures how many bytes a second all workers together read from x, doing nothing with
// them: the best of a few times. x should be as long as what is to be compared; less than 16 KiB at
// its end are left out.
func (t *Kernels) Bandwidth(x []float32) float64 {
	best := 0.0
	blocks := len(x) / readBlock
	for range 5 {
		start := time.Now()
		par.For(blocks, 16, func(lo, hi int) { t.readAll(x[lo*readBlock : hi*readBlock]) })
		best = max(best, 4*readBlock*float64(blocks)/time.Since(start).Seconds())
	}
	return best
}

// readPlain adds, for Go has no way to read and do nothing.
func readPlain(x []float32) {
	var a, b, c, d float32
	for i := 0; i+4 <= len(x); i += 4 {
		a, b, c, d = a+x[i], b+x[i+1], c+x[i+2], d+x[i+3]
	}
	runtime.KeepAlive(a + b + c + d)
}
