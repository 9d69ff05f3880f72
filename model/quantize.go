package model

import (
	"fmt"
	"slices"
	"strings"

	"fragua/model/kernel/gemm"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// WeightKinds are what Quantize can keep weights in.
var WeightKinds = []string{"f32", "bf16", "int8"}

// Quantize rounds the matrices of a model to bfloat16 or to 8 bits, for generating and
// scoring: a half or a quarter of the memory, and of the time where reading weights is what
// takes it. Those are the linear layers, the head and, if it is the same, the embedding; norms,
// biases, positions and an lstm's recurrent matrices stay float32, and so do all sums. A
// quantized model cannot learn, and only one in int8 can be saved. "f32" changes nothing.
//
// bf16 keeps 8 bits of each weight, which is off by at most 2⁻⁸ of itself. int8 keeps whole
// multiples, −127 to 127, of a scale for each row, so a weight is off by at most 1/254 of the
// largest of its row. What that makes of two small models that have learned a made-up text is
// held to by TestQuantizeError, which found, of models that differ in the order of sums alone:
//
//	      logits off by, on average and at most    bits per byte change by
//	bf16          0.003         0.11                      0.13 %
//	int8          0.011         0.31                      0.42 %
func Quantize(m LanguageModel, kind string) error {
	var pack func(w []float32, rows, cols int) *gemm.Quantized
	switch kind {
	case "f32":
		return nil
	case "bf16":
		pack = gemm.PackBF16
	case "int8":
		pack = gemm.PackInt8
	default:
		return fmt.Errorf("there are no weights of %q, only %s", kind, strings.Join(WeightKinds, ", "))
	}
	matrices := []*tensor.Tensor{m.Head()}
	for _, l := range nn.Linears(m) {
		matrices = append(matrices, l.W)
	}
	if r, ok := m.(*lstm); ok {
		for _, l := range r.Layers {
			matrices = append(matrices, l.In)
		}
	}
	for i, w := range matrices {
		if w.Quantized != nil && !slices.Contains(matrices[:i], w) {
			return fmt.Errorf("the model's weights are quantized already")
		}
		if w.Quantized == nil {
			w.Quantized = pack(w.Data, w.Rows(), w.Cols())
			w.Data, w.Grad = nil, nil
		}
	}
	return nil
}

// quantizationKey of config.json says that weights are in int8. Transformers refuses what it says,
// and does not take the multiples for weights.
const quantizationKey = "quantization_config"

var int8Weights = map[string]any{"quant_method": "fragua_int8"}

// Quantized reports whether a model's weights are rounded, so that it cannot learn.
func Quantized(m Model) bool {
	return slices.ContainsFunc(m.Params(), func(p nn.Param) bool { return p.Quantized != nil })
}
