package metric

import (
	"fmt"
	"math/rand/v2"
	"sort"
)

// A ClassScore is how a classifier did on a set, as scikit-learn's
// classification_report counts it (zero_division = 0).
type ClassScore struct {
	Classes  []string
	N        int64
	Accuracy float64
	MacroF1  float64 // mean of F1 over the classes that occur in the truth or in the answers
	PerClass []PRF
	Matrix   [][]int64 // rows the truth, columns the answer
}

// PRF is precision, recall and their harmonic mean for one class.
type PRF struct {
	Precision, Recall, F1 float64
	N                     int64 // rows that truly are of the class
}

// ScoreClasses compares answers with the truth. A label that is no class is an
// error.
func ScoreClasses(classes, want, got []string) (ClassScore, error) {
	at := make(map[string]int, len(classes))
	for i, c := range classes {
		at[c] = i
	}
	matrix := make([][]int64, len(classes))
	for i := range matrix {
		matrix[i] = make([]int64, len(classes))
	}
	for i := range want {
		w, ok := at[want[i]]
		g, ok2 := at[got[i]]
		if !ok || !ok2 {
			return ClassScore{}, fmt.Errorf("label %q or %q is not one of the classes %q: the examples and the model were made with different labels", want[i], got[i], classes)
		}
		matrix[w][g]++
	}
	return scoreMatrix(classes, matrix), nil
}

func scoreMatrix(classes []string, matrix [][]int64) ClassScore {
	s := ClassScore{Classes: classes, Matrix: matrix, PerClass: make([]PRF, len(classes))}
	var right int64
	present := 0
	for c := range classes {
		var is, said int64
		for o := range classes {
			is += matrix[c][o]
			said += matrix[o][c]
		}
		hit := matrix[c][c]
		right += hit
		s.N += is
		p := prf(is, said, hit)
		if is+said > 0 {
			present++
			s.MacroF1 += p.F1
		}
		s.PerClass[c] = p
	}
	if present > 0 {
		s.MacroF1 /= float64(present)
	}
	if s.N > 0 {
		s.Accuracy = float64(right) / float64(s.N)
	}
	return s
}

// AccuracyInterval is half of the 95 % interval of Accuracy.
func (s ClassScore) AccuracyInterval() float64 {
	var hits int64
	for c := range s.Matrix {
		hits += s.Matrix[c][c]
	}
	return Wilson(hits, s.N)
}

// MacroF1Interval is half of the bootstrapped 95 % interval of MacroF1. Rows that
// fall into the same cell of the matrix are alike, so cells are drawn.
func (s ClassScore) MacroF1Interval() float64 {
	if s.N < 2 {
		return 0
	}
	k := len(s.Classes)
	ends := make([]int64, 0, k*k) // cumulative counts of the cells
	var sum int64
	for _, row := range s.Matrix {
		for _, n := range row {
			sum += n
			ends = append(ends, sum)
		}
	}
	rng := rand.New(rand.NewPCG(12345, uint64(s.N)))
	scores := make([]float64, resamples)
	sampled := make([][]int64, k)
	for i := range scores {
		for c := range sampled {
			sampled[c] = make([]int64, k)
		}
		for range s.N {
			r := rng.Int64N(s.N)
			cell := sort.Search(k*k, func(i int) bool { return ends[i] > r })
			sampled[cell/k][cell%k]++
		}
		scores[i] = scoreMatrix(s.Classes, sampled).MacroF1
	}
	return half95(scores)
}
