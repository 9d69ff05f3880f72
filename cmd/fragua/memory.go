package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"time"

	"fragua/pipeline/fault"
)

// A memoryLimit is how much memory the program may take, and who says so.
type memoryLimit struct {
	bytes int64
	of    string // the machine, the control group, ulimit -v
	used  func() int64
}

// watchMemory keeps the garbage collector below the memory that the machine, the
// control group or ulimit -v gives, and ends the program with a sentence where
// that is not enough: neither the runtime's dump of all goroutines nor the
// system's silent kill says what to do.
func watchMemory(w io.Writer) {
	limits := memoryLimits()
	least := int64(math.MaxInt64)
	for _, l := range limits {
		least = min(least, l.bytes)
	}
	if len(limits) == 0 {
		return
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(least - least/8)
	}
	go func() {
		for {
			time.Sleep(50 * time.Millisecond)
			for _, l := range limits {
				if used := l.used(); used > l.bytes-l.bytes/32 {
					printError(w, outOfMemory(used, l))
					os.Exit(exitFailed)
				}
			}
		}
	}()
}

func outOfMemory(used int64, l memoryLimit) error {
	err := fmt.Errorf("out of memory: %s of the %s that %s gives are in use", bytesText(used), bytesText(l.bytes), l.of)
	return fault.Hintf(err, "fewer --workers take less, and so do smaller settings (batch, context, part_bytes); what is done is kept, and the same command goes on")
}
