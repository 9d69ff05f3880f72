package gemm

import "fragua/model/kernel/par"

// An overlap is what the micro-kernels of a TN tile pack while they compute, in the order in which
// it is needed: strips of A, whose columns are too far apart in memory to be read in place, two at a
// time, since they share cache lines; then the panels of the next block of K. They copy a cache
// line every few steps, prefetched well before: a core can wait for few lines at once, and the
// panels at work need their share.
type overlap struct {
	*tile
	kc, end       int // KC; the row of op(B) after the tile's last block
	now, after    stripPair
	panels        nextPanels
	target        copyTarget
	rounds, every int       // rounds of a micro-kernel; of these, one in every copies a row
	edge          []float32 // the last strip, as rows
}

// A stripPair is rows [i, i+2·MR) of op(A) and columns [k0, k0+k), as two strips, each [k][row].
type stripPair struct {
	i, k0, k int
	copied   int // columns of op(A)
	strips   []float32
}

// nextPanels are the panels of rows [k0, k0+k) of op(B). Panels before panel are complete; of that
// panel, this many 16-wide blocks of columns are, and of the next block this many rows.
type nextPanels struct {
	k0, k               int
	panel, blocks, rows int
	to                  []float32 // nil: none are wanted
}

// A copyTarget is where a micro-kernel copies to: of each row two 8-wide blocks. Assembly knows
// the layout.
type copyTarget struct {
	dst    *float32
	ldd    int // floats from one row to the next
	srcGap int // from the first 8-wide block to the second in the source,
	dstGap int // and in the target
	every  int // rounds of a micro-kernel for each row
}

// startOverlap begins with row k0 of op(B). panels is room for the next panels, or nil.
func (t *tile) startOverlap(k0, kc, end int, panels []float32) {
	size := 2 * t.stripGap(kc)
	o := &t.overlap
	*o = overlap{tile: t, kc: kc, end: end, edge: par.GetScratch(t.mr * kc)}
	o.now.strips, o.after.strips = par.GetScratch(size), par.GetScratch(size)
	o.after.i, o.after.k0, o.after.k = t.i0, k0, min(kc, end-k0)
	o.panels.to = panels
}

func (o *overlap) free() {
	par.PutScratch(o.now.strips)
	par.PutScratch(o.after.strips)
	par.PutScratch(o.edge)
}

// stripGap is the distance of the two strips of a pair. An 8-wide block may reach beyond the first
// strip's end, so there is room between them.
func (t *tile) stripGap(k int) int { return (t.mr*k + 8 + 15) &^ 15 }

// begin plans the packing for a block of k rows of op(B) from k0 on.
func (o *overlap) begin(k0, k int) {
	o.rounds = k / 4
	calls := 2 * (o.last - o.first)
	pairs := (o.i1 - o.i0 + 2*o.mr - 1) / (2 * o.mr)
	wanted := k // rows to copy while a pair is at work
	p := &o.panels
	p.k0, p.k, p.panel = k0+k, min(o.kc, o.end-k0-k), o.first
	if p.to == nil || p.k <= 0 {
		p.panel = o.last
	} else {
		wanted += (o.last - o.first) * o.nr / 16 * k / pairs
	}
	o.every = 1
	if calls*o.rounds >= 2*wanted { // more rarely, and prefetched lines would be evicted before use
		o.every = min(2, max(1, o.rounds))
	}
}

// columns returns where a micro-kernel finds rows of op(A) from i on, at columns from k0 on, and
// their leading dimension.
func (o *overlap) columns(i, k0 int) (*float32, int) {
	if i >= o.now.i+2*o.mr || k0 != o.now.k0 || o.now.k == 0 {
		o.nextPair()
	}
	k := o.now.k
	strip := o.now.strips[(i-o.now.i)/o.mr*o.stripGap(k):]
	rows := min(o.mr, o.i1-i)
	if rows == o.mr {
		return &strip[0], rows
	}
	for r := range rows { // the edge kernels read rows
		for q := range k {
			o.edge[r*k+q] = strip[q*o.mr+r]
		}
	}
	return &o.edge[0], k
}

