package kernel

import (
	"testing"
	"time"
)

// A meter reports the rate of a benchmark and the share of the peak that was measured just
// before it: by the clock, and by processor time, in which other programs on the machine
// hardly show, but neither does a worker that waits parked.
type meter struct {
	b          *testing.B
	workers    float64
	peak       rates // FLOP/s of all workers
	start      rates // seconds
	hasProcess bool
}

type rates struct{ wall, process float64 }

func now() rates { return rates{time.Since(epoch).Seconds(), processorTime().Seconds()} }

var epoch = time.Now()

// startMeter measures what peak, a loop of 12 vectors of multiply-adds, pairs of them say,
// can do on so many workers.
func startMeter(b *testing.B, workers int, peak func(loops int), pairs float64) *meter {
	m := &meter{b: b, workers: float64(workers), hasProcess: processorTime() > 0}
	if peak != nil {
		const loops = 20_000
		flops := float64(100*workers) * loops * 12 * 2 * pairs * float64(active.lanes)
		for range 5 {
			start := now()
			Parallel(100*workers, 1, func(int, int) { peak(loops) })
			end := now()
			m.peak.wall = max(m.peak.wall, flops/(end.wall-start.wall))
			m.peak.process = max(m.peak.process, m.workers*flops/(end.process-start.process))
		}
	}
	b.ResetTimer()
	m.start = now()
	return m
}

func (m *meter) report(work float64) {
	end := now()
	wall := work * float64(m.b.N) / (end.wall - m.start.wall)
	m.b.ReportMetric(wall/1e9, "GFLOP/s")
	m.b.ReportMetric(wall/m.peak.wall, "of-peak")
	if m.hasProcess {
		process := work * float64(m.b.N) * m.workers / (end.process - m.start.process)
		m.b.ReportMetric(process/1e9, "GFLOP/cpu-s")
		m.b.ReportMetric(process/m.peak.process, "of-peak-cpu")
	}
}

func wallTime() time.Duration { return time.Since(epoch) }
