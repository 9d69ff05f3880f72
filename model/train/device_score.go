package train

import (
	"fragua/model"
	"fragua/model/hlo"
	"fragua/model/tensor"
	"fragua/model/xla"
)

// A deviceScorer scores with a language model on devices.
type deviceScorer struct {
	*resident
	m    model.LanguageModel
	tape *tensor.Tape
}

func (r *resident) scorer(m model.LanguageModel) model.Scorer {
	return &deviceScorer{r, m, tensor.Trace(0, true)}
}

// Score implements model.Scorer.
func (s *deviceScorer) Score(b *model.Batch) ([]float64, error) {
	if err := b.Check(s.m); err != nil {
		return nil, err
	}
	whole, rows := b, b.B
	if n := s.client.Devices(); rows%n != 0 { // the last batch of a split: more rows, of which nothing is asked
		whole = b.Padded((rows + n - 1) / n * n)
	}
	batches, err := s.parts(whole)
	if err != nil {
		return nil, err
	}
	t, err := s.trace(s.tape, batches, func(tp *tensor.Tape, b *model.Batch) {
		c := *b
		c.State, c.Resume = nil, false
		s.m.Loss(tp, &c)
	})
	defer func() { free(t.owned...) }()
	if err != nil {
		return nil, err
	}
	program, err := s.program("score", t, func() []*hlo.Value {
		return []*hlo.Value{t.Sum(t.Reshape(t.Losses[0], batches[0].B, batches[0].T), 1)}
	})
	if err != nil {
		return nil, err
	}
	results, err := program.Run(t.arguments)
	if err != nil {
		return nil, err
	}
	var sums []float64
	for d := range results {
		part := make([]float32, batches[d].B)
		err := xla.Get(results[d][0], part)
		free(results[d]...)
		if err != nil {
			return nil, err
		}
		for _, nll := range part {
			sums = append(sums, -float64(nll))
		}
	}
	return sums[:rows], nil
}
