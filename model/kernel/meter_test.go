package kernel

import (
	"slices"
	"testing"
	"time"

	"fragua/model/kernel/par"
)

// A meter reports the rate of a benchmark and its share of the peak that was measured just
// before it: of the best of the rounds, since what else goes on in the machine only slows,
// and of the median one.
type meter struct {
	b    *testing.B
	peak float64 // FLOP/s of all workers
}

// startMeter measures what peak, a loop of 12 vectors of multiply-adds, pairs of them say,
// can do on so many workers.
func startMeter(b *testing.B, workers int, peak func(loops int), pairs float64) *meter {
	m := &meter{b: b}
	if peak != nil {
		const loops, rounds = 20_000, 20
		flops := float64(100*workers) * loops * 12 * 2 * pairs * float64(active.lanes)
		for range rounds {
			start := time.Now()
			par.For(100*workers, 1, func(int, int) { peak(loops) })
			m.peak = max(m.peak, flops/time.Since(start).Seconds())
		}
	}
	return m
}

// run calls f, which does so many operations, as often as the benchmark wants.
func (m *meter) run(operations float64, f func()) {
	best, median := timeRounds(m.b, f)
	m.b.ReportMetric(operations/best/1e9, "GFLOP/s")
	m.b.ReportMetric(operations/best/m.peak, "of-peak")
	m.b.ReportMetric(operations/median/m.peak, "of-peak-median")
}

// timeRounds calls f in rounds of a few milliseconds, as a round of the peak takes, and
// returns the seconds of a call in the best and in the median round.
func timeRounds(b *testing.B, f func()) (best, median float64) {
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
