package metric

import (
	"cmp"
	"math"
	"slices"
)

// A LabelScore is how well rows of labels are named, each row with none, one or several.
type LabelScore struct {
	Micro    PRF // over all labels of all rows together
	MacroF1  float64
	PerLabel []PRF
	Exact    float64 // share of the rows whose labels are all right
}

// ScoreLabels compares rows of yes and no for each label.
func ScoreLabels(want, got [][]bool) LabelScore {
	rows := make([]int, len(want))
	for i := range rows {
		rows[i] = i
	}
	return ScoreLabelRows(want, got, rows)
}

// ScoreLabelRows is ScoreLabels of some rows, which may come more than once.
func ScoreLabelRows(want, got [][]bool, rows []int) (s LabelScore) {
	if len(rows) == 0 {
		return s
	}
	k := len(want[rows[0]])
	is, said, hit := make([]int64, k), make([]int64, k), make([]int64, k)
	for _, r := range rows {
		if slices.Equal(want[r], got[r]) {
			s.Exact += 1 / float64(len(rows))
		}
		for c := range k {
			if want[r][c] {
				is[c]++
			}
			if got[r][c] {
				said[c]++
			}
			if want[r][c] && got[r][c] {
				hit[c]++
			}
		}
	}
	var allIs, allSaid, allHit int64
	present := 0
	for c := range k {
		p := prf(is[c], said[c], hit[c])
		s.PerLabel = append(s.PerLabel, p)
		if is[c]+said[c] > 0 {
			present++
			s.MacroF1 += p.F1
		}
		allIs, allSaid, allHit = allIs+is[c], allSaid+said[c], allHit+hit[c]
	}
	s.MacroF1 /= float64(max(present, 1))
	s.Micro = prf(allIs, allSaid, allHit)
	return s
}

// prf are precision, recall and F1 of what is, what was said and what of it is right; 0 of nothing.
func prf(is, said, hit int64) PRF {
	p := PRF{N: is}
	if said > 0 {
		p.Precision = float64(hit) / float64(said)
	}
	if is > 0 {
		p.Recall = float64(hit) / float64(is)
	}
	if is+said > 0 {
		p.F1 = 2 * float64(hit) / float64(is+said)
	}
	return p
}

// BestThreshold is the probability from which saying yes gives the best F1; of equally good ones
// that which lies nearest to a half. Without a yes among the rows it is a half.
func BestThreshold(probs []float64, yes []bool) float64 {
	order := make([]int, len(probs))
	var is int64
	for i := range order {
		order[i] = i
		if yes[i] {
			is++
		}
	}
	if is == 0 {
		return 0.5
	}
	slices.SortStableFunc(order, func(a, b int) int { return -cmp.Compare(probs[a], probs[b]) })
	best, threshold := -1.0, 0.5
	var hit int64
	for n, i := range order {
		if yes[i] {
			hit++
		}
		if n+1 < len(order) && probs[order[n+1]] == probs[i] {
			continue // equal ones are said together
		}
		below := 0.0
		if n+1 < len(order) {
			below = probs[order[n+1]]
		}
		at := min(max((probs[i]+below)/2, 1e-6), 1-1e-6)
		if below < 0.5 && 0.5 <= probs[i] {
			at = 0.5
		}
		f1 := 2 * float64(hit) / float64(is+int64(n)+1)
		if f1 > best || f1 == best && math.Abs(at-0.5) < math.Abs(threshold-0.5) {
			best, threshold = f1, at
		}
	}
	return threshold
}

// ECE is the expected calibration error (Guo et al. 2017, equation 3): how far the probability of the
// class that is named lies from how often it is right, over bins of equal width, weighed by rows.
func ECE(probs []float64, right []bool, bins int) float64 {
	sum, hits, n := make([]float64, bins), make([]float64, bins), make([]float64, bins)
	for i, p := range probs {
		b := min(int(p*float64(bins)), bins-1)
		sum[b] += p
		n[b]++
		if right[i] {
			hits[b]++
		}
	}
	e := 0.0
	for b := range n {
		if n[b] > 0 {
			e += math.Abs(sum[b]-hits[b]) / float64(len(probs))
		}
	}
	return e
}
