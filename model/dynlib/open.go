//go:build xla && (linux || darwin)

package dynlib

import "github.com/ebitengine/purego"

// A Library is a shared library in memory, where it stays.
type Library struct{ handle uintptr }

// Open loads a shared library with all that it needs.
func Open(path string) (Library, error) {
	h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	return Library{h}, err
}

// Symbol is the address of a function.
func (l Library) Symbol(name string) (uintptr, error) { return purego.Dlsym(l.handle, name) }

// Call calls a C function of integers and pointers. What the pointers point to must be pinned.
func Call(f uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(f, args...)
	return r
}
