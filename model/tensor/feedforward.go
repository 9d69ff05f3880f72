package tensor

import "fragua/model/kernel"

// The feed-forward part of a block is one operation: so the gradient of what lies between its
// layers, the largest of all, need not be stored. The product that makes it is multiplied by the
// slope of the activation while it is in the cache, and takes the place of the activation,
// which nobody reads any more.

// FeedForward is GELU(x·wᵀ + b)·vᵀ + c + r: x (N, in), w (hidden, in), b (hidden) or nil, v
// (out, hidden), c (out) or nil, r (N, out) or nil. It is LinearAdd of LinearGELU.
func (tp *Tape) FeedForward(x, w, b, v, c, r *Tensor) *Tensor {
	up := tp.linearGELU(x, w, b)
	o := feedForward{up: up, down: tp.linearAdd(up.y, v, c, r)}
	record(tp, o)
	return o.down.y
}

type feedForward struct {
	up   linearGELU
	down linearAdd
}

func (o *feedForward) backward(tp *Tape) {
	a, v, dy := o.up.y, o.down.w, o.down.y.Grad
	if dy == nil {
		return
	}
	tp.biasBackward(o.down.b, dy)
	tp.weightBackward(a, v, dy)
	if o.up.slope != nil {
		kernel.ActivatedGrad(a.Data, o.up.slope, v.Data, dy, a.Rows(), v.Rows(), a.Cols(), tp.BF16)
		o.up.preActivationBackward(tp)
	}
	o.down.residualBackward(tp)
}

func (o *feedForward) emit(g *Graph) {
	g.set(o.down.y, o.down.sum(g, g.GELU(g.affine(g.of(o.up.x), o.up.w, o.up.b))))
}

// GatedFeedForward is SwiGLU(x·gᵀ, x·uᵀ)·vᵀ + r: x (N, in), g and u (hidden, in), v (out,
// hidden), r (N, out) or nil (Shazeer 2020).
func (tp *Tape) GatedFeedForward(x, g, u, v, r *Tensor) *Tensor {
	gate, up := tp.outputs(x, g, nil), tp.outputs(x, u, nil)
	sameShape("GatedFeedForward", gate, up)
	tp.affine(gate.Data, nil, x, g, nil)
	a := up
	if !tp.computes() {
	} else if gate.requiresGrad || up.requiresGrad {
		a = tp.make(true, up.Rows(), up.Cols())
		kernel.LinearSwiGLU(a.Data, gate.Data, up.Data, x.Data, u.Data, x.Rows(), u.Rows(), x.Cols(), tp.rounds())
	} else {
		tp.affine(up.Data, nil, x, u, nil)
		kernel.SwiGLU(a.Data, gate.Data, up.Data)
	}
	o := gatedFeedForward{x: x, g: g, u: u, gate: gate, up: up, down: tp.linearAdd(a, v, nil, r)}
	record(tp, o)
	return o.down.y
}

type gatedFeedForward struct {
	x, g, u, gate, up *Tensor
	down              linearAdd
}

func (o *gatedFeedForward) backward(tp *Tape) {
	a, v, dy := o.down.x, o.down.w, o.down.y.Grad
	if dy == nil {
		return
	}
	tp.weightBackward(a, v, dy)
	if a.requiresGrad {
		kernel.GatedGrad(o.gate.Data, a.Data, o.up.Data, v.Data, dy, a.Rows(), v.Rows(), a.Cols(), tp.BF16)
		tp.linearBackward(o.x, o.g, o.gate.Data)
		tp.linearBackward(o.x, o.u, a.Data)
	}
	o.down.residualBackward(tp)
}

func (o *gatedFeedForward) emit(g *Graph) {
	x := g.of(o.x)
	a := g.Mul(g.SiLU(g.affine(x, o.g, nil)), g.affine(x, o.u, nil))
	g.set(o.down.y, o.down.sum(g, a))
}
