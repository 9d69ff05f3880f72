//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package blocks

import "os"

// mapFile reads the whole file where files cannot be mapped.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	data, err = os.ReadFile(path)
	return data, func() error { return nil }, err
}
