package model

import (
	"fragua/model/kernel"
	"fragua/model/tensor"
)

// An attentionContext is where a block's queries find their keys: in the same batch,
// or in the cache of what was fed before. So the blocks of an architecture are
// written once for training and decoding.
type attentionContext interface {
	// attend takes q (N, H·D), k and v (N, KV·D) of a layer to (N, H·D).
	attend(tp *tensor.Tape, layer int, q, k, v tensor.Heads) *tensor.Tensor
}

// heads is the shape of the attention of all layers of a model.
type heads struct{ layers, n, kv, dim int }

// inBatch is causal self-attention within the rows of a batch, and within
// their documents.
type inBatch struct{ kernel.Attention }

func (a *inBatch) attend(tp *tensor.Tape, _ int, q, k, v tensor.Heads) *tensor.Tensor {
	return tp.Attention(q, k, v, a.Attention)
}

func (h heads) inBatch(tp *tensor.Tape, b *Batch) *inBatch {
	at := tensor.Temp[inBatch](tp)
	at.Attention = kernel.Attention{B: b.B, T: b.T, S: b.T, Heads: h.n, KVHeads: h.kv, Dim: h.dim,
		Causal: true, Docs: b.Docs, KeyDocs: b.Docs}
	return at
}

// recomputes reports whether the blocks' results for n ids are to be freed as soon as they can
// be: always in inference, except where it is of few ids and nothing is gained.
func recomputes(tp *tensor.Tape, recompute bool, n int) bool {
	return recompute || !tp.Recording() && n > 16
}

// positions counts from 0 in each row, and again from 0 in each document.
func positions(tp *tensor.Tape, b *Batch) []int32 {
	pos := tp.Ints(b.B * b.T)
	for i := range pos {
		switch {
		case i%b.T == 0, b.Docs != nil && b.Docs[i] != b.Docs[i-1]:
			pos[i] = 0
		default:
			pos[i] = pos[i-1] + 1
		}
	}
	return pos
}
