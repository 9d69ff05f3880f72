package kernel

import "unsafe"

const huge = 4 << 20 // bytes from which an array lies on huge pages

// Zeros returns n zeros, for what a training keeps: weights, gradients, moments, the tape.
// Large arrays lie on huge pages where the system gives them, so that products, which read
// far apart, seldom wait for an address: a step is 1 % faster, and generation with weights of
// 8 bits 10 %.
func Zeros(n int) []float32 { return zeros[float32](n) }

func zeros[T float32 | uint16 | int8](n int) []T {
	x := make([]T, n)
	var one T
	if size := n * int(unsafe.Sizeof(one)); size >= huge {
		useHugePages(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), size))
	}
	return x
}
