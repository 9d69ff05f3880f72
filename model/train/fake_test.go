package train

import (
	"math/rand/v2"

	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// bigram is the smallest language model: the next id's logits are a product of
// the last id's row and the head.
type bigram struct{ rows, head, bias *tensor.Tensor }

func newBigram(vocab, width int, seed uint64) *bigram {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := &bigram{tensor.Param(vocab, width), tensor.Param(vocab, width), tensor.Param(width)}
	for _, w := range [][]float32{m.rows.Data, m.head.Data} {
		for i := range w {
			w[i] = float32(rng.NormFloat64()) * 0.1
		}
	}
	return m
}

func (m *bigram) Params() []nn.Param {
	return []nn.Param{
		{Name: "rows", Tensor: m.rows, Decay: true, Group: 0},
		{Name: "bias", Tensor: m.bias, Group: 1},
		{Name: "head", Tensor: m.head, Decay: true, Group: 2},
	}
}

func (m *bigram) Loss(tp *tensor.Tape, b *model.Batch) model.Loss {
	x := tp.Rows(m.rows, b.IDs)
	x = tp.LayerNorm(x, m.one(), m.bias, 1e-5)
	total, nll, n := tp.HeadLoss(x, m.head, b.Targets, tensor.HeadOptions{Norm: b.Norm})
	return model.Loss{Total: total, NLL: nll, Targets: n}
}

func (m *bigram) one() *tensor.Tensor {
	t := tensor.New(m.bias.Shape...)
	for i := range t.Data {
		t.Data[i] = 1
	}
	return t
}

// cycle is a source of rows in which each id is followed by one of two.
type cycle struct {
	vocab, rows, width int
	seed               uint64
	ragged             bool // rows of different lengths, the rest without targets
}

func (c cycle) Batch(n int64, b *model.Batch) error {
	b.B, b.T = c.rows, c.width
	b.IDs, b.Targets = b.IDs[:0], b.Targets[:0]
	for r := range c.rows {
		rng := rand.New(rand.NewPCG(c.seed, uint64(n)*uint64(c.rows)+uint64(r)))
		length := c.width
		if c.ragged {
			length = 1 + rng.IntN(c.width)
		}
		id := rng.IntN(c.vocab)
		for t := range c.width {
			next := (2*id + rng.IntN(2)) % c.vocab
			b.IDs = append(b.IDs, int32(id))
			if t < length {
				b.Targets = append(b.Targets, int32(next))
			} else {
				b.Targets = append(b.Targets, -1)
			}
			id = next
		}
	}
	return nil
}

func constant(rate float64) func(int64, int) float64 {
	return func(int64, int) float64 { return rate }
}
