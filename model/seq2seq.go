package model

import (
	"math"

	"fragua/model/kernel"
	"fragua/model/tensor"
)

// A sourceReader is a model with an encoder, and with cross-attention in each layer.
type sourceReader interface {
	encode(tp *tensor.Tape, source *Batch) *tensor.Tensor // (B·S, C)
	cross(layer int) *projections
}

// seq2seqDecoder is a decoder with the source's keys and values of each row and layer,
// which never change.
type seq2seqDecoder struct {
	decoder
	source []*kvRow
	looks  [][]float32 // attention of the last queries to the source, a row each; nil: not kept
}

func (d *seq2seqDecoder) read(m sourceReader, b *Batch) {
	tp := tensor.Scratch()
	states := m.encode(tp, b)
	for r := range b.B {
		h := &kvRow{k: make([][]float32, d.layers), v: make([][]float32, d.layers)}
		for t := range b.T {
			if b.Docs == nil || b.Docs[r*b.T+t] >= 0 {
				h.ids = append(h.ids, b.IDs[r*b.T+t])
			}
		}
		h.room = len(h.ids) // it never grows
		for l := range h.k {
			h.k[l], h.v[l] = make([]float32, h.room*d.kv*d.dim), make([]float32, h.room*d.kv*d.dim)
		}
		d.source = append(d.source, h)
	}
	for l := range d.layers {
		p := m.cross(l)
		k, v := tensor.Heads{X: p.K.Forward(tp, states)}, tensor.Heads{X: p.V.Forward(tp, states)}
		for r, h := range d.source {
			to := 0
			for t := range b.T {
				if b.Docs == nil || b.Docs[r*b.T+t] >= 0 {
					h.write(d.heads, l, to, 1, r*b.T+t, k, v)
					to++
				}
			}
		}
	}
}

// cross implements seq2seqContext.
func (d *seq2seqDecoder) cross(tp *tensor.Tape, layer int, q *tensor.Tensor, _ *projections) *tensor.Tensor {
	d.keys, d.values, d.lengths = d.keys[:0], d.values[:0], d.lengths[:0]
	for r := range d.rows {
		var k, v []float32
		n := 0
		if d.source != nil {
			k, v, n = d.source[r].k[layer], d.source[r].v[layer], len(d.source[r].ids)
		}
		d.keys, d.values, d.lengths = append(d.keys, k), append(d.values, v), append(d.lengths, n)
	}
	if d.looks != nil && layer == d.layers-1 {
		d.keepLooks(q)
	}
	return d.attendRows(tp, layer, tensor.Heads{X: q}, nil, false)
}

// recur implements seq2seqContext: the state of each row goes on from where it was.
func (d *seq2seqDecoder) recur(tp *tensor.Tape, layer int, f, x *tensor.Tensor) *tensor.Tensor {
	n := x.Cols()
	c := tp.Empty(x.Rows(), n)
	at := 0
	for r, h := range d.rows {
		part := func(t *tensor.Tensor) []float32 { return t.Data[at*n:][:d.fed[r]*n] }
		kernel.SSRU(part(c), part(f), part(x), h.state[layer], d.fed[r], n)
		at += d.fed[r]
		copy(h.state[layer], c.Data[(at-1)*n:])
	}
	return c
}

// look implements attentive.
func (d *seq2seqDecoder) look() { d.looks = [][]float32{} }

// looked implements attentive.
func (d *seq2seqDecoder) looked(row int) []float32 { return d.looks[row] }

// keepLooks computes the attention of each row's last query once more, and keeps its weights:
// the kernels never write them down.
func (d *seq2seqDecoder) keepLooks(q *tensor.Tensor) {
	scale := float64(d.scale(d.layers - 1))
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(d.dim))
	}
	d.looks = d.looks[:0]
	last := -1
	for r, keys := range d.keys {
		last += d.fed[r]
		mean := make([]float32, d.lengths[r])
		p := make([]float64, d.lengths[r])
		for head := range d.n {
			query := q.Data[last*q.Cols()+head*d.dim:][:d.dim]
			from := head * (len(keys) / d.kv) // cross-attention has a head of keys for each of queries
			most, sum := math.Inf(-1), 0.0
			for i := range p {
				p[i] = scale * dot(query, keys[from+i*d.dim:][:d.dim])
				most = max(most, p[i])
			}
			for i := range p {
				p[i] = math.Exp(p[i] - most)
				sum += p[i]
			}
			for i := range p {
				mean[i] += float32(p[i] / sum / float64(d.n))
			}
		}
		d.looks = append(d.looks, mean)
	}
}

// Feed implements Decoder; there are as many rows as the source has.
func (d *seq2seqDecoder) Feed(ids [][]int32) []float32 {
	if d.source != nil {
		checkFeed(ids, len(d.source))
	}
	return d.decoder.Feed(ids)
}

// Select implements Decoder.
func (d *seq2seqDecoder) Select(rows []int) {
	d.decoder.Select(rows)
	if d.source == nil {
		return
	}
	next := make([]*kvRow, len(rows))
	for i, r := range rows {
		next[i] = d.source[r]
	}
	d.source = next
}
