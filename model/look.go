package model

import (
	"fmt"
	"math"

	"fragua/model/tensor"
)

// A Look is where the heads of a layer look: of each head a matrix, query by key, whose rows sum to 1.
type Look [][]float32 // Heads × (T·T)

// Looks returns where the heads of each layer of a model look in a text of at most m.Context() ids. The model must be
// a decoder with attention.
func Looks(m Model, ids []int32) ([]Look, error) {
	t, ok := m.(transformer)
	if !ok {
		return nil, fmt.Errorf("a %T does not attend to what stands before", m)
	}
	b := &Batch{B: 1, T: len(ids), IDs: ids}
	if err := b.Check(m); err != nil {
		return nil, err
	}
	w := &watcher{inBatch: t.heads().inBatch(nil, b, true), looks: make([]Look, t.heads().layers)}
	t.forward(nil, ids, positions(nil, b), w)
	return w.looks, nil
}

// A watcher is attention in a batch of one row that keeps what it saw.
type watcher struct {
	*inBatch
	looks []Look
}

func (w *watcher) attend(tp *tensor.Tape, layer int, q, k, v tensor.Heads) *tensor.Tensor {
	scale := float64(w.scale(layer))
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(w.dim))
	}
	t, window := w.T, w.window(layer)
	look := make(Look, w.n)
	for h := range look {
		look[h] = make([]float32, t*t)
		for i := range t {
			from := 0
			if window > 0 {
				from = max(0, i-window+1)
			}
			a := q.X.Data[i*q.X.Cols()+q.Col+h*w.dim:][:w.dim]
			row := look[h][i*t:][:t]
			top := math.Inf(-1)
			scores := make([]float64, i+1)
			for j := from; j <= i; j++ {
				scores[j] = scale * dot(a, k.X.Data[j*k.X.Cols()+k.Col+h/(w.n/w.kv)*w.dim:][:w.dim])
				top = max(top, scores[j])
			}
			sum := 0.0
			for j := from; j <= i; j++ {
				scores[j] = math.Exp(scores[j] - top)
				sum += scores[j]
			}
			for j := from; j <= i; j++ {
				row[j] = float32(scores[j] / sum)
			}
		}
	}
	w.looks[layer] = look
	return w.inBatch.attend(tp, layer, q, k, v)
}
