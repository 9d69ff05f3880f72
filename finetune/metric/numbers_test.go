package metric

import (
	"math"
	"testing"
)

// The figures are scipy 1.17's pearsonr and spearmanr, and numpy's.
func TestNumbers(t *testing.T) {
	want := []float64{1, 2, 2, 3, 5, 4, 4, 1.5}
	got := []float64{1.2, 1.9, 2.5, 3.3, 4.1, 4.1, 2.0, 1.2}
	for name, f := range map[string][2]float64{
		"RMSE":                  {RMSE(want, got), .8139410298},
		"MAE":                   {MAE(want, got), .55},
		"Pearson":               {Pearson(want, got), .8150398631},
		"Spearman":              {Spearman(want, got), .8597560976},
		"Pearson of a constant": {Pearson(want, make([]float64, 8)), 0},
		"of itself":             {Spearman(want, want), 1},
		"nothing":               {RMSE(nil, nil), 0},
	} {
		if math.Abs(f[0]-f[1]) > 1e-9 {
			t.Errorf("%s: %.10f, want %.10f", name, f[0], f[1])
		}
	}
}
