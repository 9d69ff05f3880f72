//go:build amd64 && !purego

package kernel

import (
	"math"

	"fragua/model/kernel/par"
)

// pairASM is the assembly of a packedGemm for bfloat16. Its unit is the word: two neighbours in
// k. Panels of B are packed as words, and so is A, shortly before it is used: a strip of rows, or,
// where its columns are wanted (TN), a chunk of them, which is laid out as a panel of B. Blocks
// of k are filled up with zeros to whole vectors.
type pairASM struct {
	byRows    [9][4]pairKernel // [rows][vectors], A read by rows
	byColumns [4]pairKernel    // [vectors], A read by columns, as many rows as the highest
	toBF16    func(n int, dst, src *float32)
	fromRows  func(blocks int, src *float32, lds int, dst *float32, ldd int)
	pairRows  [4]func(pairs int, src *float32, lds int, dst *float32)
}

// A pairKernel is a gemmKernel whose k, lda and ldb count words. By the way it prefetches four
// lines, step elements apart, from next on, every four words, and each time by elements further.
type pairKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int,
	next *float32, step, by int)

// kernelShape cuts C as for float32.
var kernelShape = &gemmAVX512

const (
	deepest = 512 // most of k in a block
	vector  = 32  // bfloat16 in a register
	line    = 16  // float32 in a cache line
	high    = 8   // rows of the highest kernel
)

// depthPairs cuts k into equal blocks of whole vectors.
func depthPairs(k int) int {
	blocks := (k + deepest - 1) / deepest
	return ((k+blocks-1)/blocks + vector - 1) / vector * vector
}

// words is how many words k elements take, filled up.
func words(k int) int { return (k + vector - 1) / vector * vector / 2 }

// gemm computes the whole product, as packedGemm does.
func (s *pairASM) gemm(g *product) {
	p := kernelShape.cut(g.n)
	block := min(g.k, depthPairs(g.k))
	rows, groups := kernelShape.shape(g.m, &p, tileColumns, g.workers)
	g.inTiles(s, plan{panels: p, rows: rows, groups: groups, block: block}, words(block))
}

func (s *pairASM) tile(g *product, u int) pairTile {
	t := pairTile{pairASM: s, product: g, panels: &g.plan.panels}
	t.i0, t.i1, t.first, t.last = g.corners(u)
	return t
}

func (s *pairASM) ownPanels(g *product, u int) {
	t, block := s.tile(g, u), g.plan.block
	own := par.GetScratch((t.last - t.first) * t.width * words(block))
	defer par.PutScratch(own)
	left, _ := t.at(t.first)
	for k0 := 0; k0 < t.k; k0 += block {
		k := min(block, t.k-k0)
		for n := t.first; n < t.last; n++ {
			column, _ := t.at(n)
			s.packPanel(g, t.panels, own[(column-left)*words(k):], n, k0, k)
		}
		t.block(own, k0, k)
	}
}

func (s *pairASM) pack(g *product, n, k0, k int) {
	column, _ := g.plan.panels.at(n)
	s.packPanel(g, &g.plan.panels, g.plan.packed[column*words(k):], n, k0, k)
}

func (s *pairASM) sharedPanels(g *product, u, k0, k int) {
	t := s.tile(g, u)
	column, _ := t.at(t.first)
	t.block(g.plan.packed[column*words(k):], k0, k)
}

// A pairTile is rows [i0, i1) and panels [first, last) of C.
type pairTile struct {
	*pairASM
	*product
	*panels
	i0, i1, first, last int
}

// block adds what rows [k0, k0+k) of op(B) contribute, whose panels begin with b.
func (t *pairTile) block(b []float32, k0, k int) {
	acc := 0
	if t.acc || k0 > 0 {
		acc = 1
	}
	s := t.strips(k0, k)
	defer par.PutScratch(s.now)
	left, _ := t.at(t.first)
	for i := t.i0; i < t.i1; i += high {
		rows := min(high, t.i1-i)
		kernels, a, lda := s.at(i, rows)
		for n := t.first; n < t.last; n++ {
			j, vectors := t.at(n)
			tail := min(t.lanes, t.n-j-(vectors-1)*t.lanes)
			next, step, by := s.ahead(i, n-t.first)
			kernels[vectors](s.words, a, lda, &b[(j-left)*s.words], vectors*t.lanes, &t.c[i*t.ldc+j], t.ldc, acc, tail, next, step, by)
		}
		if k0+k == t.k {
			t.finish(i, i+rows, left, t.end(t.last))
		}
	}
}

// packPanel packs panel n of rows [k0, k0+k) of op(B).
func (s *pairASM) packPanel(g *product, p *panels, dst []float32, n, k0, k int) {
	j, vectors := p.at(n)
	width := vectors * p.lanes
	cols := min(width, g.n-j)
	if g.op != NT {
		s.packRows(dst, g.b[k0*g.ldb+j:], g.ldb, cols, width, k)
		return
	}
	done := 0 // what assembly has packed
	if cols == width && k >= vector {
		done = k / vector * vector
		for v := 0; v < width; v += p.lanes {
			s.fromRows(done/vector, &g.b[(j+v)*g.ldb+k0], g.ldb, &dst[v], width)
		}
	}
	packWords(dst, done, cols, width, k, func(q, c int) float32 { return g.b[(j+c)*g.ldb+k0+q] })
}

