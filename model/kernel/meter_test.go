package kernel

import (
	"testing"
	"time"
)

// A meter reports the rate of a benchmark and the share of the peak that was measured just
// before it. With one worker it counts processor time where the system tells it, so that
// other programs on the machine do not show.
type meter struct {
	b     *testing.B
	clock func() time.Duration
	peak  float64
	start time.Duration
}

// startMeter measures what peak, a loop of 12 vectors of multiply-adds, pairs of them say,
// can do on so many workers.
func startMeter(b *testing.B, workers int, peak func(loops int), pairs float64) *meter {
	m := &meter{b: b, clock: wallTime}
	if workers == 1 && processorTime() > 0 {
		m.clock = processorTime
	}
	if peak != nil {
		const loops = 20_000
		for range 5 {
			start := m.clock()
			Parallel(100*workers, 1, func(int, int) { peak(loops) })
			flops := float64(100*workers) * loops * 12 * 2 * pairs * float64(active.lanes)
			m.peak = max(m.peak, flops/(m.clock()-start).Seconds())
		}
	}
	b.ResetTimer()
	m.start = m.clock()
	return m
}

func (m *meter) report(work float64) {
	rate := work * float64(m.b.N) / (m.clock() - m.start).Seconds()
	m.b.ReportMetric(rate/1e9, "GFLOP/s")
	m.b.ReportMetric(rate/m.peak, "of-peak")
}

var epoch = time.Now()

func wallTime() time.Duration { return time.Since(epoch) }
