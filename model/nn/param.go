// Package nn is parameters and the layers that architectures share.
package nn

import "fragua/model/tensor"

// A Param is a tensor and its name in a checkpoint (Hugging Face's names).
type Param struct {
	Name string
	*tensor.Tensor
	Decay bool // weight decay applies: matrices yes; biases, norms and gains no
	Group int  // depth, for discriminative rates and unfreezing: 0 embeddings, 1…N blocks, N+1 final norm and head
}
