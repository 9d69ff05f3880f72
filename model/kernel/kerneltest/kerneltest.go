// Package kerneltest is what the tests of the kernel packages share: inputs, comparison with a
// result in float64, and timing in rounds.
package kerneltest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fragua/model/kernel/par"
)

// Random returns n normal deviates, in memory as a training's arrays are.
func Random(rng *rand.Rand, n int) []float32 {
	x := par.Zeros(n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// Near fails t unless each element of got is within tolerance·(1 + |want|).
func Near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		g := float64(got[i])
		if g != w && !(math.Abs(g-w) <= tolerance*(1+math.Abs(w))) {
			t.Errorf("%s[%d] is %g, want %g", what, i, g, w)
			return
		}
	}
}

// Rounds calls f in rounds of some milliseconds, as often as b wants, and returns the seconds of a
// call in the best and in the median round.
func Rounds(b *testing.B, f func()) (best, median float64) {
	const round = 5 * time.Millisecond
	var rounds []float64
	b.ResetTimer()
	start, calls := time.Now(), 0
	for i := range b.N {
		f()
		calls++
		if took := time.Since(start); took >= round || len(rounds) == 0 && i == b.N-1 {
			rounds = append(rounds, took.Seconds()/float64(calls))
			start, calls = time.Now(), 0
		}
	}
	slices.Sort(rounds)
	return rounds[0], rounds[len(rounds)/2]
}

// OfPeak calls f by Rounds. f does this many floating-point operations; their rate is reported, and its
// share of peak, in FLOP/s, which the caller has just measured: of the best round, since whatever else
// runs on the machine only slows, and of the median one.
func OfPeak(b *testing.B, peak, operations float64, f func()) {
	best, median := Rounds(b, f)
	b.ReportMetric(operations/best/1e9, "GFLOP/s")
	b.ReportMetric(operations/best/peak, "of-peak")
	b.ReportMetric(operations/median/peak, "of-peak-median")
}
