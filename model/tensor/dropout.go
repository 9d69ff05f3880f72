package tensor

import "fragua/model/kernel"

// Dropout drops each element with probability p and scales the rest by
// 1/(1−p), in place, while the tape trains; else it does nothing. The mask
// depends on Seed, Step and how many dropouts came before it alone.
func (tp *Tape) Dropout(x *Tensor, p float32) *Tensor { return tp.LockedDropout(x, x.Rows(), p) }

// LockedDropout is Dropout with one mask for every rows rows: for x (T·rows, C),
// time-major, the mask is the same at each of the T steps (Gal and Ghahramani
// 2016).
func (tp *Tape) LockedDropout(x *Tensor, rows int, p float32) *Tensor {
	if tp == nil || !tp.Train || p <= 0 {
		return x
	}
	inPlace("Dropout", x)
	return tp.drop(x, x, rows, p)
}

// Dropped is LockedDropout of a copy.
func (tp *Tape) Dropped(x *Tensor, rows int, p float32) *Tensor {
	if tp == nil || !tp.Train || p <= 0 {
		return x
	}
	return tp.drop(tp.make(x.needsGrad(), x.Rows(), x.Cols()), x, rows, p)
}

func (tp *Tape) drop(y, x *Tensor, rows int, p float32) *Tensor {
	tp.drops++
	d := dropout{x: x, y: y, part: rows * x.Cols(), p: p, seed: mix(mix(tp.Seed, tp.Step), tp.drops)}
	d.mask(y.Data, x.Data)
	record(tp, d)
	return y
}

type dropout struct {
	x, y *Tensor
	part int // floats that share a mask with the next so many
	p    float32
	seed uint64
}

func (o *dropout) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	o.mask(o.y.Grad, o.y.Grad)
	if o.x != o.y {
		tp.addGrad(o.x, o.y.Grad)
	}
}

func (o *dropout) mask(dst, src []float32) {
	for i := 0; i < len(src); i += o.part {
		kernel.Dropout(dst[i:i+o.part], src[i:i+o.part], o.p, o.seed, 0)
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
