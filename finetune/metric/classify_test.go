package metric

import (
	"math"
	"strings"
	"testing"
)

// Recipe for the figures, scikit-learn 1.9.1:
//
//	want = list("aaaabbbccd"); got = list("aabbbbcaca"); labels = list("abcd")
//	accuracy_score(want, got), f1_score(want, got, average="macro", labels=labels)
//	precision_recall_fscore_support(want, got, labels=labels, zero_division=0)
func TestScoreClasses(t *testing.T) {
	split := func(s string) []string { return strings.Split(s, "") }
	s, err := ScoreClasses(split("abcd"), split("aaaabbbccd"), split("aabbbbcaca"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Accuracy != 0.5 || math.Abs(s.MacroF1-0.39285714285714285) > 1e-12 {
		t.Errorf("accuracy %v, macro F1 %v", s.Accuracy, s.MacroF1)
	}
	for c, want := range []PRF{{0.5, 0.5, 0.5, 4}, {0.5, 2. / 3, 4. / 7, 3}, {0.5, 0.5, 0.5, 2}, {0, 0, 0, 1}} {
		got := s.PerClass[c]
		if math.Abs(got.Precision-want.Precision)+math.Abs(got.Recall-want.Recall)+math.Abs(got.F1-want.F1) > 1e-12 || got.N != want.N {
			t.Errorf("class %s: %+v, want %+v", s.Classes[c], got, want)
		}
	}
	if _, err := ScoreClasses(split("ab"), split("a"), split("c")); err == nil {
		t.Error("a label that is no class passed")
	}
}

// Statsmodels' proportion_confint(8, 10, method="wilson") is (0.4901625, 0.9433178).
func TestWilson(t *testing.T) {
	if got, want := Wilson(8, 10), (0.9433178-0.4901625)/2; math.Abs(got-want) > 1e-6 {
		t.Errorf("got %v, want %v", got, want)
	}
	if Wilson(0, 0) != 0 || Wilson(5, 5) <= 0 {
		t.Error("the ends")
	}
}

// The bootstrap agrees with Wilson where both apply.
func TestIntervals(t *testing.T) {
	right := make([]float64, 400)
	for i := range 300 {
		right[i] = 1
	}
	got := Bootstrap(len(right), func(rows []int) float64 {
		sum := 0.0
		for _, r := range rows {
			sum += right[r]
		}
		return sum / float64(len(rows))
	})
	if want := Wilson(300, 400); math.Abs(got-want) > 0.006 {
		t.Errorf("bootstrap ±%v, Wilson ±%v", got, want)
	}
	s := scoreMatrix([]string{"a", "b"}, [][]int64{{150, 50}, {50, 150}})
	if got, want := s.MacroF1Interval(), Wilson(300, 400); math.Abs(got-want) > 0.006 {
		t.Errorf("macro F1 ±%v, want about ±%v", got, want)
	}
}
