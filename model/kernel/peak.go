package kernel

import (
	"time"

	"fragua/model/kernel/par"
)

// Peak measures how many float32 operations a second the active level can do when n
// workers only multiply and add in registers: the best of a few short runs, in FLOP/s. The
// plain level has no such limit worth the name, and gives 0.
func Peak(n int) float64 { return measure(active.peak, n, active.lanes) }

// PeakBF16 is Peak for products of bfloat16; 0 where the CPU has no instructions for them.
func PeakBF16(n int) float64 { return measure(active.peakBF16, n, 2*active.lanes) }

// measure times f(loops), which does 12·loops·lanes multiply-adds.
func measure(f func(loops int), n, lanes int) float64 {
	if f == nil {
		return 0
	}
	const parts, loops = 50, 20_000
	best := 0.0
	for range 5 {
		start := time.Now()
		work := func(int, int) { f(loops) }
		if n == 1 {
			par.Inline(parts, 1, par.Func(work))
		} else {
			par.For(parts*n, 1, work)
		}
		flops := float64(parts*n) * loops * 12 * 2 * float64(lanes)
		best = max(best, flops/time.Since(start).Seconds())
	}
	return best
}
