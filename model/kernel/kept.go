package kernel

import "sync"

// kept are values that are used again, so that a training step after the first makes no
// garbage. There are never more of them than were in use at once. Unlike a sync.Pool's, they
// stay when the collector runs.
type kept[T any] struct {
	sync.Mutex
	free []*T
}

// take returns a value as it was when it was given.
func (k *kept[T]) take() *T {
	k.Lock()
	defer k.Unlock()
	n := len(k.free)
	if n == 0 {
		return new(T)
	}
	x := k.free[n-1]
	k.free = k.free[:n-1]
	return x
}

func (k *kept[T]) give(x *T) {
	k.Lock()
	k.free = append(k.free, x)
	k.Unlock()
}

// loops are the calls of one kind of work, whose arguments are what W holds.
type loops[W any, P interface {
	*W
	work
}] struct{ kept[W] }

// run shares out w.
func (l *loops[W, P]) run(n, grain int, w W) {
	p := l.take()
	*p = w
	share(n, grain, P(p))
	var none W
	*p = none // so that nobody's arrays are held on to
	l.give(p)
}
