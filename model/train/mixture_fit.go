package train

import (
	"context"
	"math"

	"fragua/model"
)

// heldOut is what the parts of a mixture say of text that neither learned from.
type heldOut struct {
	net, grams []float64 // probabilities of the targets
	x          []float32 // features, n of each
	n          int
	rows       []int // where each row's targets begin, and where the last ends
	targets    []int64
	bytes      []int64 // of each row
}

// ask collects what the parts say of at most so many rows, spread evenly.
func (m *Mixture) ask(ctx context.Context, rows Rows, lengths Lengths, most int) (*heldOut, error) {
	h := &heldOut{n: m.features(), rows: []int{0}}
	s := collector{m, h, lengths}
	_, err := BitsPerByte(ctx, s, rows, lengths, most)
	return h, err
}

// A collector is a Scorer that keeps what it is asked.
type collector struct {
	m       *Mixture
	h       *heldOut
	lengths Lengths
}

// Score implements model.Scorer.
func (c collector) Score(b *model.Batch) ([]float64, error) {
	h, ends := c.h, make([]int, b.B)
	err := c.m.predictions(b, func(p prediction) {
		h.net, h.grams = append(h.net, p.net), append(h.grams, p.grams)
		h.x = append(h.x, p.x...)
		ends[p.row]++
	})
	for r, n := range ends {
		targets, bytes := count(b.Targets[r*b.T:(r+1)*b.T], c.lengths)
		h.rows = append(h.rows, h.rows[len(h.rows)-1]+n)
		h.targets, h.bytes = append(h.targets, targets), append(h.bytes, bytes)
	}
	return make([]float64, b.B), err
}

// fit learns the weights of the mixture from some rows: those that give the
// targets the greatest probability, found by Adam from equal shares. The same
// rows give the same weights.
func (h *heldOut) fit(from, to int) []float64 {
	const steps, rate, beta1, beta2 = 300, 0.1, 0.9, 0.99
	w, g, m, v := make([]float64, h.n), make([]float64, h.n), make([]float64, h.n), make([]float64, h.n)
	first, last := h.rows[from], h.rows[to]
	for step := range steps {
		clear(g)
		for i := first; i < last; i++ {
			x := h.x[i*h.n:][:h.n]
			l := share(w, x)
			d := l * (1 - l) * (h.net[i] - h.grams[i]) / (l*h.net[i] + (1-l)*h.grams[i]) // of log p by what λ is the logistic function of
			for j, f := range x {
				g[j] += d * float64(f)
			}
		}
		now := rate * (1 - float64(step)/steps)
		for j := range w {
			d := g[j] / float64(max(last-first, 1))
			m[j] += (1 - beta1) * (d - m[j])
			v[j] += (1 - beta2) * (d*d - v[j])
			b1, b2 := 1-math.Pow(beta1, float64(step+1)), 1-math.Pow(beta2, float64(step+1))
			w[j] += now * m[j] / b1 / (math.Sqrt(v[j]/b2) + 1e-9)
		}
	}
	return w
}

// score evaluates some rows with given weights.
func (h *heldOut) score(e *Evaluation, weights []float64, from, to int) {
	h.each(e, from, to, func(i int) float64 {
		l := share(weights, h.x[i*h.n:][:h.n])
		return l*h.net[i] + (1-l)*h.grams[i]
	})
}

// each evaluates some rows by the probability of each target.
func (h *heldOut) each(e *Evaluation, from, to int, p func(i int) float64) {
	for r := from; r < to; r++ {
		nll := 0.0
		for i := h.rows[r]; i < h.rows[r+1]; i++ {
			nll -= math.Log(p(i))
		}
		e.add(nll, h.targets[r], h.bytes[r])
	}
}

// crossFit scores each half of the rows with weights that were learned on the
// other half, so that no target is scored by weights that saw it.
func (h *heldOut) crossFit() (e Evaluation) {
	n := len(h.rows) - 1
	h.score(&e, h.fit(n/2, n), 0, n/2)
	h.score(&e, h.fit(0, n/2), n/2, n)
	return e
}
