package linear

import (
	"slices"
	"testing"
)

// The numbers are scikit-learn 1.9.1's: TfidfVectorizer(sublinear_tf=True) of words 1–2 with
// Ridge(alpha=1), and StandardScaler with Ridge(alpha=2).
func TestRidgeAgainstScikitLearn(t *testing.T) {
	m := Ridge.FitValues(append(slices.Clone(good), bad...), []float64{5, 4.5, 4, 4, 3.5, 5, 1, 2, 1.5, 2.5, 1, .5})
	var got []float64
	for _, text := range says {
		got = append(got, m.Value(text))
	}
	if !near(got, 3.5574, 2.4483, 2.8149, 2.5891) {
		t.Errorf("texts: %.4f", got)
	}
	d := FitDenseValues([][]float32{{1, 2}, {2, 1}, {3, 5}, {-1, 0}, {0, 2}, {4, 4}}, []float64{1, 2, 4, -1, 0, 5}, .5)
	got = nil
	for _, v := range [][]float32{{1.5, 2.5}, {2.5, 1.5}, {3.5, 5.5}, {-.5, .5}} {
		got = append(got, d.Value(v))
	}
	if !near(got, 1.8949, 2.2254, 4.4025, -.2434) {
		t.Errorf("vectors: %.4f", got)
	}
}
