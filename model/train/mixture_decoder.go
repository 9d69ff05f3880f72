package train

import (
	"math"
	"slices"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// Decoder generates with the mixture.
func (m *Mixture) Decoder() model.Decoder { return &mixtureDecoder{m: m, net: m.net.Decoder()} }

type mixtureDecoder struct {
	m      *Mixture
	net    model.Decoder
	rows   [][]int32 // the ids of each row
	caches []*cache  // of each row's text
	logp   []float32
}

// Feed implements model.Decoder. What it returns are log-probabilities.
func (d *mixtureDecoder) Feed(ids [][]int32) []float32 {
	if d.rows == nil {
		d.rows, d.caches = make([][]int32, len(ids)), make([]*cache, len(ids))
		for r := range ids {
			d.caches[r] = d.m.newCache()
		}
	}
	for r, fresh := range ids {
		d.append(r, fresh)
	}
	v := d.m.Vocab()
	d.logp = append(d.logp[:0], d.net.Feed(ids)...)
	targets, losses := make([]int32, len(ids)), make([]float64, len(ids))
	kernel.CrossEntropy(losses, d.logp, targets, v, 1, true)
	par.For(len(ids), 1, func(lo, hi int) {
		mixed := make([]float64, v)
		for r := lo; r < hi; r++ {
			p := d.logp[r*v:][:v]
			p[0]++ // the target
			d.mix(mixed, p, d.rows[r], d.caches[r])
			for id, q := range mixed {
				p[id] = float32(math.Log(q))
			}
		}
	})
	return d.logp
}

// append adds ids to a row, which its cache counts; of the first nothing is predicted.
func (d *mixtureDecoder) append(r int, ids []int32) {
	for _, id := range ids {
		if at := len(d.rows[r]) - 1; at >= 0 {
			d.caches[r].add(d.context(d.rows[r], at, len(d.m.gates)), id)
		}
		d.rows[r] = append(d.rows[r], id)
	}
}

func (d *mixtureDecoder) context(row []int32, at, order int) []int32 {
	return gramContext(nil, order, d.m.grams.End(), row, 0, at)
}

// mix sets dst to the probabilities of all ids after a row, of which the network says net.
func (d *mixtureDecoder) mix(dst []float64, net []float32, row []int32, c *cache) {
	m, x, sure := d.m, make([]float32, d.m.features()), sumSquares(net)
	before := d.context(row, len(row)-1, m.grams.Order())
	m.grams.Distribution(dst, before)
	m.describe(x, m.grams.Match(before), sure, min(len(row), m.Context()))
	l := share(m.share, x)
	for id := range dst {
		dst[id] = l*float64(net[id]) + (1-l)*dst[id]
	}
	for k, f := range c.known(nil, d.context(row, len(row)-1, len(m.gates))) {
		features := f.describe(sure)
		g := gate(m.gates[k], &features)
		for id := range dst {
			dst[id] *= g
		}
		for i, id := range f.ids {
			dst[id] += (1 - g) * float64(f.count[i]) / float64(f.sum)
		}
	}
}

// Select implements model.Decoder.
func (d *mixtureDecoder) Select(rows []int) {
	d.net.Select(rows)
	old := d.rows
	d.rows, d.caches = make([][]int32, len(rows)), make([]*cache, len(rows))
	for i, r := range rows {
		d.caches[i] = d.m.newCache()
		d.append(i, slices.Clone(old[r])) // a cache is read again: that costs less than a step of the network
	}
}
