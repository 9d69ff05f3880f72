package tensor

import (
	"fragua/model/hlo"
	"fragua/model/kernel"
)

// Recompute is f(x), a result of x's shape, that saves nothing but x: what f
// computes inside is computed again in the backward pass, with the same dropout.
// One more forward pass buys the memory of all but one of such modules (activation
// checkpointing, Chen et al. 2016). The gradients are the
// same bits. Inside a Recompute, Recompute is f itself. On a scratch tape it frees what
// f computed inside, all but the result. f must stay as it is until Backward: a
// Temp does.
func (tp *Tape) Recompute(x *Tensor, f Module) *Tensor {
	if tp == nil || tp.base > 0 || tp.tracing && (tp.nested || tp.inference) {
		return f.Forward(tp, x)
	}
	if !tp.computes() {
		return tp.traceRecompute(x, f)
	}
	y := tp.make(true, x.Rows(), x.Cols())
	o := recompute{x: x, y: y, f: f, drops: tp.drops}
	t, held, forget := tp.t, len(tp.held), tp.inference
	tp.inference = true
	z := f.Forward(tp, x)
	tp.inference = forget
	sameShape("Recompute", y, z)
	kernel.Copy(y.Data, z.Data)
	for _, h := range tp.held[held:] {
		tp.arena.release(h.span)
	}
	tp.t, tp.held = t, tp.held[:held]
	saveForBackward(x)
	record(tp, o)
	return y
}

// A Module of a model takes a tensor to another.
type Module interface {
	Forward(tp *Tape, x *Tensor) *Tensor
}

type recompute struct {
	x, y  *Tensor
	f     Module
	drops uint64

	// Of a trace: f's result, and the nodes [first, end) of f.
	z          *Tensor
	first, end int
}

func (o *recompute) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	base, nodes, n, drops := o.y.node+1, tp.nodes, tp.n, tp.drops
	tp.base, tp.nodes, tp.n, tp.drops = base, tp.inner, base, o.drops
	tp.addGrad(o.f.Forward(tp, o.x), o.y.Grad)
	for i := tp.n - 1; i >= base; i-- {
		tp.nodes[i-base].backward(tp)
		tp.release(i)
		tp.profile(tp.nodes[i-base], true)
	}
	tp.inner = tp.nodes
	tp.base, tp.nodes, tp.n, tp.drops = 0, nodes, n, drops
}

// traceRecompute leaves the node before those of f.
func (tp *Tape) traceRecompute(x *Tensor, f Module) *Tensor {
	y := tp.make(true, x.Rows(), x.Cols())
	record(tp, recompute{x: x, y: y, f: f, first: tp.n + 1})
	o := tp.nodes[tp.n-1].(*recompute)
	tp.nested = true // a Recompute inside is f itself
	o.z = f.Forward(tp, x)
	tp.nested, o.end = false, tp.n
	return y
}

func (o *recompute) emit(g *Graph) {
	x := g.of(o.x)
	g.set(o.y, g.Recompute(x, func(x *hlo.Value) *hlo.Value {
		g.set(o.x, x)
		for _, n := range g.tape.nodes[o.first:o.end] {
			n.emit(g)
		}
		return g.of(o.z)
	}))
	g.set(o.x, x)
	g.next = o.end
}
