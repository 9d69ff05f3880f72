// Package tensor is float32 arrays and the tape that differentiates them.
package tensor

// A Tensor is a row-major array. A Tensor whose Grad is nil is frozen.
type Tensor struct {
	Shape []int
	Data  []float32
	Grad  []float32
}
