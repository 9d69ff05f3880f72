package linear

import (
	"fmt"
	"math"
)

// Dense classifies vectors by logistic regression, each component scaled to mean
// 0 and deviation 1 first.
type Dense struct {
	Classes     int
	mean, scale []float32 // of each component: (x − mean)·scale
	separators
}

// FitDense learns from vectors of one length and the index of the class of each.
func FitDense(vectors [][]float32, labels []int, classes int, cost float64, balance bool) (*Dense, error) {
	if err := checkClasses(labels, classes); err != nil {
		return nil, err
	}
	d := &Dense{Classes: classes}
	rows := d.standardize(vectors)
	all := costs(labels, classes, cost, balance)
	for c := range classes {
		if classes == 2 && c == 0 {
			continue
		}
		w, bias := solve(rows, against(labels, c), all, len(d.mean), Logistic)
		d.add(w, nil, bias)
	}
	return d, nil
}

// standardize learns mean and deviation of each component, and scales the vectors.
func (d *Dense) standardize(vectors [][]float32) []row {
	n := len(vectors[0])
	d.mean, d.scale = make([]float32, n), make([]float32, n)
	for k := range n {
		var sum, square float64
		for _, v := range vectors {
			sum += float64(v[k])
		}
		mean := sum / float64(len(vectors))
		for _, v := range vectors {
			square += (float64(v[k]) - mean) * (float64(v[k]) - mean)
		}
		d.mean[k] = float32(mean)
		if square > 0 {
			d.scale[k] = float32(1 / math.Sqrt(square/float64(len(vectors))))
		}
	}
	rows := make([]row, len(vectors))
	for i, v := range vectors {
		rows[i] = d.row(v)
	}
	return rows
}

// LogProbs gives the log-probability of every class.
func (d *Dense) LogProbs(vector []float32) []float64 { return d.logProbs(d.row(vector)) }

func (d *Dense) row(v []float32) row {
	r := row{val: make([]float32, len(v))}
	for k, x := range v {
		r.val[k] = (x - d.mean[k]) * d.scale[k]
	}
	return r
}

// Arrays returns the classifier's numbers.
func (d *Dense) Arrays() Arrays {
	return Arrays{Mean: d.mean, Scale: d.scale, Weights: d.weights, Bias: d.bias}
}

// NewDense returns the classifier that Arrays were taken from.
func NewDense(classes int, a Arrays) (*Dense, error) {
	if len(a.Scale) != len(a.Mean) {
		return nil, fmt.Errorf("%d means and %d scales", len(a.Mean), len(a.Scale))
	}
	if err := a.check(classes, len(a.Mean)); err != nil {
		return nil, err
	}
	return &Dense{Classes: classes, mean: a.Mean, scale: a.Scale, separators: separators{a.Weights, a.Bias}}, nil
}
