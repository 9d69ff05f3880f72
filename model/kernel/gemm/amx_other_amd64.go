//go:build !linux && !purego

package gemm

// hasAMX is false: only Linux is asked for the tile registers.
const hasAMX = false
