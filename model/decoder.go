package model

import (
	"fmt"

	"fragua/model/tensor"
)

// A transformer is a language model whose blocks attend through an attentionContext.
type transformer interface {
	LanguageModel
	forward(tp *tensor.Tape, ids, pos []int32, at attentionContext) *tensor.Tensor
	heads() heads
}

// decoder generates with a cache of keys and values.
//
// When a row would outgrow the model's context, all but its last context/2 ids (or what
// it is being fed, if that is more) are dropped, and those are read again from
// position 0: every state is what the model computes for that text alone.
type decoder struct {
	m       LanguageModel
	forward func(tp *tensor.Tape, ids, pos []int32) *tensor.Tensor
	tp      *tensor.Tape
	kvCache
	flat, pos, last []int32
}

func newDecoder(m transformer) *decoder {
	d := &decoder{m: m, tp: tensor.Scratch(), kvCache: kvCache{heads: m.heads()}}
	d.forward = func(tp *tensor.Tape, ids, pos []int32) *tensor.Tensor { return m.forward(tp, ids, pos, &d.kvCache) }
	return d
}

// Feed implements Decoder.
func (d *decoder) Feed(ids [][]int32) []float32 {
	d.tp.Reset()
	if d.rows == nil {
		for range ids {
			d.rows = append(d.rows, d.empty())
		}
	}
	checkFeed(ids, len(d.rows))
	if len(ids) == 0 {
		return nil
	}
	d.flat, d.pos, d.last, d.fed = d.flat[:0], d.pos[:0], d.last[:0], d.fed[:0]
	for r, fresh := range ids {
		h := d.rows[r]
		fresh = d.fit(h, fresh)
		h.reserve(d.heads, len(h.ids)+len(fresh), len(h.ids))
		for _, id := range fresh {
			d.pos = append(d.pos, int32(len(h.ids)))
			h.ids = append(h.ids, id)
		}
		d.flat = append(d.flat, fresh...)
		d.fed = append(d.fed, len(fresh))
		d.last = append(d.last, int32(len(d.flat)-1))
	}
	d.tp.Reserve(promptBytes(len(d.flat), d.m.Width(), d.layers))
	x := d.forward(d.tp, d.flat, d.pos)                 // (Σ fed, C)
	return Logits(d.tp, d.m, d.tp.Rows(x, d.last)).Data // (rows, V)
}

// promptBytes is room for the states of n ids between layers, and for what is made inside the
// widest block. Without it a prompt is read at four fifths of the speed: in memory that is new
// in each layer. What is not touched of it takes none.
func promptBytes(n, width, layers int) int64 {
	const inside = 32 // times width; GPT's is 14, a Llama's 20
	return 4 * int64(n) * int64(width) * int64(layers+inside)
}

// fit makes room for fresh ids in a row, and returns what is to be fed.
func (d *decoder) fit(h *kvRow, fresh []int32) []int32 {
	limit := d.m.Context()
	if len(h.ids)+len(fresh) <= limit {
		return fresh
	}
	keep := min(max(limit/2, len(fresh)), limit)
	all := append(append([]int32(nil), h.ids...), fresh...)
	h.ids = h.ids[:0]
	return all[len(all)-keep:]
}

// A Grower is a Decoder to which rows can be added while others are under way.
type Grower interface {
	Decoder
	// Grow adds n rows without ids behind those that are there.
	Grow(n int)
}

// Grow implements Grower.
func (d *decoder) Grow(n int) {
	for range n {
		d.rows = append(d.rows, d.empty())
	}
}

// Select implements Decoder.
func (d *decoder) Select(rows []int) { d.selectRows(rows) }

// checkFeed panics where a row is fed nothing or the number of rows is not that
// of before: mistakes of the caller.
func checkFeed(ids [][]int32, rows int) {
	if len(ids) != rows {
		panic(fmt.Sprintf("model: Feed of %d rows, the decoder has %d", len(ids), rows))
	}
	for r := range ids {
		if len(ids[r]) == 0 {
			panic(fmt.Sprintf("model: Feed of nothing to row %d", r))
		}
	}
}
