//go:build !purego

package gemm

import (
	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// hasAMX reports whether this CPU multiplies bfloat16 by AMX and the kernel lets this process use the
// tile registers, which it must be asked for (arch_prctl ARCH_REQ_XCOMP_PERM of XTILEDATA, Linux 5.16).
var hasAMX = func() bool {
	const request, tileData = 0x1023, 18
	if !cpu.X86.HasAMXTile || !cpu.X86.HasAMXBF16 {
		return false
	}
	_, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, request, tileData, 0)
	return errno == 0
}()
