//go:build amd64 && !purego

package gemm

import (
	"math"

	"fragua/model/kernel/par"
)

// pairs is a blocked GEMM by VDPBF16PS. Its unit is the word: two bfloat16 that are neighbours in
// K, the earlier in the low half. Panels of B are packed as words. So is A, shortly before use: a
// strip of rows or, for TN, a chunk of columns that is laid out as a panel of B. Blocks of K are
// padded with zeros to whole vectors.
type pairs struct {
	byRows    [9][4]microKernel // [rows][vectors], A read by rows; k, lda and ldb count words
	byColumns [4]microKernel    // [vectors], MR rows, A read by columns
	toWords   func(n int, dst, src *float32)
	transpose func(blocks int, src *float32, lds int, dst *float32, ldd int)
	pairRows  [4]func(pairs int, src *float32, lds int, dst *float32)
}

// C is cut as for float32.
var pairShape = &blockedAVX512

const (
	pairKC    = 512 // KC
	pairMR    = 8
	pairLanes = 32 // bfloat16 in a vector
	lineWords = 16 // words in a cache line or vector
)

// choosePairKC cuts k into equal blocks of whole vectors.
func choosePairKC(k int) int {
	blocks := (k + pairKC - 1) / pairKC
	return ((k+blocks-1)/blocks + pairLanes - 1) / pairLanes * pairLanes
}

// words is how many words k elements take, padding included.
func words(k int) int { return (k + pairLanes - 1) / pairLanes * pairLanes / 2 }

// gemm is the driver.
func (s *pairs) gemm(g *call) {
	p := pairShape.partition(g.N)
	kc := min(g.K, choosePairKC(g.K))
	mc, groups := pairShape.tileShape(g.M, &p, ncMax, g.workers)
	g.inTiles(s, tiling{panels: p, mc: mc, groups: groups, kc: kc}, words(kc))
}

func (s *pairs) tile(g *call, u int) pairTile {
	t := pairTile{pairs: s, call: g, partition: &g.tiling.panels}
	t.i0, t.i1, t.first, t.last = g.corners(u)
	return t
}

func (s *pairs) privateTile(g *call, u int) {
	t, kc := s.tile(g, u), g.tiling.kc
	panels := par.GetScratch((t.last - t.first) * t.nr * words(kc))
	defer par.PutScratch(panels)
	left, _ := t.at(t.first)
	for k0 := 0; k0 < t.K; k0 += kc {
		k := min(kc, t.K-k0)
		for n := t.first; n < t.last; n++ {
			column, _ := t.at(n)
			s.packPanel(g, t.partition, panels[(column-left)*words(k):], n, k0, k)
		}
		t.block(panels, k0, k)
	}
}

func (s *pairs) packShared(g *call, n, k0, k int) {
	column, _ := g.tiling.panels.at(n)
	s.packPanel(g, &g.tiling.panels, g.tiling.packed[column*words(k):], n, k0, k)
}

func (s *pairs) sharedTile(g *call, u, k0, k int) {
	t := s.tile(g, u)
	column, _ := t.at(t.first)
	t.block(g.tiling.packed[column*words(k):], k0, k)
}

// A pairTile is rows [i0, i1) and panels [first, last) of C.
type pairTile struct {
	*pairs
	*call
	*partition
	i0, i1, first, last int
}

// block is the macro-kernel: it adds what rows [k0, k0+k) of op(B) contribute, whose panels are b.
func (t *pairTile) block(b []float32, k0, k int) {
	acc := 0
	if t.Acc || k0 > 0 {
		acc = 1
	}
	s := t.strips(k0, k)
	defer par.PutScratch(s.packed)
	left, _ := t.at(t.first)
	for i := t.i0; i < t.i1; i += pairMR {
		rows := min(pairMR, t.i1-i)
		kernels, a, lda := s.at(i, rows)
		for n := t.first; n < t.last; n++ {
			j, vectors := t.at(n)
			tail := min(t.lanes, t.N-j-(vectors-1)*t.lanes)
			kernels[vectors](s.words, a, lda, &b[(j-left)*s.words], vectors*t.lanes, &t.C[i*t.LDC+j], t.LDC, acc, tail,
				s.ahead(i, n-t.first))
		}
		if k0+k == t.K {
			t.finish(i, i+rows, left, t.end(t.last))
		}
	}
}

