package metric

import (
	"math"
	"testing"
)

// The figures are those of scikit-learn's f1_score with average="micro" and "macro", and of
// accuracy_score of rows.
func TestScoreLabels(t *testing.T) {
	want := [][]bool{{true, false, false}, {true, true, false}, {false, false, false}, {false, true, false}}
	got := [][]bool{{true, false, false}, {true, false, false}, {false, true, false}, {false, true, false}}
	s := ScoreLabels(want, got)
	if s.Exact != 0.5 || math.Abs(s.Micro.F1-0.75) > 1e-12 || math.Abs(s.MacroF1-0.75) > 1e-12 || s.PerLabel[1].F1 != 0.5 || s.PerLabel[2].F1 != 0 {
		t.Errorf("%+v", s)
	}
	if s := ScoreLabelRows(want, got, []int{0, 0}); s.Exact != 1 || s.Micro.F1 != 1 {
		t.Errorf("%+v", s)
	}
	if s := ScoreLabels(nil, nil); s.Exact != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBestThreshold(t *testing.T) {
	for _, c := range []struct {
		probs []float64
		yes   []bool
		want  float64
	}{
		{[]float64{.9, .8, .3, .2}, []bool{true, true, true, false}, .25},
		{[]float64{.9, .8, .3, .2}, []bool{true, true, false, false}, .5},
		{[]float64{.9, .8}, []bool{false, false}, .5},
		{[]float64{.4, .4, .1}, []bool{true, true, false}, .25},
		{nil, nil, .5},
	} {
		if got := BestThreshold(c.probs, c.yes); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v %v: %v, want %v", c.probs, c.yes, got, c.want)
		}
	}
}

func TestECE(t *testing.T) {
	// Two bins: .8 and .9 are right once of twice, .55 always.
	if got, want := ECE([]float64{.8, .9, .55}, []bool{true, false, true}, 2), math.Abs(.8+.9+.55-2)/3; math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := ECE([]float64{1, 1}, []bool{true, true}, 15); got != 0 {
		t.Errorf("%v", got)
	}
}
