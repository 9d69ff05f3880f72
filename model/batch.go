package model

import (
	"slices"

	"fragua/model/nn"
	"fragua/model/tensor"
)

// A Batch is B sequences of T ids and what is to be predicted from them.
type Batch struct {
	B, T      int
	IDs       []int32   // B×T
	Targets   []int32   // B×T; -1: no loss. Nil: no token loss at all
	Docs      []int32   // B×T, which document a position belongs to: attention and positions stay inside it; nil: one a row. -1: padding
	Types     []int32   // B×T, token types (segments) for BERT; nil: all 0
	Source    *Batch    // the encoder's side
	Labels    []float32 // B×C, one-hot or multi-hot, for classification; with Parts a row a text
	Parts     []int     // how many rows of the batch each text takes, full but the last, one after another; nil: one each
	Norm      float32   // what the summed loss is divided by: the targets of the whole step; 0: this batch's own
	Smoothing float32   // label smoothing of the token loss; NLL stays plain
	// State is where a recurrent model writes its state after the batch (an lstm: h and c of each
	// layer, B×H). With Resume the batch goes on from what is in it, else from zeros.
	State  [][]float32
	Resume bool
}

// Rows are rows [from, to) of the batch, in its memory.
func (b *Batch) Rows(from, to int) *Batch {
	if b == nil || from == 0 && to == b.B {
		return b
	}
	part := *b
	part.B, part.Source = to-from, b.Source.Rows(from, to)
	for _, x := range []*[]int32{&part.IDs, &part.Targets, &part.Docs, &part.Types} {
		if *x != nil {
			*x = (*x)[from*b.T : to*b.T]
		}
	}
	if b.Labels != nil {
		classes := len(b.Labels) / b.B
		part.Labels = b.Labels[from*classes : to*classes]
	}
	part.State = nil
	for _, s := range b.State {
		width := len(s) / b.B
		part.State = append(part.State, s[from*width:to*width])
	}
	return &part
}

// Widen makes the width of rows a multiple of n by padding behind, the source's too: batches of
// different lengths become few shapes. Docs must say where padding is.
func (b *Batch) Widen(n int) {
	if b.Source != nil {
		b.Source.Widen(n)
	}
	t := (b.T + n - 1) / n * n
	if t == b.T {
		return
	}
	widen := func(x []int32, with int32) []int32 {
		if x == nil {
			return nil
		}
		wide := make([]int32, 0, b.B*t)
		for r := range b.B {
			wide = append(wide, x[r*b.T:][:b.T]...)
			for range t - b.T {
				wide = append(wide, with)
			}
		}
		return wide
	}
	b.IDs, b.Targets, b.Docs, b.Types = widen(b.IDs, 0), widen(b.Targets, -1), widen(b.Docs, -1), widen(b.Types, 0)
	b.T = t
}

// Padded is a copy of the batch with rows of padding behind, rows in all.
func (b *Batch) Padded(rows int) *Batch {
	c := *b
	c.B = rows
	grow := func(x []int32, with int32) []int32 {
		if x == nil {
			return nil
		}
		x = slices.Clone(x)
		for len(x) < rows*b.T {
			x = append(x, with)
		}
		return x
	}
	c.IDs, c.Targets, c.Docs, c.Types = grow(b.IDs, 0), grow(b.Targets, -1), grow(b.Docs, -1), grow(b.Types, 0)
	if b.Source != nil {
		c.Source = b.Source.Padded(rows)
	}
	return &c
}

// Loss is what a forward pass gives.
type Loss struct {
	Total   *tensor.Tensor // one number, Σ nll / Norm, to call Backward on
	NLL     float64        // Σ nll in nats, not divided
	Targets int            // how many targets were scored
}

// A Model takes ids to states: an encoder, which sees both sides of each position, or a
// LanguageModel.
type Model interface {
	Params() []nn.Param
	// Hidden returns the states after the final norm, (B·T, Width): what a
	// classification head reads.
	Hidden(*tensor.Tape, *Batch) *tensor.Tensor
	Width() int
	Context() int
	Vocab() int
}

// ReadsOn reports whether a model reads rows of any length, beyond its context: a recurrent model
// does, and one that sees only what is near.
func ReadsOn(m Model) bool {
	switch m.(type) {
	case *lstm, *nnlm:
		return true
	}
	return false
}

// A LanguageModel predicts the next id.
type LanguageModel interface {
	Model
	Loss(*tensor.Tape, *Batch) Loss
	// Head returns the output layer (V, Width), which may be the embedding.
	Head() *tensor.Tensor
	Decoder() Decoder
}

// A Generator is what generation asks of a model: a LanguageModel is one, and so may be what has
// no states and no head.
type Generator interface {
	Context() int
	Vocab() int
	Decoder() Decoder
}

// A Decoder holds the state of generation: KV cache, hidden state or n-gram context.
type Decoder interface {
	// Feed appends ids[r] to each of len(ids) rows and returns the logits of each
	// row's next id, rows × V. The first call sets the number of rows. The slice
	// is valid until the next call.
	Feed(ids [][]int32) (logits []float32)
	// Select makes row i what row rows[i] was: it forks, drops and reorders.
	Select(rows []int)
}

// A Scorer gives log-probabilities: evaluation needs no gradients, so n-grams fit.
type Scorer interface {
	// Score returns Σ log p of the targets of each row of the batch, in nats.
	Score(*Batch) ([]float64, error)
}

// An EachScorer is a Scorer that tells how well each id is predicted.
type EachScorer interface {
	// ScoreEach returns −log p of each target, B×T, in nats; 0 where there is none.
	ScoreEach(*Batch) ([]float64, error)
}
