package kernel

import (
	"runtime"
	"time"

	"fragua/model/kernel/par"
)

// readBlock is how many floats the reading loops take at a time.
const readBlock = 4 * 4096 / 4

// Bandwidth measures how many bytes a second all workers together read from x, whose length
// is best that of what is to be compared: the best of a few times, doing nothing with what
// was read. Parts of less than 16 KiB at its end are left out.
func Bandwidth(x []float32) float64 {
	best := 0.0
	blocks := len(x) / readBlock
	for range 5 {
		start := time.Now()
		par.For(blocks, 16, func(lo, hi int) { active.read(x[lo*readBlock : hi*readBlock]) })
		best = max(best, 4*readBlock*float64(blocks)/time.Since(start).Seconds())
	}
	return best
}

// readPlain has no way to read and do nothing, so it adds.
func readPlain(x []float32) {
	var a, b, c, d float32
	for i := 0; i+4 <= len(x); i += 4 {
		a, b, c, d = a+x[i], b+x[i+1], c+x[i+2], d+x[i+3]
	}
	runtime.KeepAlive(a + b + c + d)
}
