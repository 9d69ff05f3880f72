package tensor

import "fragua/model/kernel"

// Dropout drops each element with probability p and scales the rest by
// 1/(1−p), in place, while the tape trains; else it does nothing. The mask
// depends on Seed, Step and how many dropouts came before it alone.
func (tp *Tape) Dropout(x *Tensor, p float32) *Tensor {
	if tp == nil || !tp.Train || p <= 0 {
		return x
	}
	inPlace("Dropout", x)
	tp.drops++
	d := dropout{x: x, p: p, seed: mix(mix(tp.Seed, tp.Step), tp.drops)}
	kernel.Dropout(x.Data, x.Data, p, d.seed, 0)
	record(tp, d)
	return x
}

type dropout struct {
	x    *Tensor
	p    float32
	seed uint64
}

func (o *dropout) back(tp *Tape) {
	if g := o.x.Grad; g != nil {
		kernel.Dropout(g, g, o.p, o.seed, 0)
	}
}

// mix spreads two numbers over 64 bits (the finalizer of SplitMix64, Steele et
// al. 2014).
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
