//go:build !amd64 || purego

package gemm

// Levels lists what can run here, the fastest last.
func Levels() []*Kernels { return []*Kernels{&Plain} }
