package tensor

import (
	"fmt"

	"fragua/model/hlo"
	"fragua/model/kernel"
	"fragua/model/kernel/gemm"
)

// Linear is y = x·wᵀ + b: x (N, in), w (out, in), b (out) or nil, y (N, out).
func (tp *Tape) Linear(x, w, b *Tensor) *Tensor {
	y := tp.outputs(x, w, b)
	tp.affine(y.Data, nil, x, w, b)
	record(tp, linear{x: x, w: w, b: b, y: y})
	return y
}

type linear struct{ x, w, b, y *Tensor }

func (o *linear) backward(tp *Tape) {
	if dy := o.y.Grad; dy != nil {
		tp.biasBackward(o.b, dy)
		tp.linearBackward(o.x, o.w, dy)
	}
}

func (o *linear) emit(g *Graph) { g.set(o.y, g.affine(g.of(o.x), o.w, o.b)) }

// LinearAdd is x·wᵀ + b + r: what a part of a block adds to the residual stream.
func (tp *Tape) LinearAdd(x, w, b, r *Tensor) *Tensor {
	o := tp.linearAdd(x, w, b, r)
	record(tp, o)
	return o.y
}

// linearAdd computes LinearAdd; r may be nil.
func (tp *Tape) linearAdd(x, w, b, r *Tensor) linearAdd {
	y := tp.outputs(x, w, b)
	if r == nil {
		tp.affine(y.Data, nil, x, w, b)
	} else {
		sameShape("LinearAdd", y, r)
		y.requiresGrad = y.requiresGrad || tp.Recording() && r.needsGrad()
	}
	if r != nil && tp.computes() {
		kernel.LinearAdd(y.Data, r.Data, x.Data, w.Data, biasOf(b), x.Rows(), w.Rows(), x.Cols(), tp.rounds())
	}
	return linearAdd{linear{x: x, w: w, b: b, y: y}, r}
}

type linearAdd struct {
	linear
	r *Tensor
}

func (o *linearAdd) backward(tp *Tape) {
	o.linear.backward(tp)
	o.residualBackward(tp)
}

func (o *linearAdd) emit(g *Graph) { g.set(o.y, o.sum(g, g.of(o.x))) }

// sum is x·wᵀ + b + r.
func (o *linearAdd) sum(g *Graph, x *hlo.Value) *hlo.Value {
	y := g.affine(x, o.w, o.b)
	if o.r != nil {
		y = g.Add(y, g.of(o.r))
	}
	return y
}

// residualBackward gives the gradient of the sum to r.
func (o *linearAdd) residualBackward(tp *Tape) {
	if o.r != nil {
		tp.inheritGrad(o.r, o.y)
	}
}

func biasOf(b *Tensor) []float32 {
	if b == nil {
		return nil
	}
	return b.Data
}

// LinearGELU is y = GELU(x·wᵀ + b), in the tanh form of GPT-2.
func (tp *Tape) LinearGELU(x, w, b *Tensor) *Tensor {
	o := tp.linearGELU(x, w, b)
	if o.y.requiresGrad || !tp.computes() {
		record(tp, o)
	}
	return o.y
}

// linearGELU computes LinearGELU.
func (tp *Tape) linearGELU(x, w, b *Tensor) linearGELU {
	y := tp.outputs(x, w, b)
	if !y.requiresGrad || !tp.computes() {
		tp.affine(y.Data, y.Data, x, w, b)
		return linearGELU{x: x, w: w, b: b, y: y}
	}
	slope := tp.buffer(len(y.Data))
	kernel.LinearGELU(y.Data, slope, x.Data, w.Data, biasOf(b), x.Rows(), w.Rows(), x.Cols(), tp.rounds())
	return linearGELU{x: x, w: w, b: b, y: y, slope: slope}
}

type linearGELU struct {
	x, w, b, y *Tensor
	slope      []float32 // of GELU; nil: no gradient is needed
}

// back writes the gradient of GELU's argument over y, which whoever read it has gone back
// through by now.
func (o *linearGELU) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	kernel.Mul(o.y.Data, o.y.Grad, o.slope)
	o.preActivationBackward(tp)
}

func (o *linearGELU) emit(g *Graph) { g.set(o.y, g.GELU(g.affine(g.of(o.x), o.w, o.b))) }

// preActivationBackward continues from the gradient of GELU's argument, stored in y.
func (o *linearGELU) preActivationBackward(tp *Tape) {
	tp.biasBackward(o.b, o.y.Data)
	tp.linearBackward(o.x, o.w, o.y.Data)
}

// outputs is the place of x·wᵀ + b.
func (tp *Tape) outputs(x, w, b *Tensor) *Tensor {
	if w.Cols() != x.Cols() || b != nil && b.count() != w.Rows() {
		panic(fmt.Sprintf("tensor: Linear of %v by %v", x.Shape, w.Shape))
	}
	w.checkTrainable("Linear", x)
	if w.needsGrad() {
		saveForBackward(x)
	}
	return tp.make(x.needsGrad() || w.needsGrad() || b.needsGrad(), x.Rows(), w.Rows())
}

// affine sets y to x·wᵀ + b and, unless it is nil, gelu to GELU of that; both
// may be the same.
func (tp *Tape) affine(y, gelu []float32, x, w, b *Tensor) {
	switch {
	case !tp.computes():
	case w.Quantized != nil:
		kernel.LinearQuantized(y, gelu, x.Data, w.Quantized, biasOf(b), x.Rows())
	default:
		kernel.Linear(y, gelu, x.Data, w.Data, biasOf(b), x.Rows(), w.Rows(), x.Cols(), tp.rounds())
	}
}

// affine is x·wᵀ + b; b may be nil.
func (g *Graph) affine(x *hlo.Value, w, b *Tensor) *hlo.Value {
	y := g.DotNT(x, g.of(w), g.products())
	if b != nil {
		y = g.Add(y, g.Broadcast(g.vector(b), y.Shape, 1))
	}
	return y
}

// linearBackward is dw += dyᵀ·x and dx += dy·w.
func (tp *Tape) linearBackward(x, w *Tensor, dy []float32) {
	tp.weightBackward(x, w, dy)
	n, in, out := x.Rows(), x.Cols(), w.Rows()
	if dx, add := tp.grad(x); dx != nil {
		kernel.Gemm(gemm.Args{Op: gemm.NN, M: n, N: in, K: out, A: dy, B: w.Data, C: dx, Acc: add, BF16: tp.BF16})
	}
}

// weightBackward is dw += dyᵀ·x.
func (tp *Tape) weightBackward(x, w *Tensor, dy []float32) {
	if dw, add := tp.grad(w); dw != nil {
		kernel.Gemm(gemm.Args{Op: gemm.TN, M: w.Rows(), N: x.Cols(), K: x.Rows(), A: dy, B: x.Data, C: dw, Acc: add, BF16: tp.BF16})
	}
}

// biasBackward is db += Σ dy.
func (tp *Tape) biasBackward(b *Tensor, dy []float32) {
	if b == nil {
		return
	}
	if db := tp.gradToAdd(b); db != nil {
		kernel.BiasGrad(db, dy, len(db))
	}
}

// rounds reports whether products are of bfloat16.
func (tp *Tape) rounds() bool { return tp != nil && tp.BF16 }
