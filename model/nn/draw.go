package nn

import (
	"math/rand/v2"

	"fragua/model/tensor"
)

// A Draw makes initial weights from a seed: the same seed and the same order
// of calls give the same numbers on every machine. A nil *Draw gives zeros, for
// weights that a checkpoint will fill.
type Draw struct{ rng *rand.Rand }

// NewDraw starts from seed.
func NewDraw(seed uint64) *Draw { return &Draw{rand.New(rand.NewPCG(seed, 0x666f726a61))} }

// Normal returns a parameter drawn from N(0, std²).
func (d *Draw) Normal(std float64, shape ...int) *tensor.Tensor {
	t := tensor.Param(shape...)
	if d == nil {
		return t
	}
	for i := range t.Data {
		t.Data[i] = float32(std * d.rng.NormFloat64())
	}
	return t
}

// Uniform returns a parameter drawn evenly from [-r, r).
func (d *Draw) Uniform(r float64, shape ...int) *tensor.Tensor {
	t := tensor.Param(shape...)
	if d == nil {
		return t
	}
	for i := range t.Data {
		t.Data[i] = float32(r * (2*d.rng.Float64() - 1))
	}
	return t
}
