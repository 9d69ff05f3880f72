package kernel

// A tile is rows [i0, i1) and panels [first, last) of C.
type tile struct {
	*packedGemm
	*product
	*panels
	i0, i1, first, last int
	upcoming            []float32 // panels to fetch on the way
}

// multiply computes the tile, making its own panels.
func (t *tile) multiply(block int) {
	inPlace := t.op != NT && t.i1-t.i0 <= seldom && t.n%t.panels.lanes == 0 && t.round == nil
	var own []float32
	if !inPlace {
		own = borrow((t.last - t.first) * t.width * block)
		defer giveBack(own)
	}
	left, _ := t.at(t.first)
	for k0 := 0; k0 < t.k; k0 += block {
		k := min(block, t.k-k0)
		for n := t.first; n < t.last && !inPlace; n++ {
			column, _ := t.at(n)
			t.packPanel(t.product, t.panels, own[(column-left)*k:], n, k0, k)
		}
		t.block(own, k0, k)
	}
}

// block adds what rows [k0, k0+k) of op(B) contribute, whose panels begin with b, one
// behind the other; without b the kernels read them where they lie.
func (t *tile) block(b []float32, k0, k int) {
	s, g := t.packedGemm, t.product
	acc := 0
	if g.acc || k0 > 0 {
		acc = 1
	}
	var columns *strips
	if g.op == TN {
		columns = newStrips(t, k0, k)
		defer columns.giveBack()
	}
	var rounded []float32 // a strip
	if g.op != TN && s.round != nil {
		rounded = borrow(s.rows * k)
		defer giveBack(rounded)
	}
	left, _ := t.at(t.first)
	upcoming := t.upcoming
	for i := t.i0; i < t.i1; i += s.rows {
		rows := min(s.rows, t.i1-i)
		kernels, lda := &s.byRows[rows], g.lda
		var a *float32
		switch {
		case g.op == TN:
			a, lda = columns.at(i)
		case s.round != nil:
			for r := range rows {
				s.round(k, &rounded[r*k], &g.a[(i+r)*lda+k0])
			}
			a, lda = &rounded[0], k
		default:
			a = &g.a[i*lda+k0]
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
			next, step, into := a, g.lda, (*float32)(nil)
			switch {
			case g.op == TN && rows == s.rows:
				kernels = &s.byColumns
				if next, into = columns.ahead(); into != nil {
					kernels = &s.copying
				}
			case len(upcoming) > 0 && rows == s.rows:
				kernels, next = &s.ahead, &upcoming[0]
				upcoming = upcoming[min(len(upcoming), fetched(vectors*s.lanes, k)):]
			case g.op != TN && n < t.first+2 && i+2*s.rows <= t.i1: // half of the next strip
				next = &g.a[(i+s.rows+min(4*(n-t.first), s.rows-4))*g.lda+k0]
			case g.op != TN && k0+k == g.k && rows == s.rows && g.after != nil: // half of what is laid out as C
				if q := t.last - 1 - n; q < 2*len(g.after.soon) {
					next, step = &g.after.soon[q/2][(i+min(4*(q%2), s.rows-4))*g.ldc+left], g.ldc
				}
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

// strips are copies of columns [i0, i1) and rows [k0, k0+k) of A, which lie too far apart for
// the kernels: [row][column], two strips at a time, for they share cache lines. Kernels at
// work on one pair copy the next.
type strips struct {
	*tile
	k0, k     int
	now, next []float32
	wide      int // columns of a pair
	from      int // where the pair at work begins
	copied    int // rows of the next one
}

func newStrips(t *tile, k0, k int) *strips {
	wide := 2 * t.rows
	return &strips{tile: t, k0: k0, k: k, now: borrow(wide * k), next: borrow(wide * k), wide: wide, from: t.i0 - wide}
}

func (s *strips) giveBack() {
	giveBack(s.now)
	giveBack(s.next)
}

// at returns where a kernel finds rows i and on of op(A), and their distance.
func (s *strips) at(i int) (*float32, int) {
	if i-s.from == s.wide {
		s.from = i
		s.now, s.next = s.next, s.now
		s.fill()
		s.copied = 0
	}
	rows := min(s.rows, s.i1-i)
	if rows == s.rows {
		return &s.now[i-s.from], s.wide
	}
	s.copied = s.k // next has another use: the last strip becomes rows
	for r := range rows {
		for q := range s.k {
			s.next[r*s.k+q] = s.now[q*s.wide+i-s.from+r]
		}
	}
	return &s.next[0], s.k
}

// whole is how many rows can be copied to their full width from column i on: not those that
// end beyond the slice.
func (s *strips) whole(i int) int {
	return min(s.k, (len(s.a)-i-s.wide+s.lda)/s.lda-s.k0)
}

// fill copies the rows that no kernel has.
func (s *strips) fill() {
	whole := s.whole(s.from)
	if n := whole - s.copied; n > 0 {
		s.copyPair(n, &s.a[(s.k0+s.copied)*s.lda+s.from], s.lda, &s.now[s.copied*s.wide])
		s.copied = whole
	}
	for q := s.copied; q < s.k; q++ {
		copy(s.now[q*s.wide:][:min(s.wide, s.i1-s.from)], s.a[(s.k0+q)*s.lda+s.from:])
	}
	if s.round != nil {
		s.round(s.wide*s.k, &s.now[0], &s.now[0])
	}
}

// ahead says what the next kernel is to copy on its way, and where to; nil: nothing. Columns
// that lie across two cache lines would hold it up: 4600 columns of 4480 rows times 1150 ran
// at 167 GFLOP/s instead of 284.
func (s *strips) ahead() (from, to *float32) {
	rows, i := s.k/4, s.from+s.wide
	if rows == 0 || i >= s.i1 || s.copied+rows > s.whole(i) || s.lda%16 != 0 {
		return &s.a[0], nil
	}
	q := s.copied
	s.copied += rows
	return &s.a[(s.k0+q)*s.lda+i], &s.next[q*s.wide]
}
