// Package nn is parameters and the layers that architectures share.
//
// A layer is a struct whose *tensor.Tensor fields are its parameters; the st
// tag is the parameter's name in a checkpoint, and [Params] reads the full
// names off the structs, so nothing is registered:
//
//	type GPT struct {
//		Words  *nn.Embedding `st:"transformer.wte"`   // transformer.wte.weight
//		Blocks []*Block      `st:"transformer.h"`     // transformer.h.0.…
//	}
//
// In flow tensors, out flow tensors; everything is written on the tape that
// Forward is given.
package nn
