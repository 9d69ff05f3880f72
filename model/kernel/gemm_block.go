package kernel

import "fragua/model/kernel/par"

// A tile is rows [i0, i1) and panels [first, last) of C.
type tile struct {
	*packedGemm
	*product
	*panels
	i0, i1, first, last int
	upcoming            []float32 // panels to fetch on the way
	errands             errands   // of TN
	nextFirst           int       // panel of the tile that likely comes next; 0: none, or the same
	foreseen            region    // of B, what the next panels are made of
}

var tiles par.FreeList[tile]

func (t *tile) free() {
	*t = tile{}
	tiles.Put(t)
}

// multiply computes the tile, making its own panels, if it wants any; a low one of TN makes those
// of the next block while kernels are at work.
func (t *tile) multiply(block int) {
	var now, next []float32
	if !t.readsInPlace() {
		size := (t.last - t.first) * t.width * block
		now = par.GetScratch(size)
		defer par.PutScratch(now)
		if t.op == TN && t.i1-t.i0 <= low {
			next = par.GetScratch(size)
			defer par.PutScratch(next)
		}
	}
	if t.op == TN {
		t.newErrands(0, block, t.k, next)
		defer t.errands.free()
	}
	left, _ := t.at(t.first)
	for k0 := 0; k0 < t.k; k0 += block {
		k := min(block, t.k-k0)
		switch {
		case now == nil:
		case k0 > 0 && next != nil:
			now, next = t.errands.takePanels(now), now
		default:
			for n := t.first; n < t.last; n++ {
				column, _ := t.at(n)
				t.packPanel(t.product, t.panels, now[(column-left)*k:], n, k0, k)
			}
		}
		if now != nil && next == nil {
			t.foresee(k0+k, block)
		}
		t.block(now, k0, k)
	}
}

// readsInPlace says whether kernels read B where it lies, in whole vectors: for rows of C too few
// for panels to pay. Of TN these are fewer, since kernels make panels on their way; and where rows
// of B are a multiple of 4 KB apart, since they share few sets of the cache.
func (t *tile) readsInPlace() bool {
	most := seldom * t.packedGemm.lanes
	if t.op == TN {
		most /= 2
	}
	if t.ldb%1024 == 0 {
		most /= 4
	}
	return t.op != NT && t.i1-t.i0 <= most && t.n%t.panels.lanes == 0 && t.round == nil
}

// block adds what rows [k0, k0+k) of op(B) contribute, whose panels begin with b, one
// behind the other; without b the kernels read them where they lie.
func (t *tile) block(b []float32, k0, k int) {
	s, g := t.packedGemm, t.product
	acc := 0
	if g.acc || k0 > 0 {
		acc = 1
	}
	var rounded []float32 // a strip
	switch {
	case g.op == TN:
		t.errands.begin(k0, k)
	case s.round != nil:
		rounded = par.GetScratch(s.rows * k)
		defer par.PutScratch(rounded)
	}
	left, _ := t.at(t.first)
	upcoming := t.upcoming
	for i := t.i0; i < t.i1; i += s.rows {
		rows := min(s.rows, t.i1-i)
		lda := g.lda
		var a *float32
		switch {
		case g.op == TN:
			a, lda = t.errands.columns(i, k0)
		case s.round != nil:
			for r := range rows {
				s.round(k, &rounded[r*k], &g.a[(i+r)*lda+k0])
			}
			a, lda = &rounded[0], k
		default:
			a = &g.a[i*lda+k0]
		}
		pieces := 0
		if i >= t.foreseen.begin {
			pieces = t.foreseen.each
		}
		for n := t.first; n < t.last; n++ {
			j, vectors := t.at(n)
			tail := min(s.lanes, g.n-j-(vectors-1)*s.lanes)
			var panel *float32
			ldb := g.ldb
			if b == nil {
				panel = &g.b[k0*ldb+j]
			} else {
				panel, ldb = &b[(j-left)*k], vectors*s.lanes
			}
			kernels, next, step, into := &s.byRows[rows], a, g.lda, (*target)(nil)
			switch q := t.last - 1 - n; {
			case g.op == TN && rows < s.rows:
			case g.op == TN:
				if next, step, into = t.errands.ahead(); into != nil {
					kernels = &s.copying
				} else if kernels = &s.byColumns; pieces > 0 {
					pieces--
					next, step = t.foreseen.fetch(k, g.ldb), g.ldb
				}
			case len(upcoming) > 0 && rows == s.rows:
				kernels, next = &s.ahead, &upcoming[0]
				upcoming = upcoming[min(len(upcoming), fetched(vectors*s.lanes, k)):]
			case n < t.first+2 && i+2*s.rows <= t.i1: // half of the next strip
				next = &g.a[(i+s.rows+min(4*(n-t.first), s.rows-4))*g.lda+k0]
			case k0+k == g.k && rows == s.rows && q < 2*len(g.after.soon) && g.after.soon[q/2] != nil:
				// half of what is laid out as C
				next, step = &g.after.soon[q/2][(i+min(4*(q%2), s.rows-4))*g.ldc+left], g.ldc
			case pieces > 0:
				pieces--
				next, step = t.foreseen.fetch(k, g.ldb), g.ldb
			}
			kernels[vectors](k, a, lda, panel, ldb, &g.c[i*g.ldc+j], g.ldc, acc, tail, next, step, into)
		}
		if k0+k == g.k {
			g.finish(i, i+rows, left, t.end(t.last))
		}
	}
}

// fetched is how many floats a kernel of so many columns fetches in k steps.
func fetched(columns, k int) int { return k / 4 * 16 * ((columns + 31) / 32) }
