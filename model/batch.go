package model

import (
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
	Labels    []float32 // B×C, one-hot or multi-hot, for classification
	Norm      float32   // what the summed loss is divided by: the targets of the whole step; 0: this batch's own
	Smoothing float32   // label smoothing of the token loss; NLL stays plain
	// State is where a recurrent model writes its state after the batch (an lstm: h and c of each
	// layer, B×H). With Resume the batch goes on from what is in it, else from zeros.
	State  [][]float32
	Resume bool
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
