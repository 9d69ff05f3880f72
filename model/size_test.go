package model

import (
	"math/rand/v2"
	"testing"

	"fragua/model/nn"
	"fragua/model/tensor"
)

// TestSize holds what is estimated against what one step takes.
func TestSize(t *testing.T) {
	for _, tt := range []struct {
		a                    Arch
		vocab, context, rows int
	}{
		{&GPT{Layers: 3, Heads: 2, Width: 32}, 61, 48, 2},
		{&GPT{Layers: 1, Heads: 4, Width: 64, Dropout: .1}, 2000, 32, 1},
		{&GPT{Layers: 6, Heads: 2, Width: 32, Recompute: true}, 61, 48, 2},
		{&Llama{Layers: 6, Heads: 2, Width: 32, Theta: 1e4, Recompute: true}, 61, 48, 2},
		{&EncDec{Encoder: 2, Decoder: 2, Heads: 2, Width: 32, Hidden: 64}, 61, 48, 2},
		{&EncDec{Encoder: 2, Decoder: 2, Heads: 2, Width: 32, Hidden: 64, Cell: SSRU}, 61, 48, 2},
		{&LSTM{Layers: 3, Width: 32, Hidden: 64, Tied: true}, 61, 48, 4},
		{&LSTM{Layers: 2, Width: 32, Tied: true, Dropout: .1, WeightDropout: .3}, 61, 48, 4},
		{&NNLM{Order: 4, Width: 32, Hidden: 100}, 300, 48, 4},
		{&Llama{Layers: 3, Heads: 4, KVHeads: 2, Width: 32, Theta: 1e4, Tied: true}, 61, 48, 2},
		{&Llama{Layers: 2, Heads: 2, Width: 64, Hidden: 300, Theta: 1e4}, 500, 16, 3},
		{&Llama{Layers: 3, Heads: 4, KVHeads: 1, Width: 32, Theta: 1e4, Tied: true, Parallel: true}, 61, 48, 2},
	} {
		m, err := tt.a.Build(tt.vocab, tt.context, 1)
		if err != nil {
			t.Fatal(err)
		}
		size := tt.a.Size(tt.vocab, tt.context, tt.rows)
		if n := nn.Count(m.Params()); size.Params != int64(n) {
			t.Errorf("%+v: %d parameters estimated, there are %d", tt.a, size.Params, n)
		}
		if of := SizeOf(m, tt.context, tt.rows); of != size {
			t.Errorf("%+v: built, its size is %+v, want %+v", tt.a, of, size)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		b := &Batch{B: tt.rows, T: tt.context}
		for range tt.rows * tt.context {
			b.IDs, b.Targets = append(b.IDs, int32(rng.IntN(tt.vocab))), append(b.Targets, int32(rng.IntN(tt.vocab)))
		}
		if _, reads := m.(Seq2Seq); reads {
			b.Source = b
		}
		tp := tensor.NewTape(1)
		tp.Train = true
		tp.Backward(m.Loss(tp, b).Total)
		if ratio := float64(size.Tape) / float64(tp.Bytes()); ratio < .95 || ratio > 1.05 {
			t.Errorf("%+v: %d bytes of tape estimated, it took %d", tt.a, size.Tape, tp.Bytes())
		}
	}
}
