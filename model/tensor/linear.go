package tensor

import (
	"fmt"

	"fragua/model/kernel"
)

// Linear is y = x·wᵀ + b: x (N, in), w (out, in), b (out) or nil, y (N, out).
func (tp *Tape) Linear(x, w, b *Tensor) *Tensor {
	y := tp.product(x, w, b)
	record(tp, linear{x: x, w: w, b: b, y: y})
	return y
}

type linear struct{ x, w, b, y *Tensor }

func (o *linear) back(tp *Tape) {
	if o.y.Grad != nil {
		tp.linearBack(o.x, o.w, o.b, o.y.Grad)
	}
}

// LinearGELU is y = GELU(x·wᵀ + b), in the tanh form of GPT-2.
func (tp *Tape) LinearGELU(x, w, b *Tensor) *Tensor {
	h := tp.product(x, w, b)
	if !h.wants {
		kernel.GELU(h.Data, h.Data)
		return h
	}
	y := tp.make(true, h.Rows(), h.Cols())
	kernel.GELU(y.Data, h.Data)
	record(tp, linearGELU{x: x, w: w, b: b, h: h, y: y})
	return y
}

type linearGELU struct{ x, w, b, h, y *Tensor }

func (o *linearGELU) back(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	dh := tp.sum(o.h)
	kernel.GELUGrad(dh, o.h.Data, o.y.Grad)
	tp.linearBack(o.x, o.w, o.b, dh)
}

// product is x·wᵀ + b.
func (tp *Tape) product(x, w, b *Tensor) *Tensor {
	n, in, out := x.Rows(), x.Cols(), w.Rows()
	if w.Cols() != in || b != nil && len(b.Data) != out {
		panic(fmt.Sprintf("tensor: Linear of %v by %v", x.Shape, w.Shape))
	}
	y := tp.make(x.needs() || w.needs() || b.needs(), n, out)
	if w.needs() {
		keep(x)
	}
	tp.gemm(kernel.NT, n, out, in, x.Data, in, w.Data, in, y.Data, out, false)
	if b != nil {
		kernel.AddBias(y.Data, b.Data)
	}
	return y
}

// linearBack is dx = dy·w, dw += dyᵀ·x, db += Σ dy.
func (tp *Tape) linearBack(x, w, b *Tensor, dy []float32) {
	n, in, out := x.Rows(), x.Cols(), w.Rows()
	if dw := tp.sum(w); dw != nil {
		tp.gemm(kernel.TN, out, in, n, dy, out, x.Data, in, dw, in, true)
	}
	if b != nil {
		if db := tp.sum(b); db != nil {
			kernel.BiasGrad(db, dy, out)
		}
	}
	if dx, add := tp.grad(x); dx != nil {
		tp.gemm(kernel.NN, n, in, out, dy, out, w.Data, in, dx, in, add)
	}
}

// gemm is kernel.Gemm in the tape's precision.
func (tp *Tape) gemm(op kernel.Op, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	f := kernel.Gemm
	if tp != nil && tp.BF16 {
		f = kernel.GemmBF16
	}
	f(op, m, n, k, a, lda, b, ldb, c, ldc, acc)
}
