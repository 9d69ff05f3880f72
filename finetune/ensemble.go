package finetune

import (
	"context"
	"fmt"
	"math"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
	"fragua/model"
	"fragua/model/tensor"
)

// An ensemble answers with the log-probabilities of its members, pooled.
type ensemble struct {
	strategy Strategy
	members  []member
	pool     linear.Pool // a weight for each member
}

// A member gives every class of each example a log-probability; nil for an
// example that is too long for it and is to be left out.
type member interface {
	logProbs(ctx context.Context, m *Tuned, set []examples.Example) ([][]float64, error)
}

// logProbs pools what the members say.
func (e *ensemble) logProbs(ctx context.Context, m *Tuned, set []examples.Example) ([][]float64, error) {
	said := make([][][]float64, len(e.members))
	for k, one := range e.members {
		var err error
		if said[k], err = one.logProbs(ctx, m, set); err != nil {
			return nil, err
		}
	}
	return pooled(e.pool, said, len(set)), nil
}

// pooled combines rows of log-probabilities, by member; a row that one member has
// not is nil.
func pooled(pool linear.Pool, said [][][]float64, n int) [][]float64 {
	out := make([][]float64, n)
	rows := make([][]float64, len(said))
	for i := range out {
		whole := true
		for k := range said {
			rows[k] = said[k][i]
			whole = whole && rows[k] != nil
		}
		if whole {
			out[i] = pool.LogProbs(rows)
		}
	}
	return out
}

// A network member is the fine-tuned classifier itself.
type network struct{}

func (network) logProbs(ctx context.Context, m *Tuned, set []examples.Example) ([][]float64, error) {
	logits, err := m.outputs(ctx, set)
	out := make([][]float64, len(set))
	for i, logits := range logits {
		if logits == nil {
			continue
		}
		row := make([]float64, len(logits))
		for k, z := range logits {
			row[k] = float64(z)
		}
		sum := linear.LogSum(row)
		for k := range row {
			row[k] -= sum
		}
		out[i] = row
	}
	return out, err
}

// A frozen member is logistic regression on what the head would read.
type frozen struct{ *linear.Dense }

func (f frozen) logProbs(ctx context.Context, m *Tuned, set []examples.Example) ([][]float64, error) {
	vectors, err := features(ctx, m, set)
	if err != nil {
		return nil, err
	}
	return f.of(vectors), nil
}

// of gives the log-probabilities of features; nil stays nil.
func (f frozen) of(vectors [][]float32) [][]float64 {
	out := make([][]float64, len(vectors))
	for i, v := range vectors {
		if v != nil {
			out[i] = f.Dense.LogProbs(v)
		}
	}
	return out
}

// features are what the head reads of each example; nil for one that is too long.
// They are the mean over the text, to which PoolConcat and PoolFirst hold their own.
func features(ctx context.Context, m *Tuned, set []examples.Example) ([][]float32, error) {
	c, ok := m.Model.(*classifier)
	if !ok {
		return nil, fmt.Errorf("the model has no classification head")
	}
	pool := c.pool
	if pool == PoolLast {
		pool = PoolMean
	}
	read := func(tp *tensor.Tape, b *model.Batch) *tensor.Tensor { return c.pooled(tp, b, pool) }
	return c.means(ctx, m, set, read)
}

// An ngrams member is a model of n-grams.
type ngrams struct{ *linear.Model }

func (g ngrams) logProbs(ctx context.Context, _ *Tuned, set []examples.Example) ([][]float64, error) {
	out := make([][]float64, len(set))
	for i, e := range set {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out[i] = g.LogProbs(e.Text)
	}
	return out, nil
}

// probabilities are of log-probabilities.
func probabilities(logProbs []float64) []float32 {
	p := make([]float32, len(logProbs))
	for k, l := range logProbs {
		p[k] = float32(math.Exp(l))
	}
	return p
}
