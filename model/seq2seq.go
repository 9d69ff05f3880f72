package model

import "fragua/model/tensor"

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
}

func (d *seq2seqDecoder) read(m sourceReader, b *Batch) {
	tp := tensor.Scratch()
	states := m.encode(tp, b)
	for r := range b.B {
		h := d.empty()
		for t := range b.T {
			if b.Docs == nil || b.Docs[r*b.T+t] >= 0 {
				h.ids = append(h.ids, b.IDs[r*b.T+t])
			}
		}
		h.reserve(d.heads, len(h.ids), 0)
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
	return d.attendRows(tp, layer, tensor.Heads{X: q}, nil, false)
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
