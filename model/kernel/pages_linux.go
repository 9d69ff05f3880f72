package kernel

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// useHugePages asks for huge pages under all of x but its ends. It is advice: a kernel that
// refuses it, for it was built without them, costs speed alone.
func useHugePages(x []byte) {
	page := os.Getpagesize()
	x = x[int(-uintptr(unsafe.Pointer(&x[0]))%uintptr(page)):]
	_ = unix.Madvise(x[:len(x)/page*page], unix.MADV_HUGEPAGE)
}
