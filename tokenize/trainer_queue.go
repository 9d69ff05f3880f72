package tokenize

// A queued pair has its words in occurrences[at:at+n]; the first is negative when they
// are merged already.
type queued struct {
	count int64
	key   uint64
	at, n uint32
}

// push, pop and down keep the queue, a heap of four children a node.
func (t *trainer) push(x queued) {
	if t.entries != nil {
		t.entries[x.key] = x
	}
	t.queue = append(t.queue, x)
	h, i := t.queue, len(t.queue)-1
	for i > 0 {
		p := (i - 1) / 4
		if !x.before(h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = x
}

func (t *trainer) pop() {
	last := len(t.queue) - 1
	t.queue[0] = t.queue[last]
	t.queue = t.queue[:last]
	t.down()
}

func (t *trainer) down() {
	h := t.queue
	if len(h) == 0 {
		return
	}
	x, i := h[0], 0
	for {
		c := 4*i + 1
		if c >= len(h) {
			break
		}
		best := c
		for k := c + 1; k < min(c+4, len(h)); k++ {
			if h[k].before(h[best]) {
				best = k
			}
		}
		if !h[best].before(x) {
			break
		}
		h[i] = h[best]
		i = best
	}
	h[i] = x
}

// before is the order of the queue.
func (a queued) before(b queued) bool {
	return a.count > b.count || a.count == b.count && a.key < b.key
}
