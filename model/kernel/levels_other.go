//go:build !amd64 || purego

package kernel

import "fragua/model/kernel/gemm"

func withVectors(g *gemm.Kernels) kernelTable {
	t := plain
	t.gemm = g
	return t
}
