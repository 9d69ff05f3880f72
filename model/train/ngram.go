package train

import (
	"context"
	"fmt"
	"iter"

	"fragua/model"
	"fragua/model/kernel/par"
	"fragua/model/ngram"
	"fragua/tokenize"
)

// documentsIn gives the texts of rows, document by document, as far as they stand
// in one row: what a model that sees one row can learn from. It stops at an error.
func documentsIn(ctx context.Context, rows Rows, failed *error) iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		ids := make([]int32, 0, 2*rows.Context()+2)
		for i := range rows.Len() {
			if *failed = ctx.Err(); *failed != nil {
				return
			}
			row, starts, length, err := rows.Row(i, ids[:0])
			if *failed = err; err != nil {
				return
			}
			from := 0
			for _, s := range starts {
				if int(s) > from && !yield(row[from:s]) {
					return
				}
				from = int(s)
			}
			if from < length && !yield(row[from:length]) {
				return
			}
		}
	}
}

// learnNgram counts the n-grams of rows.
func learnNgram(ctx context.Context, order, minCount int, tok *tokenize.Tokenizer, rows Rows) (*ngram.Model, error) {
	var failed error
	m, err := ngram.Train(ngram.Options{Order: order, MinCount: minCount, Vocab: tok.VocabSize(), End: tok.EndOfText()}, documentsIn(ctx, rows, &failed))
	if failed != nil {
		return nil, failed
	}
	return m, err
}

// ScoreNgram makes a Scorer of an n-gram model. It sees what a model with
// attention sees: the ids before, in the same document and row.
func ScoreNgram(m *ngram.Model) model.Scorer { return ngramScorer{m} }

type ngramScorer struct{ m *ngram.Model }

// Score implements model.Scorer.
func (s ngramScorer) Score(b *model.Batch) ([]float64, error) {
	each, err := s.ScoreEach(b)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, b.B)
	for i, nll := range each {
		scores[i/b.T] -= nll
	}
	return scores, nil
}

// ScoreEach implements model.EachScorer.
func (s ngramScorer) ScoreEach(b *model.Batch) ([]float64, error) {
	vocab := int32(s.m.Vocab())
	for i, id := range b.IDs {
		if id < 0 || id >= vocab || b.Targets[i] >= vocab {
			return nil, fmt.Errorf("row %d, position %d: id %d or target %d is not in the vocabulary of %d", i/b.T, i%b.T, id, b.Targets[i], vocab)
		}
	}
	each := make([]float64, b.B*b.T)
	par.For(b.B, 1, func(lo, hi int) {
		before := make([]int32, 0, s.m.Order())
		for r := lo; r < hi; r++ {
			ids, targets := b.IDs[r*b.T:(r+1)*b.T], b.Targets[r*b.T:(r+1)*b.T]
			from := 0 // where the document begins
			for t, target := range targets {
				if t > 0 && b.Docs != nil && b.Docs[r*b.T+t] != b.Docs[r*b.T+t-1] {
					from = t
				}
				if target < 0 {
					continue
				}
				before = gramContext(before[:0], s.m.Order(), s.m.End(), ids, from, t)
				each[r*b.T+t] = -s.m.LogProb(before, target)
			}
		}
	})
	return each, nil
}

// baseline scores the validation rows with an n-gram model of the training
// rows, on the same targets as the model itself.
func (t *pretraining) baseline(ctx context.Context) (Evaluation, error) {
	m, err := learnNgram(ctx, t.Baseline, 0, t.data.tok, t.data.train)
	if err != nil {
		return Evaluation{}, err
	}
	return BitsPerByte(ctx, ScoreNgram(m), t.data.validation, t.data.tok, 0)
}
