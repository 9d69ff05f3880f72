//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package blocks

import (
	"io"
	"os"
)

// fileSize returns the size of an open file.
func fileSize(f *os.File) (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// mapFile reads the whole file where files cannot be mapped.
func mapFile(f *os.File, size int64) (data []byte, unmap func() error, err error) {
	data = make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, func() error { return nil }, err
}
