package tokenize

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// hugePages asks for large pages under a new table, before it is touched: a word
// then seldom waits for a translation of its address. It is advice, and without
// effect where the system has none.
func hugePages(slots []wordSlot) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(slots))), len(slots)*slotSize)
	skip := -uintptr(unsafe.Pointer(&b[0])) % hugePage
	if uintptr(len(b)) >= skip+hugePage {
		b = b[skip:]
		_ = unix.Madvise(b[:len(b)&^(hugePage-1)], unix.MADV_HUGEPAGE)
	}
}
