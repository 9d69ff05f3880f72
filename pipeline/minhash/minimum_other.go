//go:build !amd64 || purego

package minhash

// minimum sets least[i] = min(least[i], mul[i]·x + add[i]) over the low halves of x, of which there is at least one.
func minimum(least, mul, add *[block]uint32, x []uint64) { minimumPlain(least, mul, add, x) }
