//go:build !xla || !(linux || darwin)

package dynlib

import (
	"errors"

	"fragua/pipeline/fault"
)

// A Library is a shared library in memory, where it stays.
type Library struct{}

// Open is an error in this build.
func Open(string) (Library, error) {
	return Library{}, fault.Hintf(ErrStatic,
		"on Linux or macOS: go build -trimpath -tags %s -o fragua ./cmd/fragua", Tag)
}

// Symbol is never reached: no library is open.
func (Library) Symbol(string) (uintptr, error) { return 0, errors.New("no library is open") }

// Call is never reached.
func Call(uintptr, ...uintptr) uintptr { panic("dynlib: no library is open") }
