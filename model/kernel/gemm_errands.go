package kernel

import "fragua/model/kernel/par"

// A target is where a kernel copies to on its way, of each row eight elements and eight more.
type target struct {
	at     *float32
	gap    int // from one row to the next
	second int // from the first eight elements to the second where they come from,
	apart  int // and here
	every  int // rounds of four steps of the kernel to a row
}

// errands are what the kernels of a tile of TN copy on their way, in the order in which it is
// wanted: strips of A, whose columns lie too far apart for them, two at a time, for they share
// cache lines; and the panels of the next block. A line now and then, fetched from memory well
// before: a core waits for few lines at once, and panels need their share.
type errands struct {
	*tile
	block, end    int // depths of a block; depth after the last of the tile
	now, next     pair
	stock         supply
	target        target
	rounds, every int // of a kernel at work; to a row
	edge          []float32
}

// A pair is two strips of A, rows [i, i+2·rows) of op(A) and depths [k0, k0+k), each [depth][row].
type pair struct {
	i, k0, k int
	copied   int // depths
	strips   []float32
}

// A supply is the panels of depths [k0, k0+k), the first of which are copied, so many sixteens of
// columns of the next one, and so many depths of the next sixteen.
type supply struct {
	k0, k                   int
	panel, sixteens, depths int
	to                      []float32
}

// newErrands begins with depth k0; kernels make panels too, if they are given a place.
func (t *tile) newErrands(k0, block, end int, panels []float32) {
	size := 2 * t.pairApart(block)
	e := &t.errands
	*e = errands{tile: t, block: block, end: end, edge: par.GetScratch(t.rows * block)}
	e.now.strips, e.next.strips = par.GetScratch(size), par.GetScratch(size)
	e.next.i, e.next.k0, e.next.k = t.i0, k0, min(block, end-k0)
	e.stock.to = panels
}

func (e *errands) free() {
	par.PutScratch(e.now.strips)
	par.PutScratch(e.next.strips)
	par.PutScratch(e.edge)
}

// pairApart is the distance of two strips of k depths. Between them is room for what a copy of
// eight elements has too many of.
func (t *tile) pairApart(k int) int { return (t.rows*k + 8 + 15) &^ 15 }

// begin plans the errands of a block of k depths from k0 on.
func (e *errands) begin(k0, k int) {
	e.rounds = k / 4
	calls := 2 * (e.last - e.first)
	pairs := (e.i1 - e.i0 + 2*e.rows - 1) / (2 * e.rows)
	wanted := k
	e.stock.k0, e.stock.k, e.stock.panel = k0+k, min(e.block, e.end-k0-k), e.first
	if e.stock.to == nil || e.stock.k <= 0 {
		e.stock.panel = e.last
	} else {
		wanted += (e.last - e.first) * e.width / 16 * k / pairs
	}
	e.every = 1
	if calls*e.rounds >= 2*wanted { // less often than that, what is prefetched would be gone again
		e.every = min(2, max(1, e.rounds))
	}
}

// columns returns where a kernel finds rows i and on of op(A), at depths from k0 on, and
// their distance.
func (e *errands) columns(i, k0 int) (*float32, int) {
	if i >= e.now.i+2*e.rows || k0 != e.now.k0 || e.now.k == 0 {
		e.turn()
	}
	k := e.now.k
	strip := e.now.strips[(i-e.now.i)/e.rows*e.pairApart(k):]
	rows := min(e.rows, e.i1-i)
	if rows == e.rows {
		return &strip[0], rows
	}
	for r := range rows { // the last strip becomes rows
		for q := range k {
			e.edge[r*k+q] = strip[q*e.rows+r]
		}
	}
	return &e.edge[0], k
}

