package tensor

import "fragua/model/kernel"

// Again is f(x), a result of x's shape, that keeps nothing on the way forward
// but the result: what f computes inside is computed again, with the same
// dropout, when the way back comes to it. One more forward pass buys the
// memory of all but one of such parts (Chen et al. 2016). The gradients are the
// same bits. Inside an Again, Again is f itself. On a scratch tape it frees what
// f computed inside, all but the result. f must stay as it is until Backward: a
// Note does.
func (tp *Tape) Again(x *Tensor, f Part) *Tensor {
	if tp == nil || tp.base > 0 {
		return f.Forward(tp, x)
	}
	y := tp.make(true, x.Rows(), x.Cols())
	o := again{x: x, y: y, f: f, drops: tp.drops}
	t, held, forget := tp.t, len(tp.held), tp.forget
	tp.forget = true
	z := f.Forward(tp, x)
	tp.forget = forget
	alike("Again", y, z)
	kernel.Copy(y.Data, z.Data)
	for _, h := range tp.held[held:] {
		tp.arena.give(h.span)
	}
	tp.t, tp.held = t, tp.held[:held]
	keep(x)
	record(tp, o)
	return y
}

// A Part of a model takes a tensor to another.
type Part interface {
	Forward(tp *Tape, x *Tensor) *Tensor
}

type again struct {
	x, y  *Tensor
	f     Part
	drops uint64
}

func (o *again) back(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	base, nodes, n, drops := o.y.node+1, tp.nodes, tp.n, tp.drops
	tp.base, tp.nodes, tp.n, tp.drops = base, tp.inner, base, o.drops
	tp.pass(o.f.Forward(tp, o.x), o.y.Grad)
	for i := tp.n - 1; i >= base; i-- {
		tp.nodes[i-base].back(tp)
		tp.release(i)
		tp.lap(tp.nodes[i-base], true)
	}
	tp.inner = tp.nodes
	tp.base, tp.nodes, tp.n, tp.drops = 0, nodes, n, drops
}
