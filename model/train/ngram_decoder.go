package train

import (
	"math"

	"fragua/model"
	"fragua/model/kernel/par"
	"fragua/model/ngram"
)

// An ngramGenerator goes on with texts by an n-gram model.
type ngramGenerator struct{ *ngram.Model }

// Context implements model.Generator: rows may be as long as one likes, though only the last
// order−1 ids count.
func (g ngramGenerator) Context() int { return math.MaxInt32 }

// Decoder implements model.Generator.
func (g ngramGenerator) Decoder() model.Decoder { return &ngramDecoder{m: g.Model} }

type ngramDecoder struct {
	m    *ngram.Model
	rows [][]int32 // the last ids of each row, with the end id where its text begins
	logp []float32
}

// Feed implements model.Decoder. What it returns are log-probabilities.
func (d *ngramDecoder) Feed(ids [][]int32) []float32 {
	if d.rows == nil {
		d.rows = make([][]int32, len(ids))
		for r := range d.rows {
			d.rows[r] = []int32{d.m.End()}
		}
	}
	v := d.m.Vocab()
	d.logp = make([]float32, len(ids)*v)
	par.For(len(ids), 1, func(lo, hi int) {
		p := make([]float64, v)
		for r := lo; r < hi; r++ {
			all := append(append([]int32(nil), d.rows[r]...), ids[r]...)
			d.rows[r] = all[max(0, len(all)-d.m.Order()+1):]
			d.m.Distribution(p, d.rows[r])
			for id, x := range p {
				d.logp[r*v+id] = float32(math.Log(x))
			}
		}
	})
	return d.logp
}

// Select implements model.Decoder. Rows are never changed in place, so they may share their ids.
func (d *ngramDecoder) Select(rows []int) {
	next := make([][]int32, len(rows))
	for i, r := range rows {
		next[i] = d.rows[r]
	}
	d.rows = next
}
