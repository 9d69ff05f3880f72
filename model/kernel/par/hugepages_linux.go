package par

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// useHugePages advises the system to back the whole pages of x by huge ones. A system built
// without them refuses, which costs speed only, so the error is ignored.
func useHugePages(x []byte) {
	page := os.Getpagesize()
	x = x[int(-uintptr(unsafe.Pointer(&x[0]))%uintptr(page)):]
	_ = unix.Madvise(x[:len(x)/page*page], unix.MADV_HUGEPAGE)
}
