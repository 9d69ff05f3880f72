//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package blocks

import (
	"errors"
	"os"
	"syscall"
)

// mapFile returns a file's bytes without reading them: pages come from the
// disk as they are touched, and the system may drop them again.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if st.Size() == 0 {
		return nil, func() error { return nil }, nil
	}
	if int64(int(st.Size())) != st.Size() {
		return nil, nil, &os.PathError{Op: "mmap", Path: path, Err: errors.New("file too large for this machine")}
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(st.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: path, Err: err}
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}
