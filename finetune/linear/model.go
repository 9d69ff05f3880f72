package linear

import (
	"errors"
	"fmt"
	"math"
)

// Weight is how much an n-gram counts in a text.
type Weight string

// The weights.
const (
	// NaiveBayes: 1 if present, times r = log((1 + rows of the class with it)/Σ) −
	// log((1 + other rows with it)/Σ) (Wang and Manning 2012).
	NaiveBayes Weight = "naive_bayes"
	// TFIDF: (1 + log count)·(1 + log((1 + rows)/(1 + rows with it))), each row
	// scaled to length 1, as scikit-learn's TfidfVectorizer with sublinear_tf.
	TFIDF Weight = "tfidf"
)

// A Spec is the settings of a Model of texts.
type Spec struct {
	Unit   Unit    `json:"unit"`
	Low    int     `json:"low"` // orders of the n-grams
	High   int     `json:"high"`
	Weight Weight  `json:"weight"`
	Loss   Loss    `json:"loss"`
	Cost   float64 `json:"cost"` // of the loss, against ½‖w‖²; 1 is usual
	// Blend moves the weights towards their mean size: (1 − Blend)·mean|w| +
	// Blend·w (Wang and Manning 2012, section 2.3). 0 and 1 leave them alone.
	Blend float64 `json:"blend,omitempty"`
}

// The specs of the usual baselines.
var (
	NBLR    = Spec{Unit: ByWord, Low: 1, High: 2, Weight: NaiveBayes, Loss: Logistic, Cost: 1}
	NBSVM   = Spec{Unit: ByWord, Low: 1, High: 2, Weight: NaiveBayes, Loss: SquaredHinge, Cost: 1, Blend: 0.25}
	TFWords = Spec{Unit: ByWord, Low: 1, High: 2, Weight: TFIDF, Loss: Logistic, Cost: 4}
	NBChars = Spec{Unit: ByCharacter, Low: 1, High: 5, Weight: NaiveBayes, Loss: Logistic, Cost: 1}
	TFChars = Spec{Unit: ByCharacter, Low: 1, High: 5, Weight: TFIDF, Loss: Logistic, Cost: 16}
)

// A Model classifies texts.
type Model struct {
	Spec
	Classes int
	grams   vocabulary
	idf     []float32 // of each n-gram; nil for NaiveBayes
	separators
}

// separators are one class against the rest, for each class; of two classes the
// second against the first alone.
type separators struct {
	weights [][]float32
	bias    []float32
}

// Fit learns from texts and the index of the class of each; balance weighs each
// class by rows / (classes · rows of the class). The same rows give the same
// weights. A class without rows is an error.
func (s Spec) Fit(texts []string, labels []int, classes int, balance bool) (*Model, error) {
	if err := checkClasses(labels, classes); err != nil {
		return nil, err
	}
	m := &Model{Spec: s, Classes: classes}
	rows := m.learn(texts)
	n := len(m.grams.id)
	cost := costs(labels, classes, s.Cost, balance)
	for c := range classes {
		if classes == 2 && c == 0 {
			continue // class 1 against class 0 is enough
		}
		y := against(labels, c)
		x := rows
		var ratio []float32
		if s.Weight == NaiveBayes {
			ratio = ratios(rows, y, n)
			x = make([]row, len(rows))
			for i, r := range rows {
				x[i].id = r.id
				for _, f := range r.id {
					x[i].val = append(x[i].val, ratio[f])
				}
			}
		}
		w, bias := solve(x, y, cost, n, s.Loss)
		m.add(blend(w, s.Blend), ratio, bias)
	}
	return m, nil
}

// learn numbers the n-grams of texts, and weighs them with TFIDF.
func (m *Model) learn(texts []string) []row {
	m.grams = vocabulary{m.Unit, m.Low, m.High, map[string]int32{}}
	rows := make([]row, len(texts))
	for i, t := range texts {
		rows[i].id, rows[i].val = m.grams.counts(t, true)
	}
	if m.Weight == TFIDF {
		m.fitIDF(rows, len(m.grams.id))
		for _, r := range rows {
			m.tfidf(r)
		}
	}
	return rows
}

// LogProbs gives the log-probability of every class.
func (m *Model) LogProbs(text string) []float64 { return m.logProbs(m.row(text)) }

func (m *Model) row(text string) (r row) {
	r.id, r.val = m.grams.counts(text, false)
	if m.Weight == TFIDF {
		m.tfidf(r)
		return r
	}
	for k := range r.val {
		r.val[k] = 1
	}
	return r
}

// Arrays are all numbers of a model: with its Spec they are what a file holds.
type Arrays struct {
	Grams   []string    // by number
	IDF     []float32   // of each n-gram; nil for NaiveBayes
	Mean    []float32   // of each component of a vector
	Scale   []float32   // of each component of a vector
	Weights [][]float32 // of each class, or of the second of two
	Bias    []float32
}

// Arrays returns the model's numbers.
func (m *Model) Arrays() Arrays {
	return Arrays{Grams: m.grams.list(), IDF: m.idf, Weights: m.weights, Bias: m.bias}
}

