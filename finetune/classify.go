package finetune

import (
	"fmt"
	"math/rand/v2"
	"sort"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// A ClassScore is what a classifier did on a set, as scikit-learn's
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
			return ClassScore{}, fault.Hintf(fmt.Errorf("label %q or %q is not one of the classes %q", want[i], got[i], classes),
				"the examples and the model were made with different labels")
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
		p := PRF{N: is}
		if said > 0 {
			p.Precision = float64(hit) / float64(said)
		}
		if is > 0 {
			p.Recall = float64(hit) / float64(is)
		}
		if is+said > 0 {
			p.F1 = 2 * float64(hit) / float64(is+said)
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

// Figures is the score as figures, under a note that says of whom they are.
func (s ClassScore) Figures(note string) []pipeline.Figure {
	return []pipeline.Figure{
		{Name: "accuracy", Value: s.Accuracy, PlusMinus: wilson(s.hits(), s.N), N: s.N, Better: "higher", Note: note},
		{Name: "macro F1", Value: s.MacroF1, PlusMinus: s.macroSpread(), N: s.N, Better: "higher", Note: note},
	}
}

// ClassFigures is precision, recall and F1 of each class.
func (s ClassScore) ClassFigures(note string) []pipeline.Figure {
	var fs []pipeline.Figure
	for c, p := range s.PerClass {
		name := s.Classes[c]
		fs = append(fs,
			pipeline.Figure{Name: "precision of " + name, Value: p.Precision, N: p.N, Better: "higher", Note: note},
			pipeline.Figure{Name: "recall of " + name, Value: p.Recall, N: p.N, Better: "higher", Note: note},
			pipeline.Figure{Name: "F1 of " + name, Value: p.F1, N: p.N, Better: "higher", Note: note})
	}
	return fs
}

// Confusion is the matrix as metrics.json holds it.
func (s ClassScore) Confusion() *pipeline.Confusion {
	return &pipeline.Confusion{Labels: s.Classes, Rows: s.Matrix}
}

func (s ClassScore) hits() (n int64) {
	for c := range s.Matrix {
		n += s.Matrix[c][c]
	}
	return n
}

// macroSpread is half the bootstrapped 95 % interval of macro-F1. Rows that
// fall into the same cell of the matrix are alike, so cells are drawn.
func (s ClassScore) macroSpread() float64 {
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
	draw := make([][]int64, k)
	for i := range scores {
		for c := range draw {
			draw[c] = make([]int64, k)
		}
		for range s.N {
			r := rng.Int64N(s.N)
			cell := sort.Search(k*k, func(i int) bool { return ends[i] > r })
			draw[cell/k][cell%k]++
		}
		scores[i] = scoreMatrix(s.Classes, draw).MacroF1
	}
	return half95(scores)
}
