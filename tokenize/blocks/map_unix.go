//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package blocks

import (
	"errors"
	"os"
	"syscall"
)

// fileSize returns the size of an open file, without allocating.
func fileSize(f *os.File) (int64, error) {
	var st syscall.Stat_t
	err := syscall.Fstat(int(f.Fd()), &st)
	return st.Size, err
}

// mapFile maps a file into memory without reading it: pages come from the disk as
// they are touched, and the system may drop them again.
func mapFile(f *os.File, size int64) (data []byte, unmap func() error, err error) {
	if size == 0 {
		return nil, func() error { return nil }, nil
	}
	if int64(int(size)) != size {
		return nil, nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: errors.New("file too large for this machine")}
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}
