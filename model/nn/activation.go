package nn

import "fragua/model/tensor"

// An Activation is the nonlinearity of a feed-forward, by transformers' name.
type Activation string

// activations are those that are supported.
var activations = map[Activation]func(*tensor.Tape, *tensor.Tensor) *tensor.Tensor{
	"gelu":              (*tensor.Tape).GELUErf,
	"gelu_new":          (*tensor.Tape).GELU,
	"gelu_pytorch_tanh": (*tensor.Tape).GELU,
	"relu":              (*tensor.Tape).ReLU,
	"silu":              (*tensor.Tape).SiLU,
	"swish":             (*tensor.Tape).SiLU,
	"tanh":              (*tensor.Tape).Tanh,
}

// Activations are the names of all activations.
var Activations = []any{"gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh"}

// Apply takes (N, C) to the same.
func (a Activation) Apply(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	return activations[a](tp, x)
}

// tanhGELU reports whether the activation is GPT-2's, which has kernels of its own.
func (a Activation) tanhGELU() bool { return a == "gelu_new" || a == "gelu_pytorch_tanh" }

// MLP is r + down(a(up(x))), with dropout while the tape trains. r may not change.
func (a Activation) MLP(tp *tensor.Tape, up, down *Linear, x, r *tensor.Tensor, dropout float32) *tensor.Tensor {
	if a.tanhGELU() {
		return FeedForward(tp, up, down, x, r, dropout)
	}
	return down.Residual(tp, a.Apply(tp, up.Forward(tp, x)), r, dropout)
}

// GatedMLP is r + down(a(gate(x))·up(x)), with dropout while the tape trains (Shazeer 2020). r may
// not change.
func (a Activation) GatedMLP(tp *tensor.Tape, gate, up, down *Linear, x, r *tensor.Tensor, dropout float32) *tensor.Tensor {
	if a == "silu" || a == "swish" {
		return GatedFeedForward(tp, gate, up, down, x, r, dropout)
	}
	return down.Residual(tp, tp.Mul(a.Apply(tp, gate.Forward(tp, x)), up.Forward(tp, x)), r, dropout)
}
