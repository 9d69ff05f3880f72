package nn

import "fragua/model/tensor"

// FeedForward is r plus down of GELU of up of x, with dropout while the tape trains: the
// MLP of a block. r may not change.
func FeedForward(tp *tensor.Tape, up, down *Linear, x, r *tensor.Tensor, dropout float32) *tensor.Tensor {
	switch {
	case !fusable(tp, up, down):
		return down.Residual(tp, up.GELU(tp, x), r, dropout)
	case dropout > 0:
		return tp.AddTo(tp.Dropout(tp.FeedForward(x, up.W, up.B, down.W, down.B, nil), dropout), r)
	}
	return tp.FeedForward(x, up.W, up.B, down.W, down.B, r)
}

// GatedFeedForward is FeedForward with SwiGLU of gate and up (Shazeer 2020).
func GatedFeedForward(tp *tensor.Tape, gate, up, down *Linear, x, r *tensor.Tensor, dropout float32) *tensor.Tensor {
	switch {
	case !fusable(tp, gate, up, down) || gate.B != nil || up.B != nil || down.B != nil:
		return down.Residual(tp, tp.SwiGLU(gate.Forward(tp, x), up.Forward(tp, x)), r, dropout)
	case dropout > 0:
		return tp.AddTo(tp.Dropout(tp.GatedFeedForward(x, gate.W, up.W, down.W, nil), dropout), r)
	}
	return tp.GatedFeedForward(x, gate.W, up.W, down.W, r)
}

// fusable reports whether one operation can be made of layers: to learn, without adapters.
func fusable(tp *tensor.Tape, layers ...*Linear) bool {
	for _, l := range layers {
		if len(l.Adapters) > 0 || l.W.Quantized != nil {
			return false
		}
	}
	return tp.Recording()
}
