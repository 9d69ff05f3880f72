package linear

// Ridge is TF-IDF of words and pairs of words with ridge regression (Hoerl and Kennard 1970):
// FitValues of it estimates numbers.
var Ridge = Spec{Unit: ByWord, Low: 1, High: 2, Weight: TFIDF, Loss: SquaredError, Cost: 1}

// FitValues learns the number of each text. The spec's weight is TFIDF and its loss SquaredError:
// Cost is 1/alpha of scikit-learn's Ridge.
func (s Spec) FitValues(texts []string, values []float64) *Model {
	m := &Model{Spec: s, Classes: 1}
	rows := m.learn(texts)
	w, bias := solve(rows, values, same(s.Cost, len(rows)), len(m.grams.id), s.Loss)
	m.add(w, nil, bias)
	return m
}

// Value estimates the number of a text, for a model of FitValues.
func (m *Model) Value(text string) float64 { return m.margin(0, m.row(text)) }

// FitDenseValues learns the number of each vector by ridge regression; cost is 1/alpha.
func FitDenseValues(vectors [][]float32, values []float64, cost float64) *Dense {
	d := &Dense{Classes: 1}
	rows := d.standardize(vectors)
	w, bias := solve(rows, values, same(cost, len(rows)), len(d.mean), SquaredError)
	d.add(w, nil, bias)
	return d
}

// Value estimates the number of a vector, for what FitDenseValues returned.
func (d *Dense) Value(vector []float32) float64 { return d.margin(0, d.row(vector)) }

// same is a cost for each of n rows.
func same(cost float64, n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = cost
	}
	return all
}
