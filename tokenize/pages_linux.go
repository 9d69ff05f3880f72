package tokenize

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// hugePages asks for large pages under a new table, before it is touched: whoever
// looks into it then rarely waits for a translation of addresses as well. It is
// advice, and without effect where the system has none.
func hugePages[T any](table []T) []T {
	var entry T
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(table))), len(table)*int(unsafe.Sizeof(entry)))
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % hugePage
	if uintptr(len(b)) >= skip+hugePage {
		b = b[skip:]
		_ = unix.Madvise(b[:len(b)&^(hugePage-1)], unix.MADV_HUGEPAGE)
	}
	return table
}
