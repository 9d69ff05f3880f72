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
type heads struct {
	layers, n, kv, dim int
	scales             []float32 // of each layer's scores; nil: 1/√dim
	windows            []int     // of each layer, see kernel.Attention; nil: none
}

func (h *heads) scale(layer int) float32 {
	if h.scales == nil {
		return 0
	}
	return h.scales[layer]
}

func (h *heads) window(layer int) int {
	if h.windows == nil {
		return 0
	}
	return h.windows[layer]
}

// inBatch is self-attention within the rows of a batch, and within their documents.
type inBatch struct {
	heads
	kernel.Attention
	bias *tensor.Tensor // of positions, (2·far+1, Heads); nil: none
}

func (a *inBatch) attend(tp *tensor.Tape, layer int, q, k, v tensor.Heads) *tensor.Tensor {
	at := a.Attention
	at.Scale, at.Window = a.scale(layer), a.window(layer)
	return tp.BiasedAttention(q, k, v, a.bias, at)
}

func (h heads) inBatch(tp *tensor.Tape, b *Batch, causal bool) *inBatch {
	at := tensor.Temp[inBatch](tp)
	*at = inBatch{heads: h}
	at.Attention = kernel.Attention{B: b.B, T: b.T, S: b.T, Heads: h.n, KVHeads: h.kv, Dim: h.dim,
		Causal: causal, Docs: b.Docs, KeyDocs: b.Docs}
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
