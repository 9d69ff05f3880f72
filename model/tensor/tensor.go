package tensor

import (
	"fmt"
	"slices"

	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// A Tensor is a row-major array. A Tensor whose Grad is nil is frozen.
type Tensor struct {
	Shape []int
	Data  []float32
	Grad  []float32
	// Narrow, if not nil, is what Data was rounded to, which is then nil. Linear, HeadLoss
	// and Rows read it, and nothing goes back to it.
	Narrow *kernel.Weights

	stale bool // Grad counts as 0, whatever it holds: see Renew

	// The rest concerns results of operations alone.
	made  bool // an operation made it
	wants bool // a gradient flows through it
	fixed bool // its operation reads it on the way back: it may not be changed in place
	node  int  // the operation that made it
	at    span // where Grad lies in the arena
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

// Renew makes the gradient 0 without touching it: the first operation that goes
// back to t overwrites what Grad holds. Before anyone reads it, Settle.
func (t *Tensor) Renew() { t.stale = true }

// Settle clears Grad if no gradient has come since Renew.
func (t *Tensor) Settle() {
	if t.stale {
		t.stale = false
		kernel.Clear(t.Grad)
	}
}

// needs reports whether a gradient flows into t; nil tensors need none.
func (t *Tensor) needs() bool { return t != nil && (t.wants || t.Grad != nil) }

// forward panics where something would go back through narrow weights.
func (t *Tensor) forward(op string, x *Tensor) {
	if t.Narrow != nil && x.needs() {
		panic("tensor: " + op + " to learn with narrow weights")
	}
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
