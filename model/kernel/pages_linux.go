package kernel

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// useHugePages asks for huge pages under all of x but its ends. It is advice: a kernel that
// refuses it, for it was built without them, costs speed alone.
func useHugePages(x []float32) {
	page := os.Getpagesize()
	first := unsafe.Pointer(unsafe.SliceData(x))
	skip := int(-uintptr(first) % uintptr(page))
	whole := (4*len(x) - skip) / page * page
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(first, skip)), whole), unix.MADV_HUGEPAGE)
}
