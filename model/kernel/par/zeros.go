package par

import "unsafe"

const hugeBytes = 4 << 20 // arrays of at least this size go on huge pages

// Zeros returns n zeros for data that lives long: weights, gradients, moments, the tape. Large
// arrays go on huge pages where the system has them, for fewer TLB misses: a training step is
// 1 % faster, generation with int8 weights 10 %.
func Zeros(n int) []float32 { return ZerosOf[float32](n) }

// ZerosOf is Zeros for other element types.
func ZerosOf[T float32 | uint16 | int8](n int) []T {
	x := make([]T, n)
	var one T
	if size := n * int(unsafe.Sizeof(one)); size >= hugeBytes {
		useHugePages(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), size))
	}
	return x
}