// packRows packs k rows of cols elements, ld apart, as a panel so wide.
func (s *pairASM) packRows(dst, x []float32, ld, cols, width, k int) {
	done := 0
	if cols == width && width%line == 0 && k >= 2 {
		done = k / 2 * 2
		s.pairRows[width/line](done/2, &x[0], ld, &dst[0])
	}
	packWords(dst, done, cols, width, k, func(q, c int) float32 { return x[q*ld+c] })
}

// packWords packs what is missing from depth done on, from its elements at depths below k and
// columns below cols; all others are 0.
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

// word packs two elements; it is never used as the float32 that it is called.
func word(low, high float32) float32 {
	return math.Float32frombits(uint32(bfloat16(low)) | uint32(bfloat16(high))<<16)
}

// pairStrips are strips of op(A) as words: one strip of rows, [row][word], or of TN a chunk of
// columns, [word][column], as wide as the widest panel.
type pairStrips struct {
	pairTile
	k0, k, words int
	now          []float32
	from, to     int // columns of the chunk
	asked        int // rows of the next one that have been prefetched
}

func (t *pairTile) strips(k0, k int) pairStrips {
	w, wide := words(k), high
	if t.op == TN {
		wide += kernelShape.widest * line
	}
	return pairStrips{pairTile: *t, k0: k0, k: k, words: w, now: par.GetScratch(wide * w), from: t.i0, to: t.i0}
}

// at returns where kernels find rows i and on of op(A), and their distance.
func (s *pairStrips) at(i, rows int) (*[4]pairKernel, *float32, int) {
	if s.op != TN {
		for r := range rows {
			s.toBF16(s.k, &s.now[r*s.words], &s.a[(i+r)*s.lda+s.k0])
		}
		return &s.byRows[rows], &s.now[0], s.words
	}
	if i == s.to {
		cols := min(kernelShape.widest*line, s.i1-i)
		if cols >= line {
			cols -= cols % line
		}
		s.from, s.to, s.asked = i, i+cols, 0
		s.packRows(s.now, s.a[s.k0*s.lda+i:], s.lda, cols, cols, s.k)
	}
	wide := s.to - s.from
	if rows == high {
		return &s.byColumns, &s.now[i-s.from], wide
	}
	d := s.now[wide*s.words:] // the last columns become rows
	for r := range rows {
		for q := range s.words {
			d[r*s.words+q] = s.now[q*wide+i-s.from+r]
		}
	}
	return &s.byRows[rows], &d[0], s.words
}

// ahead says what the kernel of strip i and the tile's panel n is to prefetch: half of the next
// strip, or rows of the next chunk.
func (s *pairStrips) ahead(i, n int) (next *float32, step, by int) {
	switch {
	case s.op != TN && n < 2 && i+2*high <= s.i1:
		return &s.a[(i+high+4*n)*s.lda+s.k0], s.lda, 8
	case s.op == TN && s.to < s.i1 && s.asked < s.k:
		q := s.asked
		s.asked += s.words / 4
		return &s.a[(s.k0+q)*s.lda+s.to], line, s.lda
	}
	return &s.now[0], 0, 0
}

var pairsAVX512 = pairASM{
	toBF16:    toBF16AVX512,
	fromRows:  transposeBF16AVX512,
	pairRows:  [4]func(int, *float32, int, *float32){1: pairRows1xAVX512, 2: pairRows2xAVX512, 3: pairRows3xAVX512},
	byColumns: [4]pairKernel{1: bf16T8x1AVX512, 2: bf16T8x2AVX512, 3: bf16T8x3AVX512},
	byRows: [9][4]pairKernel{
		1: {1: bf16R1x1AVX512, 2: bf16R1x2AVX512, 3: bf16R1x3AVX512},
		2: {1: bf16R2x1AVX512, 2: bf16R2x2AVX512, 3: bf16R2x3AVX512},
		3: {1: bf16R3x1AVX512, 2: bf16R3x2AVX512, 3: bf16R3x3AVX512},
		4: {1: bf16R4x1AVX512, 2: bf16R4x2AVX512, 3: bf16R4x3AVX512},
		5: {1: bf16R5x1AVX512, 2: bf16R5x2AVX512, 3: bf16R5x3AVX512},
		6: {1: bf16R6x1AVX512, 2: bf16R6x2AVX512, 3: bf16R6x3AVX512},
		7: {1: bf16R7x1AVX512, 2: bf16R7x2AVX512, 3: bf16R7x3AVX512},
		8: {1: bf16R8x1AVX512, 2: bf16R8x2AVX512, 3: bf16R8x3AVX512},
	},
}