// New returns the model that Arrays were taken from. Arrays that do not fit
// together are an error.
func (s Spec) New(classes int, a Arrays) (*Model, error) {
	n := len(a.Grams)
	if s.Weight == TFIDF && len(a.IDF) != n {
		return nil, fmt.Errorf("%d n-grams have %d weights", n, len(a.IDF))
	}
	if err := a.check(classes, n); err != nil {
		return nil, err
	}
	m := &Model{Spec: s, Classes: classes, grams: vocabulary{s.Unit, s.Low, s.High, make(map[string]int32, n)}, idf: a.IDF, separators: separators{a.Weights, a.Bias}}
	for i, g := range a.Grams {
		m.grams.id[g] = int32(i)
	}
	if len(m.grams.id) != n {
		return nil, errors.New("an n-gram is there twice")
	}
	return m, nil
}

func (a Arrays) check(classes, n int) error {
	want := classes
	if classes == 2 {
		want = 1
	}
	if classes < 2 || len(a.Weights) != want || len(a.Bias) != want {
		return fmt.Errorf("%d rows of weights and %d biases for %d classes", len(a.Weights), len(a.Bias), classes)
	}
	for _, w := range a.Weights {
		if len(w) != n {
			return fmt.Errorf("%d weights for %d inputs", len(w), n)
		}
	}
	return nil
}

func (s *separators) add(w []float64, ratio []float32, bias float64) {
	out := make([]float32, len(w))
	for f, v := range w {
		out[f] = float32(v)
		if ratio != nil {
			out[f] = float32(v * float64(ratio[f]))
		}
	}
	s.weights, s.bias = append(s.weights, out), append(s.bias, float32(bias))
}

// margin is w·x + bias of row k of the weights.
func (s *separators) margin(k int, r row) float64 {
	z := float64(s.bias[k])
	w := s.weights[k]
	if r.id == nil {
		for i, v := range r.val {
			z += float64(float64(v) * float64(w[i]))
		}
	}
	for i, f := range r.id {
		z += float64(float64(r.val[i]) * float64(w[f]))
	}
	return z
}

// logProbs turns margins into log-probabilities: of one against the rest, sigmoids
// that are made to add up to 1.
func (s *separators) logProbs(r row) []float64 {
	if len(s.weights) == 1 {
		z := s.margin(0, r)
		return []float64{logSigmoid(-z), logSigmoid(z)}
	}
	out := make([]float64, len(s.weights))
	for k := range out {
		out[k] = logSigmoid(s.margin(k, r))
	}
	sum := LogSum(out)
	for k := range out {
		out[k] -= sum
	}
	return out
}

func (m *Model) fitIDF(rows []row, n int) {
	df := make([]int, n)
	for _, r := range rows {
		for _, f := range r.id {
			df[f]++
		}
	}
	m.idf = make([]float32, n)
	for f, d := range df {
		m.idf[f] = float32(1 + math.Log(float64(1+len(rows))/float64(1+d)))
	}
}

// tfidf turns counts into weights.
func (m *Model) tfidf(r row) {
	square := 0.0
	for k, f := range r.id {
		v := (1 + math.Log(float64(r.val[k]))) * float64(m.idf[f])
		r.val[k] = float32(v)
		square += float64(v * v)
	}
	if square == 0 {
		return
	}
	scale := float32(1 / math.Sqrt(square))
	for k := range r.val {
		r.val[k] *= scale
	}
}

// ratios are the log-count ratios of rows with y = 1 to rows with y = −1.
func ratios(rows []row, y []float64, n int) []float32 {
	with, without := make([]float64, n), make([]float64, n)
	for f := range with {
		with[f], without[f] = 1, 1
	}
	for i, r := range rows {
		in := without
		if y[i] > 0 {
			in = with
		}
		for _, f := range r.id {
			in[f]++
		}
	}
	var sumWith, sumWithout float64
	for f := range with {
		sumWith += with[f]
		sumWithout += without[f]
	}
	r := make([]float32, n)
	for f := range r {
		r[f] = float32(math.Log(with[f]/sumWith) - math.Log(without[f]/sumWithout))
	}
	return r
}

func blend(w []float64, share float64) []float64 {
	if share == 0 || share == 1 {
		return w
	}
	mean := 0.0
	for _, v := range w {
		mean += math.Abs(v)
	}
	mean /= float64(len(w))
	for f, v := range w {
		w[f] = float64((1-share)*mean) + float64(share*v)
	}
	return w
}

func against(labels []int, c int) []float64 {
	y := make([]float64, len(labels))
	for i, l := range labels {
		y[i] = -1
		if l == c {
			y[i] = 1
		}
	}
	return y
}

func costs(labels []int, classes int, cost float64, balance bool) []float64 {
	rows := make([]float64, classes)
	for _, l := range labels {
		rows[l]++
	}
	out := make([]float64, len(labels))
	for i, l := range labels {
		out[i] = cost
		if balance {
			out[i] *= float64(len(labels)) / (float64(classes) * rows[l])
		}
	}
	return out
}

func checkClasses(labels []int, classes int) error {
	rows := make([]int, classes)
	for _, l := range labels {
		rows[l]++
	}
	for c, n := range rows {
		if n == 0 {
			return fmt.Errorf("class %d of %d has no training rows", c, classes)
		}
	}
	if classes < 2 {
		return fmt.Errorf("a classifier needs two classes, not %d", classes)
	}
	return nil
}

func logSigmoid(z float64) float64 {
	if z > 0 {
		return -math.Log1p(math.Exp(-z))
	}
	return z - math.Log1p(math.Exp(z))
}
