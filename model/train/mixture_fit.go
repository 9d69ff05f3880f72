package train

import (
	"context"
	"math"

	"fragua/model"
	"fragua/model/kernel/par"
)

// heldOut is what the parts of a mixture say of text that none of them learned from.
type heldOut struct {
	net, grams []float64 // probabilities of the targets
	x          []float32 // features of λ, n of each
	n          int
	order      int // of the cache
	said       []outlook
	ends       []int // where in said each target's outlooks end
	rows       []int // where each row's targets begin, and where the last ends
	targets    []int64
	bytes      []int64 // of each row
}

// ask collects what the parts say of at most this many rows, spread evenly, with a
// cache of an order.
func (m *Mixture) ask(ctx context.Context, rows Rows, lengths Lengths, most, order int) (*heldOut, error) {
	h := &heldOut{n: m.features(), order: order, rows: []int{0}}
	s := collector{m, h, lengths, newCache(order, m.grams.End())}
	_, err := BitsPerByte(ctx, s, rows, lengths, most)
	return h, err
}

// A collector is a Scorer that keeps what it is asked.
type collector struct {
	m       *Mixture
	h       *heldOut
	lengths Lengths
	cache   *cache
}

// Score implements model.Scorer.
func (c collector) Score(b *model.Batch) ([]float64, error) {
	h, ends := c.h, make([]int, b.B)
	err := c.m.predictions(b, func(p prediction) {
		h.net, h.grams = append(h.net, p.net), append(h.grams, p.grams)
		h.x = append(h.x, p.x...)
		before := gramContext(nil, h.order, c.m.grams.End(), b.IDs, documentBegin(b, p.at), p.at)
		h.said = c.cache.outlooks(h.said, before, p.sumSquares, b.Targets[p.at])
		h.ends = append(h.ends, len(h.said))
		c.cache.add(before, b.Targets[p.at])
		ends[p.row]++
	})
	for r, n := range ends {
		targets, bytes := count(b.Targets[r*b.T:(r+1)*b.T], c.lengths)
		h.rows = append(h.rows, h.rows[len(h.rows)-1]+n)
		h.targets, h.bytes = append(h.targets, targets), append(h.bytes, bytes)
	}
	return make([]float64, b.B), err
}

// outlooks are what the cache said of target i.
func (h *heldOut) outlooks(i int) []outlook {
	from := 0
	if i > 0 {
		from = h.ends[i-1]
	}
	return h.said[from:h.ends[i]]
}

// weights reads weights laid out in one array: λ's, then the gates'.
func (h *heldOut) weights(all []float64) (w mixtureWeights) {
	w.share = all[:h.n]
	for k := range h.order {
		w.gates = append(w.gates, all[h.n+k*perGate:][:perGate])
	}
	return w
}

// fit learns the weights of the mixture from some rows: those that give the
// targets the greatest probability, found by Adam from equal shares of the parts
// and little of the cache. The same rows give the same weights.
func (h *heldOut) fit(from, to int) mixtureWeights {
	const steps, rate, beta1, beta2 = 300, 0.1, 0.9, 0.99
	const open = 2 // a gate leaves σ(2) = .88 to shorter contexts
	n := h.n + h.order*perGate
	w, m, v := make([]float64, n), make([]float64, n), make([]float64, n)
	for k := range h.order {
		w[h.n+k*perGate] = open
	}
	first, last := h.rows[from], h.rows[to]
	for step := range steps {
		g := h.gradient(w, first, last)
		now := rate * (1 - float64(step)/steps)
		for j := range w {
			d := g[j] / float64(max(last-first, 1))
			m[j] += (1 - beta1) * (d - m[j])
			v[j] += (1 - beta2) * (d*d - v[j])
			b1, b2 := 1-math.Pow(beta1, float64(step+1)), 1-math.Pow(beta2, float64(step+1))
			w[j] += now * m[j] / b1 / (math.Sqrt(v[j]/b2) + 1e-9)
		}
	}
	return h.weights(w)
}

// gradient is that of Σ log p of targets [first, last). It is summed in parts
// that do not depend on the number of workers.
func (h *heldOut) gradient(all []float64, first, last int) []float64 {
	const part = 4096 // targets
	w := h.weights(all)
	parts := make([][]float64, (last-first+part-1)/part)
	par.For(len(parts), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			parts[i] = make([]float64, len(all))
			d := h.weights(parts[i])
			for t := first + i*part; t < min(first+(i+1)*part, last); t++ {
				h.addGradient(&d, &w, t)
			}
		}
	})
	sum := make([]float64, len(all))
	for _, p := range parts {
		for j, x := range p {
			sum[j] += x
		}
	}
	return sum
}

// addGradient adds to d the gradient of log p of target i.
func (h *heldOut) addGradient(d, w *mixtureWeights, i int) {
	x, said := h.x[i*h.n:][:h.n], h.outlooks(i)
	l := share(w.share, x)
	var below, gates [maxCache]float64 // p without the cache's k-th context, and its gate
	p := l*h.net[i] + (1-l)*h.grams[i]
	for k := range said {
		below[k], gates[k] = p, gate(w.gates[k], &said[k].x)
		p = gates[k]*p + (1-gates[k])*said[k].share
	}
	of := 1 / p // d log p by p, then by p without the cache
	for k := len(said) - 1; k >= 0; k-- {
		g := gates[k]
		z := of * (below[k] - said[k].share) * g * (1 - g)
		for j, f := range said[k].x {
			d.gates[k][j] += z * float64(f)
		}
		of *= g
	}
	z := of * (h.net[i] - h.grams[i]) * l * (1 - l)
	for j, f := range x {
		d.share[j] += z * float64(f)
	}
}

// score evaluates some rows with given weights.
func (h *heldOut) score(e *Evaluation, w mixtureWeights, from, to int) {
	h.each(e, from, to, func(i int) float64 {
		return w.predict(h.net[i], h.grams[i], h.x[i*h.n:][:h.n], h.outlooks(i))
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

// withoutCache is the same text as the parts alone see it.
func (h *heldOut) withoutCache() *heldOut {
	c := *h
	c.order, c.said, c.ends = 0, nil, make([]int, len(h.net))
	return &c
}
