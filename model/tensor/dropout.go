package tensor

import (
	"fragua/model/hlo"
	"fragua/model/kernel"
)

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
	if tp.computes() {
		d.mask(y.Data, x.Data)
	}
	record(tp, d)
	return y
}

type dropout struct {
	x, y *Tensor
	part int // floats that share a mask with the next few
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

// emit writes the kernel's own random numbers, so that a device drops what the CPU drops.
func (o *dropout) emit(g *Graph) {
	m := kernel.DropoutMask(o.p, o.seed)
	x, c := g.of(o.x), o.x.Cols()
	rows := o.part / c
	shape := []int{rows, c}
	key := g.numbers(o, func() []int32 { return []int32{int32(m.Key1), int32(m.Key2), g.dropped(o)} })
	at := func(i int) *hlo.Value {
		return g.Broadcast(g.Convert(g.Reshape(g.Slice(key, 0, i, i+1)), hlo.U32), shape)
	}
	number := func(n uint32) *hlo.Value { return g.Constant(hlo.U32, float64(n), shape...) }
	mix := func(h *hlo.Value) *hlo.Value { // the finalizer of MurmurHash3
		h = g.Mul(g.Xor(h, g.ShiftRight(h, 16)), number(0x85ebca6b))
		h = g.Mul(g.Xor(h, g.ShiftRight(h, 13)), number(0xc2b2ae35))
		return g.Xor(h, g.ShiftRight(h, 16))
	}
	index := g.Add(g.Add(g.Mul(g.Iota(hlo.U32, 0, shape...), number(uint32(c))), g.Iota(hlo.U32, 1, shape...)), at(2))
	keep := g.Compare("GE", mix(g.Add(mix(g.Xor(index, at(0))), at(1))), number(m.Limit))
	if times := o.x.Rows() / rows; times > 1 {
		keep = g.Reshape(g.Broadcast(keep, []int{times, rows, c}, 1, 2), x.Shape...)
	}
	g.set(o.y, g.Select(keep, g.Scale(x, float64(m.Scale)), g.Constant(hlo.F32, 0, x.Shape...)))
}

// mix spreads two numbers over 64 bits (the finalizer of SplitMix64, Steele et
// al. 2014).
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
