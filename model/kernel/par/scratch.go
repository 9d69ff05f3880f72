package par

import (
	"math/bits"
	"sync"
	"unsafe"
)

// scratch holds free buffers by size class: the power of two that is their capacity.
var scratch struct {
	sync.Mutex
	free [40][][]float32
}

// GetScratch returns n float32 of undefined content, aligned to a cache line of 64 bytes.
// Give them back by PutScratch.
func GetScratch(n int) []float32 {
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

// PutScratch gives back what GetScratch returned.
func PutScratch(b []float32) {
	class := bits.Len(uint(cap(b)) - 1)
	scratch.Lock()
	scratch.free[class] = append(scratch.free[class], b)
	scratch.Unlock()
}
