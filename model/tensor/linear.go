package tensor

import (
	"fmt"

	"fragua/model/kernel"
)

// Linear is y = x·wᵀ + b: x (N, in), w (out, in), b (out) or nil, y (N, out).
func (tp *Tape) Linear(x, w, b *Tensor) *Tensor {
	y := tp.outputs(x, w, b)
	tp.affine(y.Data, nil, x, w, b)
	record(tp, linear{x: x, w: w, b: b, y: y})
	return y
}

type linear struct{ x, w, b, y *Tensor }

func (o *linear) back(tp *Tape) {
	if dy := o.y.Grad; dy != nil {
		tp.biasBack(o.b, dy)
		tp.linearBack(o.x, o.w, dy)
	}
}

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
		alike("LinearAdd", y, r)
		y.wants = y.wants || tp.Recording() && r.needs()
		kernel.LinearAdd(y.Data, r.Data, x.Data, w.Data, biasOf(b), x.Rows(), w.Rows(), x.Cols(), tp.rounds())
	}
	return linearAdd{linear{x: x, w: w, b: b, y: y}, r}
}

type linearAdd struct {
	linear
	r *Tensor
}

func (o *linearAdd) back(tp *Tape) {
	o.linear.back(tp)
	o.inherited(tp)
}

// inherited gives the gradient of the sum to r.
func (o *linearAdd) inherited(tp *Tape) {
	if o.r != nil {
		tp.inherit(o.r, o.y)
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
	if o.slope != nil {
		record(tp, o)
	}
	return o.y
}

// linearGELU computes LinearGELU.
func (tp *Tape) linearGELU(x, w, b *Tensor) linearGELU {
	y := tp.outputs(x, w, b)
	if !y.wants {
		tp.affine(y.Data, y.Data, x, w, b)
		return linearGELU{x: x, w: w, b: b, y: y}
	}
	slope := tp.buffer(len(y.Data))
	kernel.LinearGELU(y.Data, slope, x.Data, w.Data, biasOf(b), x.Rows(), w.Rows(), x.Cols(), tp.rounds())
	return linearGELU{x: x, w: w, b: b, y: y, slope: slope}
}

type linearGELU struct {
	x, w, b, y *Tensor
	slope      []float32 // of GELU; nil: nothing goes back
}

// back writes the gradient of GELU's argument over y, which whoever read it has gone back
// through by now.
func (o *linearGELU) back(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	kernel.Mul(o.y.Data, o.y.Grad, o.slope)
	o.rest(tp)
}

// rest goes back from the gradient of GELU's argument, in the place of y.
func (o *linearGELU) rest(tp *Tape) {
	tp.biasBack(o.b, o.y.Data)
	tp.linearBack(o.x, o.w, o.y.Data)
}

// outputs is the place of x·wᵀ + b.
func (tp *Tape) outputs(x, w, b *Tensor) *Tensor {
	if w.Cols() != x.Cols() || b != nil && len(b.Data) != w.Rows() {
		panic(fmt.Sprintf("tensor: Linear of %v by %v", x.Shape, w.Shape))
	}
	w.forward("Linear", x)
	if w.needs() {
		keep(x)
	}
	return tp.make(x.needs() || w.needs() || b.needs(), x.Rows(), w.Rows())
}

// affine sets y to x·wᵀ + b and, unless it is nil, gelu to GELU of that; both
// may be the same.
func (tp *Tape) affine(y, gelu []float32, x, w, b *Tensor) {
	if w.Narrow != nil {
		w.Narrow.Linear(y, gelu, x.Data, biasOf(b), x.Rows())
		return
	}
	kernel.Linear(y, gelu, x.Data, w.Data, biasOf(b), x.Rows(), w.Rows(), x.Cols(), tp.rounds())
}

// linearBack is dw += dyᵀ·x and dx += dy·w.
func (tp *Tape) linearBack(x, w *Tensor, dy []float32) {
	tp.weightBack(x, w, dy)
	n, in, out := x.Rows(), x.Cols(), w.Rows()
	if dx, add := tp.grad(x); dx != nil {
		kernel.Gemm(kernel.NN, n, in, out, dy, out, w.Data, in, dx, in, add, tp.BF16)
	}
}

// weightBack is dw += dyᵀ·x.
func (tp *Tape) weightBack(x, w *Tensor, dy []float32) {
	if dw, add := tp.grad(w); dw != nil {
		kernel.Gemm(kernel.TN, w.Rows(), x.Cols(), x.Rows(), dy, w.Rows(), x.Data, x.Cols(), dw, x.Cols(), add, tp.BF16)
	}
}

// biasBack is db += Σ dy.
func (tp *Tape) biasBack(b *Tensor, dy []float32) {
	if b == nil {
		return
	}
	if db := tp.sum(b); db != nil {
		kernel.BiasGrad(db, dy, len(db))
	}
}

// rounds reports whether products are of bfloat16.
func (tp *Tape) rounds() bool { return tp != nil && tp.BF16 }