// pairStrips are strips of op(A) as words: one strip of rows, [row][word], or for TN a chunk of
// columns, [word][column], of at most NR columns.
type pairStrips struct {
	pairTile
	k0, k, words int
	packed       []float32
	from, to     int // columns of the chunk
	fetched      int // rows of the next chunk that have been prefetched
}

func (t *pairTile) strips(k0, k int) pairStrips {
	w, wide := words(k), pairMR
	if t.Op == TN {
		wide += pairShape.nrVectors * lineWords
	}
	return pairStrips{pairTile: *t, k0: k0, k: k, words: w, packed: par.GetScratch(wide * w), from: t.i0, to: t.i0}
}

// at returns the micro-kernels for rows [i, i+rows) of op(A), where they find these, and their
// leading dimension.
func (s *pairStrips) at(i, rows int) (*[4]microKernel, *float32, int) {
	if s.Op != TN {
		for r := range rows {
			s.toWords(s.k, &s.packed[r*s.words], &s.A[(i+r)*s.LDA+s.k0])
		}
		return &s.byRows[rows], &s.packed[0], s.words
	}
	if i == s.to {
		cols := min(pairShape.nrVectors*lineWords, s.i1-i)
		if cols >= lineWords {
			cols -= cols % lineWords
		}
		s.from, s.to, s.fetched = i, i+cols, 0
		s.packRows(s.packed, s.A[s.k0*s.LDA+i:], s.LDA, cols, cols, s.k)
	}
	wide := s.to - s.from
	if rows == pairMR {
		return &s.byColumns, &s.packed[i-s.from], wide
	}
	d := s.packed[wide*s.words:] // the edge kernels read rows
	for r := range rows {
		for q := range s.words {
			d[r*s.words+q] = s.packed[q*wide+i-s.from+r]
		}
	}
	return &s.byRows[rows], &d[0], s.words
}

// ahead says what the micro-kernel of the strip at i and the tile's panel n prefetches: half of the
// next strip, or rows of the next chunk.
func (s *pairStrips) ahead(i, n int) prefetch {
	switch {
	case s.Op != TN && n < 2 && i+2*pairMR <= s.i1:
		return prefetch{next: &s.A[(i+pairMR+4*n)*s.LDA+s.k0], step: s.LDA, by: 8}
	case s.Op == TN && s.to < s.i1 && s.fetched < s.k:
		q := s.fetched
		s.fetched += s.words / 4
		return prefetch{next: &s.A[(s.k0+q)*s.LDA+s.to], step: lineWords, by: s.LDA}
	}
	return prefetch{next: &s.packed[0]}
}

// packPanel packs panel n of rows [k0, k0+k) of op(B).
func (s *pairs) packPanel(g *call, p *partition, dst []float32, n, k0, k int) {
	j, vectors := p.at(n)
	width := vectors * p.lanes
	cols := min(width, g.N-j)
	if g.Op != NT {
		s.packRows(dst, g.B[k0*g.LDB+j:], g.LDB, cols, width, k)
		return
	}
	done := 0 // elements of K that assembly has packed
	if cols == width && k >= pairLanes {
		done = k / pairLanes * pairLanes
		for v := 0; v < width; v += p.lanes {
			s.transpose(done/pairLanes, &g.B[(j+v)*g.LDB+k0], g.LDB, &dst[v], width)
		}
	}
	packWords(dst, done, cols, width, k, func(q, c int) float32 { return g.B[(j+c)*g.LDB+k0+q] })
}

// packRows packs k rows of cols elements, ld apart, as a panel of width columns.
func (s *pairs) packRows(dst, x []float32, ld, cols, width, k int) {
	done := 0
	if cols == width && width%lineWords == 0 && k >= 2 {
		done = k / 2 * 2
		s.pairRows[width/lineWords](done/2, &x[0], ld, &dst[0])
	}
	packWords(dst, done, cols, width, k, func(q, c int) float32 { return x[q*ld+c] })
}

// packWords packs the rows from done on. Rows from k on and columns from cols on are 0.
func packWords(dst []float32, done, cols, width, k int, element func(q, c int) float32) {
	for p := done / 2; p < words(k); p++ {
		d := dst[p*width:][:width]
		clear(d)
		if 2*p >= k {
			continue
		}
		for c := range cols {
			high := float32(0)
			if 2*p+1 < k {
				high = element(2*p+1, c)
			}
			d[c] = word(element(2*p, c), high)
		}
	}
}

// word packs two elements. Its type is only that of the buffer: it is no number.
func word(low, high float32) float32 {
	return math.Float32frombits(uint32(toBF16(low)) | uint32(toBF16(high))<<16)
}
