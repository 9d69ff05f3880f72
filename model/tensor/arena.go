package tensor

import "fragua/model/kernel/par"

// An arena hands out float32 buffers and takes them back. It works in
// addresses of one slab; while it finds out how large the slab must be it allocates
// from the heap, and at the next reset the slab grows to the highest address
// that was ever in use.
type arena struct {
	slab []float32
	free []span // sorted by address, never adjacent; the last one has no end
	high int    // highest address in use since the start
	now  int    // floats in use
	peak int    // most floats ever in use
}

// A span is floats [at, end) of the slab.
type span struct{ at, end int }

const (
	endless = int(^uint(0) >> 1)
	align   = 16 // floats: a cache line, and a vector of AVX-512
)

// alloc returns n floats, of any content, and where they lie.
func (a *arena) alloc(n int) ([]float32, span) {
	size := max((n+align-1)/align*align, align)
	if a.free == nil {
		a.free = append(a.free, span{0, endless})
	}
	for i := range a.free {
		f := &a.free[i]
		if f.end-f.at < size {
			continue
		}
		s := span{f.at, f.at + size}
		if f.at = s.end; f.at == f.end {
			a.free = append(a.free[:i], a.free[i+1:]...)
		}
		a.high = max(a.high, s.end)
		a.now += size
		a.peak = max(a.peak, a.now)
		if s.end > len(a.slab) {
			return make([]float32, n), s
		}
		return a.slab[s.at : s.at+n : s.end], s
	}
	panic("tensor: address space exhausted")
}

// release takes a span back.
func (a *arena) release(s span) {
	a.now -= s.end - s.at
	i, j := 0, len(a.free)
	for i < j { // the first free span behind s
		if m := (i + j) / 2; a.free[m].at < s.at {
			i = m + 1
		} else {
			j = m
		}
	}
	before := i > 0 && a.free[i-1].end == s.at
	after := i < len(a.free) && a.free[i].at == s.end
	switch {
	case before && after:
		a.free[i-1].end = a.free[i].end
		a.free = append(a.free[:i], a.free[i+1:]...)
	case before:
		a.free[i-1].end = s.end
	case after:
		a.free[i].at = s.at
	default:
		a.free = append(a.free, span{})
		copy(a.free[i+1:], a.free[i:])
		a.free[i] = s
	}
}

// reset takes everything back. The contents stay as they are until the next take.
func (a *arena) reset() {
	if len(a.slab) < a.high {
		a.slab = par.Zeros(a.high)
	}
	a.free = append(a.free[:0], span{0, endless})
	a.now = 0
}
