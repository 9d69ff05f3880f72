package nn

import "fragua/model/tensor"

// A Linear is y = x·Wᵀ + b.
type Linear struct {
	W *tensor.Tensor `st:"weight"` // (out, in)
	B *tensor.Tensor `st:"bias"`   // (out), or nil

	Adapters []*LoRA // adapters, which belong to no checkpoint of the model
}

// NewLinear draws W from N(0, std²); the bias starts at 0.
func NewLinear(in, out int, bias bool, std float64, d *Init) *Linear {
	l := &Linear{W: d.Normal(std, out, in)}
	if bias {
		l.B = tensor.Param(out)
	}
	return l
}

// Forward takes (N, in) to (N, out).
func (l *Linear) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	if len(l.Adapters) > 0 {
		return l.adapted(tp, x)
	}
	return tp.Linear(x, l.W, l.B)
}

// Residual is r + Forward, with dropout while the tape trains: what a
// sublayer adds to the residual stream. r may not change.
func (l *Linear) Residual(tp *tensor.Tape, x, r *tensor.Tensor, dropout float32) *tensor.Tensor {
	if len(l.Adapters) > 0 || dropout > 0 || l.W.Quantized != nil || !tp.Recording() {
		return tp.AddTo(tp.Dropout(l.Forward(tp, x), dropout), r)
	}
	return tp.LinearAdd(x, l.W, l.B, r)
}

// GELU is Forward with the activation of GPT-2.
func (l *Linear) GELU(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	if len(l.Adapters) > 0 {
		return tp.GELU(l.Forward(tp, x))
	}
	return tp.LinearGELU(x, l.W, l.B)
}

// A Bias is a vector on its own.
type Bias struct {
	B *tensor.Tensor `st:"bias"`
}

// An Embedding is a table with a row for each id.
type Embedding struct {
	W *tensor.Tensor `st:"weight"` // (ids, width)
}

// NewEmbedding draws rows from N(0, std²).
func NewEmbedding(ids, width int, std float64, d *Init) *Embedding {
	return &Embedding{d.Normal(std, ids, width)}
}

// Forward takes N ids to (N, width).
func (e *Embedding) Forward(tp *tensor.Tape, ids []int32) *tensor.Tensor { return tp.Rows(e.W, ids) }

// A LayerNorm gives rows mean 0 and variance 1, then gain and bias (Ba et al. 2016).
type LayerNorm struct {
	Gain *tensor.Tensor `st:"weight"`
	Bias *tensor.Tensor `st:"bias"` // or nil
	Eps  float32
}

// NewLayerNorm starts from gain 1 and bias 0.
func NewLayerNorm(width int, eps float32) *LayerNorm {
	return &LayerNorm{ones(width), tensor.Param(width), eps}
}

// Forward takes (N, width) to the same.
func (l *LayerNorm) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	return tp.LayerNorm(x, l.Gain, l.Bias, l.Eps)
}

// An RMSNorm gives rows a root mean square of 1, then gain (Zhang and Sennrich 2019).
type RMSNorm struct {
	Gain    *tensor.Tensor `st:"weight"`
	Eps     float32
	PlusOne bool // the gain is 1 + weight (Gemma)
}

// NewRMSNorm starts from gain 1.
func NewRMSNorm(width int, eps float32) *RMSNorm { return &RMSNorm{Gain: ones(width), Eps: eps} }

// Forward takes (N, width) to the same.
func (r *RMSNorm) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	gain := r.Gain
	if r.PlusOne {
		gain = tp.AddConstant(gain, 1)
	}
	return tp.RMSNorm(x, gain, r.Eps)
}

func ones(n int) *tensor.Tensor {
	t := tensor.Param(n)
	for i := range t.Data {
		t.Data[i] = 1
	}
	return t
}
