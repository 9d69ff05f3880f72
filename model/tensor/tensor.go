package tensor

import (
	"fmt"
	"slices"

	"fragua/model/kernel"
	"fragua/model/kernel/gemm"
	"fragua/model/kernel/par"
)

// A Tensor is a row-major array. A Tensor whose Grad is nil is frozen.
type Tensor struct {
	Shape []int
	Data  []float32
	Grad  []float32
	// Quantized, if not nil, is what Data was rounded to, which is then nil. Linear, HeadLoss
	// and Rows read it, and it gets no gradient.
	Quantized *gemm.Quantized

	stale bool // Grad counts as 0, whatever it holds: see ZeroGrad

	// The rest concerns results of operations alone.
	made         bool // an operation made it
	requiresGrad bool // a gradient flows through it
	saved        bool // an operation reads it in the backward pass: it may not be changed in place
	node         int  // the operation that made it
	at           span // where Grad lies in the arena
}

// New returns zeros of the given shape, frozen.
func New(shape ...int) *Tensor {
	return &Tensor{Shape: slices.Clone(shape), Data: par.Zeros(size(shape))}
}

// Param returns zeros that want a gradient.
func Param(shape ...int) *Tensor {
	t := New(shape...)
	t.Grad = make([]float32, len(t.Data))
	return t
}

// From returns a frozen tensor over data, which is not copied.
func From(data []float32, shape ...int) *Tensor {
	if len(data) != size(shape) {
		panic(fmt.Sprintf("tensor: %d numbers for shape %v", len(data), shape))
	}
	return &Tensor{Shape: slices.Clone(shape), Data: data}
}

// Cols is the last axis.
func (t *Tensor) Cols() int { return t.Shape[len(t.Shape)-1] }

// Rows is the product of all the other axes.
func (t *Tensor) Rows() int { return size(t.Shape[:len(t.Shape)-1]) }

// ZeroGrad makes the gradient 0 without touching it: the first gradient
// that comes overwrites what Grad holds. Before Grad is read, FlushGrad.
func (t *Tensor) ZeroGrad() { t.stale = true }

// FlushGrad clears Grad if no gradient has come since ZeroGrad.
func (t *Tensor) FlushGrad() {
	if t.stale {
		t.stale = false
		kernel.Clear(t.Grad)
	}
}

// needsGrad reports whether a gradient flows into t; nil tensors need none.
func (t *Tensor) needsGrad() bool { return t != nil && (t.requiresGrad || t.Grad != nil) }

// checkTrainable panics where a gradient would flow through quantized weights.
func (t *Tensor) checkTrainable(op string, x *Tensor) {
	if t.Quantized != nil && x.needsGrad() {
		panic("tensor: " + op + " of quantized weights in training")
	}
}

// count is how many numbers the tensor has, or would have.
func (t *Tensor) count() int { return size(t.Shape) }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
