package model

import (
	"context"
	"math/rand/v2"
	"testing"

	"fragua/model/kernel"
	"fragua/model/tensor"
)

// BenchmarkStep is a training step (forward, backward, AdamW) of 4 layers,
// width 256, context 256, vocabulary 8192, 16 rows.
//
// Of steps of GPT-2 (124M, 4 rows) on two cores without bf16, tried and left
// out: the head in one part of 1,024 rows instead of two of 512, 2.84 s as
// before, for 103 MB more.
func BenchmarkStep(b *testing.B) {
	for name, a := range map[string]Arch{
		"gpt":   &GPT{Layers: 4, Heads: 4, Width: 256},
		"llama": &Llama{Layers: 4, Heads: 4, Width: 256, Theta: 10000, Tied: true},
		"lstm":  &LSTM{Layers: 2, Width: 256, Hidden: 512, Tied: true},
	} {
		b.Run(name, func(b *testing.B) {
			const rows, context, vocab = 16, 256, 8192
			m, err := a.Build(vocab, context, 1)
			if err != nil {
				b.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 1))
			batch := &Batch{B: rows, T: context}
			for range rows * context {
				batch.IDs = append(batch.IDs, int32(rng.IntN(vocab)))
				batch.Targets = append(batch.Targets, int32(rng.IntN(vocab)))
			}
			ps := m.Params()
			moments := map[*tensor.Tensor][2][]float32{}
			for _, p := range ps {
				moments[p.Tensor] = [2][]float32{make([]float32, len(p.Data)), make([]float32, len(p.Data))}
			}
			tp := tensor.NewTape(1)
			step := 0
			once := func() {
				step++
				tp.Backward(m.Loss(tp, batch).Total)
				for _, p := range ps {
					mo := moments[p.Tensor]
					kernel.AdamW(p.Data, p.Grad, mo[0], mo[1], 1e-3, .9, .99, 1e-8, .1, step, 1)
					clear(p.Grad)
				}
			}
			once()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				once()
			}
			b.ReportMetric(float64(b.N*rows*context)/b.Elapsed().Seconds(), "tokens/s")
			b.ReportMetric(float64(tp.Bytes())/(1<<20), "MiB-tape")
		})
	}
}

// BenchmarkDecode is one id a row, after a prompt of 128.
func BenchmarkDecode(b *testing.B) {
	for _, rows := range []int{1, 8} {
		b.Run(map[int]string{1: "row", 8: "rows8"}[rows], func(b *testing.B) {
			m, err := (&GPT{Layers: 4, Heads: 4, Width: 256}).Build(8192, 1024, 1)
			if err != nil {
				b.Fatal(err)
			}
			d := m.Decoder()
			prompt := make([][]int32, rows)
			for r := range prompt {
				prompt[r] = make([]int32, 128)
			}
			d.Feed(prompt)
			next := make([][]int32, rows)
			for r := range next {
				next[r] = []int32{5}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				d.Feed(next)
			}
			b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
	b.Run("generate", func(b *testing.B) {
		m, err := (&GPT{Layers: 4, Heads: 4, Width: 256}).Build(8192, 1024, 1)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for range Generate(context.Background(), m.Decoder(), []int32{1}, b.N, nil, Sampler{Temperature: 1, TopK: 50}) {
			n++
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tokens/s")
	})
}
