package metric

import (
	"cmp"
	"math"
	"slices"
)

// RMSE is the root of the mean squared difference.
func RMSE(want, got []float64) float64 {
	sum := 0.0
	for i, w := range want {
		sum += float64((got[i] - w) * (got[i] - w))
	}
	return math.Sqrt(sum / float64(max(len(want), 1)))
}

// MAE is the mean absolute difference.
func MAE(want, got []float64) float64 {
	sum := 0.0
	for i, w := range want {
		sum += math.Abs(got[i] - w)
	}
	return sum / float64(max(len(want), 1))
}

// Pearson is the correlation of two series; 0 where one of them does not vary.
func Pearson(a, b []float64) float64 {
	ma, sa := Moments(a)
	mb, sb := Moments(b)
	if sa == 0 || sb == 0 {
		return 0
	}
	sum := 0.0
	for i := range a {
		sum += float64((a[i] - ma) * (b[i] - mb))
	}
	return sum / (float64(len(a)) * sa * sb)
}

// Spearman is the correlation of the ranks of two series; equal numbers share the mean of their ranks.
func Spearman(a, b []float64) float64 { return Pearson(ranks(a), ranks(b)) }

func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	out := make([]float64, len(x))
	for from := 0; from < len(x); {
		to := from + 1
		for to < len(x) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			out[i] = float64(from+to-1) / 2
		}
		from = to
	}
	return out
}

// Moments are the mean and the standard deviation of all of a series.
func Moments(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(max(len(x), 1))
	for _, v := range x {
		deviation += float64((v - mean) * (v - mean))
	}
	return mean, math.Sqrt(deviation / float64(max(len(x), 1)))
}
