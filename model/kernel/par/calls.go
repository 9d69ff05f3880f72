package par

import "sync"

// A FreeList holds values for reuse. Unlike a sync.Pool it keeps them when the garbage
// collector runs. It never holds more than were in use at once.
type FreeList[T any] struct {
	mu   sync.Mutex
	free []*T
}

// Get returns a free value, as Put left it, or a new one.
func (l *FreeList[T]) Get() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return new(T)
	}
	x := l.free[n-1]
	l.free = l.free[:n-1]
	return x
}

// Put makes x free. The caller has cleared what should not be kept alive.
func (l *FreeList[T]) Put(x *T) {
	l.mu.Lock()
	l.free = append(l.free, x)
	l.mu.Unlock()
}

// A CallPool runs calls of one operation, whose arguments are the fields of W, without garbage.
type CallPool[W any, P interface {
	*W
	Work
}] struct{ calls FreeList[W] }

// Run is the function Run on a copy of w.
func (c *CallPool[W, P]) Run(n, grain int, w W) {
	p := c.calls.Get()
	*p = w
	Run(n, grain, P(p))
	var zero W
	*p = zero // keeps nobody's arrays alive
	c.calls.Put(p)
}
