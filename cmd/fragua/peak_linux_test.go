package main

import (
	"os"
	"syscall"
)

// peakMemory is the most memory that an ended process held, in bytes.
func peakMemory(p *os.ProcessState) int64 { return p.SysUsage().(*syscall.Rusage).Maxrss << 10 }
