//go:build !unix

package main

import "time"

var started = time.Now()

// cpuTime is the time passed, where the system tells no better.
func cpuTime() float64 { return time.Since(started).Seconds() }
