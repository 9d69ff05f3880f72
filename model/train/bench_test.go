package train

import (
	"context"
	"math/rand/v2"
	"testing"

	"fragua/model"
	"fragua/model/nn"
)

// noise is packed rows of random ids.
type noise struct{ vocab, context int }

func (n noise) Len() int     { return 1000 }
func (n noise) Context() int { return n.context }
func (n noise) Row(i int, dst []int32) (ids, starts []int32, length int, err error) {
	rng := rand.New(rand.NewPCG(1, uint64(i)))
	for range n.context + 1 {
		dst = append(dst, int32(rng.IntN(n.vocab)))
	}
	return dst, nil, n.context + 1, nil
}

// BenchmarkStep is a training step of a GPT of 4 layers, width 256, on 16 rows
// of 256 ids out of 8,192.
func BenchmarkStep(b *testing.B) {
	const vocab, length, rows = 8192, 256, 16
	lm, err := (&model.GPT{Layers: 4, Heads: 4, Width: 256}).Build(vocab, length, 1)
	if err != nil {
		b.Fatal(err)
	}
	l := &Loop{Model: lm, Source: &Shuffled{Rows: noise{vocab, length}, Size: rows}, Optimizer: Optimizers()["adamw"](),
		Rate: constant(1e-3), Steps: int64(b.N) + 2, Clip: 1}
	l.After = func(_ context.Context, s Step) error {
		if s.Done == 2 { // memory is laid out by now
			b.ReportAllocs()
			b.ResetTimer()
		}
		return nil
	}
	if err := l.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
	ids := float64(b.N) * rows * length
	b.ReportMetric(ids/b.Elapsed().Seconds(), "ids/s")
	b.ReportMetric(flops(lm, length, rows*length)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(float64(nn.Count(lm.Params())), "parameters")
}