// nextPair completes the pair that is being packed, and begins the one after it.
func (o *overlap) nextPair() {
	o.now, o.after = o.after, o.now
	now, after := &o.now, &o.after
	for now.copied < o.copyable(now) {
		src, rows := o.planColumns(now, now.k, 1)
		o.copyBlocks8(rows, src, o.LDA, &o.target)
	}
	gap := o.stripGap(now.k)
	for q := now.copied; q < now.k; q++ { // 8-wide blocks that would end beyond the slice
		for r := range min(2*o.mr, o.i1-now.i) {
			now.strips[r/o.mr*gap+q*o.mr+r%o.mr] = o.A[(now.k0+q)*o.LDA+now.i+r]
		}
	}
	if o.round != nil {
		o.round(2*gap, &now.strips[0], &now.strips[0])
	}
	after.i, after.k0, after.k, after.copied = now.i+2*o.mr, now.k0, now.k, 0
	if after.i >= o.i1 {
		after.i, after.k0 = o.i0, now.k0+now.k
		after.k = max(0, min(o.kc, o.end-after.k0))
	}
}

// copyable is how many columns of a pair can be copied in 8-wide blocks.
func (o *overlap) copyable(p *stripPair) int {
	return min(p.k, (len(o.A)-p.i-o.mr-8+o.LDA)/o.LDA-p.k0)
}

// next says what the next micro-kernel copies; to is nil if nothing.
func (o *overlap) next() prefetch {
	if o.rounds > 0 {
		if o.after.copied < o.copyable(&o.after) {
			src, _ := o.planColumns(&o.after, o.rounds, o.every)
			return prefetch{next: src, step: o.LDA, to: &o.target}
		}
		if o.panels.panel < o.last && o.panelCopyable() {
			src, _ := o.planRows(o.rounds, o.every)
			return prefetch{next: src, step: o.LDB, to: &o.target}
		}
	}
	return prefetch{next: &o.A[0]}
}

// pace is how many of the rows that are left a micro-kernel of this many rounds copies.
func (o *overlap) pace(rounds, every, left int) (rows int) {
	o.target.every = every
	if rows = rounds / every; rows > left {
		o.target.every = (rounds + left - 1) / left
		rows = rounds / o.target.every
	}
	return rows
}

// planColumns plans to copy some columns of a pair, which are rows of A in memory.
func (o *overlap) planColumns(p *stripPair, rounds, every int) (src *float32, rows int) {
	src = &o.A[(p.k0+p.copied)*o.LDA+p.i]
	t := &o.target
	t.dst, t.ldd, t.srcGap, t.dstGap = &p.strips[p.copied*o.mr], o.mr, o.mr, o.stripGap(p.k)
	rows = o.pace(rounds, every, o.copyable(p)-p.copied)
	p.copied += rows
	return src, rows
}

// panelCopyable reports whether the panel at work consists of whole 16-wide blocks.
func (o *overlap) panelCopyable() bool {
	column, vectors := o.at(o.panels.panel)
	width := vectors * o.blocked.lanes
	return width%16 == 0 && column+width <= o.N
}

// planRows plans to copy some rows of the panel at work.
func (o *overlap) planRows(rounds, every int) (src *float32, rows int) {
	p := &o.panels
	left, _ := o.at(o.first)
	column, vectors := o.at(p.panel)
	width := vectors * o.blocked.lanes
	src = &o.B[(p.k0+p.rows)*o.LDB+column+16*p.blocks]
	t := &o.target
	t.dst, t.ldd, t.srcGap, t.dstGap = &p.to[(column-left)*p.k+p.rows*width+16*p.blocks], width, 8, 8
	rows = o.pace(rounds, every, p.k-p.rows)
	if p.rows += rows; p.rows == p.k {
		p.rows = 0
		if p.blocks++; 16*p.blocks == width {
			p.blocks = 0
			p.panel++
		}
	}
	return src, rows
}

// takePanels completes the panels and returns them. room is for those of the block after.
func (o *overlap) takePanels(room []float32) []float32 {
	p := &o.panels
	for p.rows+p.blocks > 0 {
		src, rows := o.planRows(p.k, 1)
		o.copyBlocks8(rows, src, o.LDB, &o.target)
	}
	left, _ := o.at(o.first)
	for n := o.first; n < o.last; n++ {
		column, vectors := o.at(n)
		panel := p.to[(column-left)*p.k:]
		switch {
		case n >= p.panel:
			o.packPanel(o.call, o.partition, panel, n, p.k0, p.k)
		case o.round != nil:
			o.round(vectors*o.blocked.lanes*p.k, &panel[0], &panel[0])
		}
	}
	packed := p.to
	p.to = room
	return packed
}
