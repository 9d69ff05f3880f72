//go:build unix

package trial

import (
	"time"

	"golang.org/x/sys/unix"
)

// ProcessorTime is what this process has used, on all cores.
func ProcessorTime() time.Duration {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
