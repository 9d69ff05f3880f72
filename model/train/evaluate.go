package train

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// Lengths tells how many bytes of text each id stands for; *tokenize.Tokenizer does.
type Lengths interface {
	VocabSize() int
	ByteLen(id int32) int // 0 for special ids
}

// An Evaluation is how well a scorer predicts text.
type Evaluation struct {
	NLL     float64 // Σ −log p of the targets, end tokens included, in nats
	Targets int64
	Bytes   int64 // UTF-8 bytes of the targets; end tokens have none
	Rows    int64

	sumBits2, sumBitsBytes, sumBytes2 float64 // over rows, for the interval
	byContext                         []contextSum
}

// A contextSum is of the targets before which a model sees this many ids of the text: 1, 2 to 3, 4 to 7, ….
type contextSum struct {
	nll   float64
	bytes int64
}

// Curve is the bits per byte by how many ids of the text the model sees before a target: what a longer memory adds. It has
// no points where the scorer does not tell how well each id is predicted.
func (e Evaluation) Curve(name string) pipeline.Curve {
	c := pipeline.Curve{Name: name, X: "ids of the text before", Y: pipeline.BitsByContext, Log: true}
	for k, s := range e.byContext {
		if s.bytes > 0 {
			c.Points = append(c.Points, [2]float64{float64(int(1) << k), s.nll / math.Ln2 / float64(s.bytes)})
		}
	}
	return c
}

// place adds the scores of each target of a batch.
func (e *Evaluation) place(b *model.Batch, each []float64, lengths Lengths) {
	seen := 0
	for i, target := range b.Targets {
		if i%b.T == 0 || b.Docs != nil && b.Docs[i] != b.Docs[i-1] {
			seen = 0
		}
		if seen++; target < 0 {
			continue
		}
		k := bits.Len(uint(seen)) - 1
		for len(e.byContext) <= k {
			e.byContext = append(e.byContext, contextSum{})
		}
		e.byContext[k].nll += each[i]
		e.byContext[k].bytes += int64(lengths.ByteLen(target))
	}
}

// BitsPerByte is Σ nll / ln 2 over the bytes of the scored text. It does not
// depend on the tokenizer, so models of different vocabularies can be compared.
func (e Evaluation) BitsPerByte() float64 { return e.NLL / math.Ln2 / float64(max(e.Bytes, 1)) }

// Perplexity is exp of the mean nll of a target. It holds for one vocabulary only.
func (e Evaluation) Perplexity() float64 { return math.Exp(e.Loss()) }

// Loss is the mean nll of a target, in nats.
func (e Evaluation) Loss() float64 { return e.NLL / float64(max(e.Targets, 1)) }

// PlusMinus is half of the 95 % interval of BitsPerByte, by the spread of the
// ratio over rows (Cochran 1977, eq. 6.9).
func (e Evaluation) PlusMinus() float64 {
	if e.Rows < 2 || e.Bytes == 0 {
		return 0
	}
	n, ratio := float64(e.Rows), e.BitsPerByte()
	spread := (e.sumBits2 - 2*ratio*e.sumBitsBytes + ratio*ratio*e.sumBytes2) / (n - 1)
	return 1.96 * math.Sqrt(max(spread, 0)/n) / (float64(e.Bytes) / n)
}

func (e *Evaluation) add(nll float64, targets, bytes int64) {
	e.NLL += nll
	e.Targets += targets
	e.Bytes += bytes
	e.Rows++
	b := nll / math.Ln2
	e.sumBits2 += b * b
	e.sumBitsBytes += b * float64(bytes)
	e.sumBytes2 += float64(bytes) * float64(bytes)
}

const scoredRows = 8 // at a time

// A Reader scores better what it reads from beginning to end, for it keeps in mind what it read.
type Reader interface {
	// Reading returns a Scorer that has read nothing yet; to it each batch goes on where the one
	// before ended. What is scored is only then kept in mind.
	Reading() model.Scorer
}

// BitsPerByte scores rows of a split, on the same targets as training has: no
// padding, no first id of a document. With most > 0 and fewer than the split's
// rows it scores this many, spread evenly. A Reader reads them in their order. Errors
// are the scorer's and the context's.
func BitsPerByte(ctx context.Context, s model.Scorer, rows Rows, lengths Lengths, most int) (Evaluation, error) {
	var e Evaluation
	length := rows.Len()
	if length == 0 {
		return e, errNoRows
	}
	if most <= 0 || most > length {
		most = length
	}
	if r, ok := s.(Reader); ok {
		s = r.Reading()
	}
	var b model.Batch
	var ids []int32
	for i := 0; i < most; i += scoredRows {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		resize(&b, min(scoredRows, most-i), rows.Context())
		if ids == nil {
			ids = make([]int32, 0, 2*b.T+2) // a row and its starts
		}
		for r := range b.B {
			row, starts, filled, err := rows.Row((i+r)*length/most, ids[:0])
			if err != nil {
				return e, err
			}
			fillRow(&b, r, row, starts, filled)
		}
		scores, each, err := score(s, &b)
		if err != nil {
			return e, err
		}
		if each != nil {
			e.place(&b, each, lengths)
		}
		for r, score := range scores {
			targets, bytes := count(b.Targets[r*b.T:(r+1)*b.T], lengths)
			if math.IsNaN(score) || math.IsInf(score, 0) {
				return e, fault.Hintf(fmt.Errorf("row %d of the split scores %v", (i+r)*length/most, score),
					"the model's weights are broken: train it with a lower lr")
			}
			e.add(-score, targets, bytes)
		}
	}
	return e, nil
}

// score asks for the scores of each target too, where the scorer tells them.
func score(s model.Scorer, b *model.Batch) (rows, each []float64, err error) {
	of, ok := s.(model.EachScorer)
	if !ok {
		rows, err = s.Score(b)
		return rows, nil, err
	}
	if each, err = of.ScoreEach(b); err != nil {
		return nil, nil, err
	}
	rows = make([]float64, b.B)
	for i, nll := range each {
		rows[i/b.T] -= nll
	}
	return rows, each, nil
}

// count returns how many targets there are, and the bytes they stand for.
func count(targets []int32, lengths Lengths) (n, bytes int64) {
	for _, t := range targets {
		if t >= 0 {
			n++
			bytes += int64(lengths.ByteLen(t))
		}
	}
	return n, bytes
}

// byteLens is the table that Loop.Bytes wants.
func byteLens(lengths Lengths) []int32 {
	table := make([]int32, lengths.VocabSize())
	for id := range table {
		table[id] = int32(lengths.ByteLen(int32(id)))
	}
	return table
}
