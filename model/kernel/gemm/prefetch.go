package gemm

// A prefetch is what a micro-kernel does on the way for micro-kernels to come, as BLIS's auxinfo_t.
// At each round of four steps in k it fetches four cache lines into the cache: from next on, step
// elements apart, moving on by elements a round. One that copies takes next and step as its source.
type prefetch struct {
	next     *float32
	step, by int
	to       *copyTarget
}

const rowAdvance = 4 // elements of a row that are read in a round

// ahead chooses the micro-kernels of a strip of rows [i, i+rows) of C, by the number of vectors, and
// what that of panel n does on the way. A zero prefetch leaves it to the caller.
func (t *tile) ahead(i, n, k0, k, rows, vectors int) (kernels *[4]microKernel, p prefetch) {
	kernels = &t.byRows[rows]
	full := rows == t.mr
	switch column, fromEnd := n-t.first, t.last-1-n; {
	case t.Op == TN && !full:
	case t.Op == TN:
		if p = t.overlap.next(); p.to != nil {
			return &t.copying, p
		}
		if kernels = &t.byColumns; t.window.left > 0 {
			p = t.window.take(k, t.LDB)
		}
	case len(t.panelsAhead) > 0 && full:
		kernels, p.next = &t.panelAhead, &t.panelsAhead[0]
		t.panelsAhead = t.panelsAhead[min(len(t.panelsAhead), panelFetch(vectors*t.blocked.lanes, k)):]
	case column < 2 && i+2*t.mr <= t.i1: // half of the next strip of A
		p = prefetch{next: &t.A[(i+t.mr+min(4*column, t.mr-4))*t.LDA+k0], step: t.LDA, by: rowAdvance}
	case k0+k == t.K && full && fromEnd < 2*len(t.epilogue.Side) && t.epilogue.Side[fromEnd/2] != nil: // half of its strip
		left, _ := t.at(t.first)
		p = prefetch{next: &t.epilogue.Side[fromEnd/2][(i+min(4*(fromEnd%2), t.mr-4))*t.LDC+left], step: t.LDC, by: rowAdvance}
	case t.window.left > 0:
		p = t.window.take(k, t.LDB)
	}
	return kernels, p
}

// panelFetch is how many floats of a packed panel a micro-kernel of this many columns fetches in k
// steps: eight strips fetch a panel, or more.
func panelFetch(columns, k int) int { return k / 4 * 16 * ((columns + 31) / 32) }

// A window is what is left to fetch of the part of B that the next panels are packed from. B is
// often in memory; if micro-kernels fetch it beforehand, products of 1024 rows take 1 to 2 % less.
type window struct {
	from       []float32
	rows, cols int
	column     int // where the next piece begins: four rows of K elements
	perStrip   int // most pieces while one strip of A is at work
	left       int // of these, for the strip at work
	begin      int // row of C from which on strips fetch
}

func (w *window) startStrip(i int) {
	if w.left = 0; i >= w.begin {
		w.left = w.perStrip
	}
}

// planPrefetch plans to fetch what the next panels are packed from: those of this tile from row k0
// of op(B) on or, after its end, those of the next tile. The last strips fetch: what came sooner
// would be evicted again.
func (t *tile) planPrefetch(k0, kc int) {
	first, last := t.first, t.last
	if k0 >= t.K {
		k0, first, last = 0, t.nextFirst, min(t.count, t.nextFirst+t.last-t.first)
	}
	t.window = window{}
	if first == 0 && k0 == 0 {
		return
	}
	w := &t.window
	k := min(kc, t.K-k0)
	left, _ := t.at(first)
	if w.rows, w.cols = k, t.end(last)-left; t.Op == NT {
		w.from, w.rows, w.cols = t.B[left*t.LDB+k0:], w.cols, k
	} else {
		w.from = t.B[k0*t.LDB+left:]
	}
	w.perStrip = max(1, t.last-t.first-2) // two panels fetch the next strip
	if t.Op == TN {                       // half of the micro-kernels copy
		w.perStrip = max(1, (t.last-t.first)/2)
	}
	pieces := (w.cols + k - 1) / k * ((w.rows + 3) / 4)
	w.begin = t.i1 - ((pieces+w.perStrip-1)/w.perStrip+2)*t.mr
}

// take returns the next piece: four rows of k elements.
func (w *window) take(k, ld int) prefetch {
	p := prefetch{next: &w.from[w.column], step: ld, by: rowAdvance}
	w.left--
	if w.column += k; w.column >= w.cols {
		w.column = 0
		if w.rows -= 4; w.rows <= 0 {
			w.perStrip, w.left = 0, 0
		} else {
			w.from = w.from[4*ld:]
		}
	}
	return p
}
