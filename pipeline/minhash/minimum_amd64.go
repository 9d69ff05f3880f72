//go:build amd64 && !purego

package minhash

import "golang.org/x/sys/cpu"

var (
	hasAVX2   = cpu.X86.HasAVX2
	hasAVX512 = cpu.X86.HasAVX512F
)

// minimum sets least[i] = min(least[i], mul[i]·x + add[i]) over the low halves of x, of which there is at least one.
func minimum(least, mul, add *[block]uint32, x []uint64) {
	switch {
	case hasAVX512:
		minimumAVX512(len(x), &least[0], &mul[0], &add[0], &x[0])
	case hasAVX2:
		minimumAVX2(len(x), &least[0], &mul[0], &add[0], &x[0])
	default:
		minimumPlain(least, mul, add, x)
	}
}
