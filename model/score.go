package model

import (
	"fmt"
	"slices"

	"fragua/model/tensor"
)

// headLoss is the loss of a model whose head is a matrix over its last states.
func headLoss(tp *tensor.Tape, m LanguageModel, b *Batch) Loss {
	total, nll, n := tp.HeadLoss(m.Hidden(tp, b), m.Head(), b.Targets, tensor.HeadOptions{Norm: b.Norm, Smoothing: b.Smoothing, Bias: headBias(m)})
	return Loss{Total: total, NLL: nll, Targets: n}
}

// headBias is the bias of the head, nil where it has none.
func headBias(m Model) *tensor.Tensor {
	if b, ok := m.(interface{ headBias() *tensor.Tensor }); ok {
		return b.headBias()
	}
	return nil
}

// Logits takes states (N, C) to the logits of the next id (N, V).
func Logits(tp *tensor.Tape, m LanguageModel, states *tensor.Tensor) *tensor.Tensor {
	return tp.Linear(states, m.Head(), headBias(m))
}

// headAlias is the head under the name that transformers gives it, for a head that is tied.
func headAlias(m LanguageModel, name string) *tensor.Tensor {
	if name == "lm_head.weight" {
		return m.Head()
	}
	return nil
}

// Score makes a Scorer of a language model.
func Score(m LanguageModel) Scorer { return scorer{m, tensor.Scratch()} }

type scorer struct {
	m  LanguageModel
	tp *tensor.Tape
}

// Score implements Scorer.
func (s scorer) Score(b *Batch) ([]float64, error) {
	each, err := s.ScoreEach(b)
	if err != nil {
		return nil, err
	}
	sums := make([]float64, b.B)
	for i, nll := range each {
		sums[i/b.T] -= nll
	}
	return sums, nil
}

// ScoreEach implements EachScorer.
func (s scorer) ScoreEach(b *Batch) ([]float64, error) {
	if err := b.Check(s.m); err != nil {
		return nil, err
	}
	defer s.tp.Reset()
	defer func(state [][]float32) { b.State = state }(b.State)
	b.State = slices.Clone(b.State) // the model overwrites it
	for i, state := range b.State {
		b.State[i] = slices.Clone(state)
	}
	each := make([]float64, b.B*b.T)
	s.tp.HeadLoss(s.m.Hidden(s.tp, b), s.m.Head(), b.Targets, tensor.HeadOptions{Each: each, Bias: headBias(s.m)})
	return each, nil
}

// Check finds what would not fit the model: lengths, ids outside the
// vocabulary, rows longer than the context.
func (b *Batch) Check(m Model) error {
	if _, reads := m.(Seq2Seq); reads != (b.Source != nil) {
		return fmt.Errorf("a batch with a source: %v, a model that reads one: %v", b.Source != nil, reads)
	}
	if b.Source != nil {
		if b.Source.B != b.B {
			return fmt.Errorf("%d rows of target have %d of source", b.B, b.Source.B)
		}
		if err := b.Source.fits(m); err != nil {
			return fmt.Errorf("source: %w", err)
		}
	}
	return b.fits(m)
}

// fits is Check without the source.
func (b *Batch) fits(m Model) error {
	n := b.B * b.T
	switch {
	case b.B < 1 || b.T < 1 || len(b.IDs) != n:
		return fmt.Errorf("a batch of %d×%d has %d ids", b.B, b.T, len(b.IDs))
	case b.Targets != nil && len(b.Targets) != n:
		return fmt.Errorf("a batch of %d×%d has %d targets", b.B, b.T, len(b.Targets))
	case b.Docs != nil && len(b.Docs) != n:
		return fmt.Errorf("a batch of %d×%d has %d document numbers", b.B, b.T, len(b.Docs))
	case b.Types != nil && len(b.Types) != n:
		return fmt.Errorf("a batch of %d×%d has %d token types", b.B, b.T, len(b.Types))
	case b.T > m.Context():
		return fmt.Errorf("rows of %d ids do not fit the model's context of %d", b.T, m.Context())
	}
	for i, id := range b.IDs {
		if id < 0 || int(id) >= m.Vocab() {
			return fmt.Errorf("row %d, position %d: id %d is not in the vocabulary of %d", i/b.T, i%b.T, id, m.Vocab())
		}
	}
	if types, ok := m.(interface{ tokenTypes() int }); ok {
		for i, t := range b.Types {
			if t < 0 || int(t) >= max(types.tokenTypes(), 1) {
				return fmt.Errorf("row %d, position %d: token type %d is not one of %d", i/b.T, i%b.T, t, types.tokenTypes())
			}
		}
	}
	for i, id := range b.Targets {
		if id < -1 || int(id) >= m.Vocab() {
			return fmt.Errorf("row %d, position %d: target %d is not in the vocabulary of %d", i/b.T, i%b.T, id, m.Vocab())
		}
	}
	return nil
}
