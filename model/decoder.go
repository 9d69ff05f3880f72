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
	head, headBias  *tensor.Tensor // of the ids that Only named; nil: the model's
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
	x := d.forward(d.tp, d.flat, d.pos) // (Σ fed, C)
	if d.head != nil {
		return d.tp.Linear(d.tp.Rows(x, d.last), d.head, d.headBias).Data // (rows, ids of Only)
	}
	return Logits(d.tp, d.m, d.tp.Rows(x, d.last)).Data // (rows, V)
}

// A Shortlister is a Decoder that can compute the logits of some ids alone, which is where small
// models with large vocabularies spend their time.
type Shortlister interface {
	Decoder
	// Only makes Feed return rows × len(ids) logits, of these ids in this order.
	Only(ids []int32)
}

// Only implements Shortlister.
func (d *decoder) Only(ids []int32) {
	d.head = rowsOf(d.m.Head(), ids)
	if b := headBias(d.m); b != nil {
		d.headBias = tensor.New(1, len(ids))
		for i, id := range ids {
			d.headBias.Data[i] = b.Data[id]
		}
	}
}

// rowsOf copies rows of a matrix, quantized if it is.
func rowsOf(w *tensor.Tensor, ids []int32) *tensor.Tensor {
	if w.Quantized != nil {
		return &tensor.Tensor{Shape: []int{len(ids), w.Cols()}, Quantized: w.Quantized.Rows(ids)}
	}
	some, n := tensor.New(len(ids), w.Cols()), w.Cols()
	for i, id := range ids {
		copy(some.Data[i*n:][:n], w.Data[int(id)*n:])
	}
	return some
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
	h.restart()
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
