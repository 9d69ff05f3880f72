package nn

import (
	"math/rand/v2"

	"fragua/model/kernel/par"
	"fragua/model/tensor"
)

// An Init makes initial weights from a seed: the same seed and the same order
// of calls give the same numbers on every machine, with any number of workers. A nil *Init gives zeros, for
// weights that a checkpoint will fill.
type Init struct{ rng *rand.Rand }

// NewInit starts from seed.
func NewInit(seed uint64) *Init { return &Init{rand.New(rand.NewPCG(seed, 0x666f726a61))} }

// Normal returns a parameter drawn from N(0, std²).
func (d *Init) Normal(std float64, shape ...int) *tensor.Tensor {
	t := tensor.Param(shape...)
	if d == nil {
		return t
	}
	d.fill(t.Data, func(rng *rand.Rand) float64 { return std * rng.NormFloat64() })
	return t
}

// Uniform returns a parameter drawn evenly from [-r, r).
func (d *Init) Uniform(r float64, shape ...int) *tensor.Tensor {
	t := tensor.Param(shape...)
	if d == nil {
		return t
	}
	d.fill(t.Data, func(rng *rand.Rand) float64 { return r * (2*rng.Float64() - 1) })
	return t
}

const part = 1 << 16 // numbers that are drawn from one stream

// fill draws few numbers from the Init's own stream, and each part of many from
// one that belongs to it.
func (d *Init) fill(x []float32, number func(*rand.Rand) float64) {
	if len(x) <= part {
		for i := range x {
			x[i] = float32(number(d.rng))
		}
		return
	}
	seed := d.rng.Uint64()
	par.For(len(x), part, func(lo, hi int) {
		rng := rand.New(rand.NewPCG(seed, uint64(lo)))
		for i := range x[lo:hi] {
			x[lo+i] = float32(number(rng))
		}
	})
}
