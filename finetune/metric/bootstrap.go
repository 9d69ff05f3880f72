package metric

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples is how many samples with replacement an interval is made of (Koehn 2004).
const resamples = 1000

// Bootstrap returns half the width of the 95 % interval of a figure that is
// made of the sum of n rows' stats: rows are drawn with replacement, and the
// middle 95 % of the figures are the interval. score(rows) computes the figure
// of the rows at those indices. The draws depend on n alone.
func Bootstrap(n int, score func(rows []int) float64) float64 {
	if n < 2 {
		return 0
	}
	rng := rand.New(rand.NewPCG(12345, uint64(n)))
	rows := make([]int, n)
	scores := make([]float64, resamples)
	for i := range scores {
		for j := range rows {
			rows[j] = rng.IntN(n)
		}
		scores[i] = score(rows)
	}
	return half95(scores)
}

// PairedBootstrap is the probability of a difference between two systems larger than theirs if
// they were equally good (Koehn 2004; computed as sacrebleu does): rows are drawn with replacement,
// the same ones for both, and how far the differences exceed their mean is set against the real one.
func PairedBootstrap(n int, a, b func(rows []int) float64) float64 {
	if n < 1 {
		return 1
	}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	real := math.Abs(a(rows) - b(rows))
	rng := rand.New(rand.NewPCG(12345, uint64(n)))
	differences := make([]float64, resamples)
	mean := 0.0
	for i := range differences {
		for j := range rows {
			rows[j] = rng.IntN(n)
		}
		differences[i] = math.Abs(a(rows) - b(rows))
		mean += differences[i] / resamples
	}
	larger := 0
	for _, d := range differences {
		if d-mean > real {
			larger++
		}
	}
	return float64(larger+1) / (resamples + 1)
}

// half95 returns half the width of the middle 95 % of resampled scores.
func half95(scores []float64) float64 {
	slices.Sort(scores)
	n := len(scores)
	return (scores[n-n/40-1] - scores[n/40]) / 2
}

// Wilson returns half the width of the 95 % interval of a share of hits in n
// (Wilson 1927): right for few rows and for shares near 0 and 1.
func Wilson(hits, n int64) float64 {
	if n == 0 {
		return 0
	}
	const z = 1.959963984540054
	p, m := float64(hits)/float64(n), float64(n)
	return z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
}
