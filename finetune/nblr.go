package finetune

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// NBLR is the baseline to beat for classification: naive-Bayes weighted
// logistic regression on binary word n-grams (Wang and Manning 2012; with
// regression, Mesnil et al. 2015). For a class, every n-gram weighs
//
//	r = log((α + rows of the class with it) / Σ …) − log((α + other rows with it) / Σ …)
//
// and a logistic regression with L2 is fitted on r∘x. More than two classes:
// one against the rest, the probabilities made to add up to one.
//
// On the sentence polarity set (5,331 + 5,331 sentences) 10-fold accuracy is
// 77 to 79 %: go test -run PolarityFolds -v ./finetune
type NBLR struct {
	Classes []string
	Order   int // n-grams of 1 to Order words; 2 by default

	grams  map[string]int32
	rows   []against // one a class; a single one where there are two classes
	counts []int     // training rows a class
}

// against is one class against the rest.
type against struct {
	weight []float32 // of each n-gram: r·w
	bias   float64
}

// FitNBLR learns from texts and the index of the class of each. The same rows
// give the same weights.
func FitNBLR(classes []string, texts []string, labels []int, order int) (*NBLR, error) {
	m := &NBLR{Classes: classes, Order: order, grams: map[string]int32{}, counts: make([]int, len(classes))}
	if m.Order == 0 {
		m.Order = 2
	}
	for _, l := range labels {
		m.counts[l]++
	}
	for c, n := range m.counts {
		if n == 0 {
			return nil, fmt.Errorf("class %q has no training rows", classes[c])
		}
	}
	if len(classes) < 2 {
		return nil, fmt.Errorf("a classifier needs two classes, not %d", len(classes))
	}
	x := make([][]int32, len(texts))
	for i, t := range texts {
		x[i] = m.features(t, true)
	}
	for c := range classes {
		if len(classes) == 2 && c == 0 {
			continue // class 1 against class 0 says it all
		}
		m.rows = append(m.rows, fitAgainst(x, labels, c, len(m.grams)))
	}
	return m, nil
}

// Predict returns the most probable class and the probability of each.
func (m *NBLR) Predict(text string) (class int, probs []float64) {
	x := m.features(text, false)
	probs = make([]float64, len(m.Classes))
	if len(m.rows) == 1 {
		p := sigmoid(m.rows[0].margin(x))
		probs[0], probs[1] = 1-p, p
	} else {
		sum := 0.0
		for c, b := range m.rows {
			probs[c] = sigmoid(b.margin(x))
			sum += probs[c]
		}
		for c := range probs {
			probs[c] /= sum
		}
	}
	for c := range probs {
		if probs[c] > probs[class] {
			class = c
		}
	}
	return class, probs
}

// features returns the sorted, distinct n-grams of a text; unknown ones are
// learned or left out.
func (m *NBLR) features(text string, learn bool) []int32 {
	ws := words(text)
	var out []int32
	for i := range ws {
		gram := ""
		for n := 0; n < m.Order && i+n < len(ws); n++ {
			gram += " " + ws[i+n]
			id, ok := m.grams[gram]
			if !ok {
				if !learn {
					continue
				}
				id = int32(len(m.grams))
				m.grams[gram] = id
			}
			out = append(out, id)
		}
	}
	slices.SortFunc(out, cmp.Compare[int32])
	return slices.Compact(out)
}

func (b against) margin(x []int32) float64 {
	z := b.bias
	for _, f := range x {
		z += float64(b.weight[f])
	}
	return z
}

// fitAgainst fits class c against the rest.
func fitAgainst(x [][]int32, labels []int, c, grams int) against {
	const alpha = 1
	with, without := make([]float64, grams), make([]float64, grams)
	for i, row := range x {
		in := without
		if labels[i] == c {
			in = with
		}
		for _, f := range row {
			in[f]++
		}
	}
	var sumWith, sumWithout float64
	for f := range with {
		with[f] += alpha
		without[f] += alpha
		sumWith += with[f]
		sumWithout += without[f]
	}
	r := with // reused
	for f := range r {
		r[f] = math.Log(with[f]/sumWith) - math.Log(without[f]/sumWithout)
	}
	y := make([]float64, len(x))
	for i := range y {
		y[i] = -1
		if labels[i] == c {
			y[i] = 1
		}
	}
	w, bias := logistic(x, r, y)
	b := against{weight: make([]float32, grams), bias: bias}
	for f := range b.weight {
		b.weight[f] = float32(r[f] * w[f])
	}
	return b
}

func sigmoid(z float64) float64 {
	if z < 0 {
		e := math.Exp(z)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-z))
}
