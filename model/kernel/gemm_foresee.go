package kernel

// Panels are made from where B lies, often in memory. Kernels at work fetch it into the cache on
// their way: of products with 1024 rows, that is worth .01 to .02 of the time.

// A region is what is left to fetch of a matrix, in pieces of four rows.
type region struct {
	from       []float32
	rows, cols int
	at         int // column of the next piece
	each       int // most pieces while a strip is at work
	begin      int // the first such strip
}

// foresee plans to fetch what the next panels are made of: those of this tile from depth k0 on or,
// after its end, of the next tile. The last strips fetch: what came sooner would be gone from the
// cache again.
func (t *tile) foresee(k0, block int) {
	first, last := t.first, t.last
	if k0 >= t.k {
		k0, first, last = 0, t.nextFirst, min(t.count, t.nextFirst+t.last-t.first)
	}
	t.foreseen = region{}
	if first == 0 && k0 == 0 {
		return
	}
	r := &t.foreseen
	k := min(block, t.k-k0)
	left, _ := t.at(first)
	if r.rows, r.cols = k, t.end(last)-left; t.op == NT {
		r.from, r.rows, r.cols = t.b[left*t.ldb+k0:], r.cols, k
	} else {
		r.from = t.b[k0*t.ldb+left:]
	}
	r.each = max(1, t.last-t.first-2) // two fetch the next strip
	if t.op == TN {                   // half of the kernels copy
		r.each = max(1, (t.last-t.first)/2)
	}
	pieces := (r.cols + k - 1) / k * ((r.rows + 3) / 4)
	r.begin = t.i1 - ((pieces+r.each-1)/r.each+2)*t.rows
}

// fetch takes the next piece: four rows of k elements.
func (r *region) fetch(k, ld int) *float32 {
	next := &r.from[r.at]
	if r.at += k; r.at >= r.cols {
		r.at = 0
		if r.rows -= 4; r.rows <= 0 {
			r.each = 0
		} else {
			r.from = r.from[4*ld:]
		}
	}
	return next
}
