package kernel

import (
	"math/bits"
	"sync"
	"unsafe"
)

// Scratch buffers are kept by size class, so that a training step allocates nothing
// after the first. There are never more of them than were in use at once.
var scratch struct {
	sync.Mutex
	free [40][][]float32
}

// borrow returns n floats of undefined content that start on a cache line.
func borrow(n int) []float32 {
	class := bits.Len(uint(max(n, 64) - 1))
	scratch.Lock()
	if list := scratch.free[class]; len(list) > 0 {
		b := list[len(list)-1]
		scratch.free[class] = list[:len(list)-1]
		scratch.Unlock()
		return b[:n]
	}
	scratch.Unlock()
	b := Zeros(1<<class + 16)
	skip := int(-uintptr(unsafe.Pointer(&b[0]))%64) / 4
	return b[skip : skip+n : skip+1<<class]
}

// giveBack returns what borrow lent.
func giveBack(b []float32) {
	class := bits.Len(uint(cap(b)) - 1)
	scratch.Lock()
	scratch.free[class] = append(scratch.free[class], b)
	scratch.Unlock()
}