// turn goes on to the next pair.
func (e *errands) turn() {
	e.now, e.next = e.next, e.now
	now, next := &e.now, &e.next
	for now.copied < e.whole(now) {
		from, into, rows := e.column(now, now.k, 1)
		e.copyOctets(rows, from, e.lda, into)
	}
	apart := e.pairApart(now.k)
	for q := now.copied; q < now.k; q++ { // whose eights would end beyond the slice
		for r := range min(2*e.rows, e.i1-now.i) {
			now.strips[r/e.rows*apart+q*e.rows+r%e.rows] = e.a[(now.k0+q)*e.lda+now.i+r]
		}
	}
	if e.round != nil {
		e.round(2*apart, &now.strips[0], &now.strips[0])
	}
	next.i, next.k0, next.k, next.copied = now.i+2*e.rows, now.k0, now.k, 0
	if next.i >= e.i1 {
		next.i, next.k0 = e.i0, now.k0+now.k
		next.k = max(0, min(e.block, e.end-next.k0))
	}
}

// whole is how many depths of a pair can be copied by eights.
func (e *errands) whole(p *pair) int {
	return min(p.k, (len(e.a)-p.i-e.rows-8+e.lda)/e.lda-p.k0)
}

// ahead says what the next kernel copies on its way: rows step elements apart; nil: nothing.
func (e *errands) ahead() (from *float32, step int, into *target) {
	if e.rounds > 0 {
		if e.next.copied < e.whole(&e.next) {
			from, into, _ = e.column(&e.next, e.rounds, e.every)
			return from, e.lda, into
		}
		if e.stock.panel < e.last && e.stock.whole(e.tile) {
			from, into, _ = e.stock.piece(e, e.rounds, e.every)
			return from, e.ldb, into
		}
	}
	return &e.a[0], 0, nil
}

// pace is how many of rest rows a kernel of so many rounds copies, one in every so many.
func (e *errands) pace(rounds, every, rest int) (rows int) {
	e.target.every = every
	if rows = rounds / every; rows > rest {
		e.target.every = (rounds + rest - 1) / rest
		rows = rounds / e.target.every
	}
	return rows
}

// column plans to copy rows of a pair.
func (e *errands) column(p *pair, rounds, every int) (from *float32, into *target, rows int) {
	from = &e.a[(p.k0+p.copied)*e.lda+p.i]
	t := &e.target
	t.at, t.gap, t.second, t.apart = &p.strips[p.copied*e.rows], e.rows, e.rows, e.pairApart(p.k)
	rows = e.pace(rounds, every, e.whole(p)-p.copied)
	p.copied += rows
	return from, t, rows
}

// whole says whether the panel at work can be copied by sixteens.
func (s *supply) whole(t *tile) bool {
	column, vectors := t.at(s.panel)
	width := vectors * t.packedGemm.lanes
	return width%16 == 0 && column+width <= t.n
}

// piece plans to copy rows of the panel at work.
func (s *supply) piece(e *errands, rounds, every int) (from *float32, into *target, rows int) {
	left, _ := e.at(e.first)
	column, vectors := e.at(s.panel)
	width := vectors * e.packedGemm.lanes
	from = &e.b[(s.k0+s.depths)*e.ldb+column+16*s.sixteens]
	t := &e.target
	t.at, t.gap, t.second, t.apart = &s.to[(column-left)*s.k+s.depths*width+16*s.sixteens], width, 8, 8
	rows = e.pace(rounds, every, s.k-s.depths)
	if s.depths += rows; s.depths == s.k {
		s.depths = 0
		if s.sixteens++; 16*s.sixteens == width {
			s.sixteens = 0
			s.panel++
		}
	}
	return from, t, rows
}

// takePanels completes the panels, and gives a place for those of the next block.
func (e *errands) takePanels(place []float32) []float32 {
	s := &e.stock
	for s.depths+s.sixteens > 0 {
		from, into, rows := s.piece(e, s.k, 1)
		e.copyOctets(rows, from, e.ldb, into)
	}
	left, _ := e.at(e.first)
	for n := e.first; n < e.last; n++ {
		column, vectors := e.at(n)
		panel := s.to[(column-left)*s.k:]
		switch {
		case n >= s.panel:
			e.packPanel(e.product, e.panels, panel, n, s.k0, s.k)
		case e.round != nil:
			e.round(vectors*e.packedGemm.lanes*s.k, &panel[0], &panel[0])
		}
	}
	made := s.to
	s.to = place
	return made
}
