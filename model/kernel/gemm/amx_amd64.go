//go:build amd64 && !purego

package gemm

import "fragua/model/kernel/par"

// amx is a blocked GEMM by AMX's TDPBF16PS: 16 × 16 sums of 32 products each in an instruction. It
// packs words as pairs does; panels of B are as they are there, and strips of A are rows of words,
// for TN too.
type amx struct {
	*pairs
	micro          [3][4]amxKernel // [tiles of 16 rows][vectors]
	transposeWords func(blocks int, src *float32, lds int, dst *float32, ldd int)
}

// An amxKernel adds k steps of 16 words each. lda, ldb and ldc count words.
type amxKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)

const (
	amxRows = 16 // of a tile register
	amxMR   = 2 * amxRows
)

//go:noescape
func amx1x1(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)

//go:noescape
func amx1x2(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)

//go:noescape
func amx1x3(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)

//go:noescape
func amx2x1(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)

//go:noescape
func amx2x2(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)

//go:noescape
func amx2x3(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int)

func amxPeak(loops int)

var tilesAMX = amx{
	pairs: &pairsAVX512,
	micro: [3][4]amxKernel{
		1: {1: amx1x1, 2: amx1x2, 3: amx1x3},
		2: {1: amx2x1, 2: amx2x2, 3: amx2x3},
	},
	transposeWords: transposeAVX512,
}

// peakAMX does as many products as 12·loops of VDPBF16PS: 384 a loop, 8192 an instruction, four at a time.
func peakAMX(loops int) { amxPeak(max(1, loops*12*32/8192/4)) }

// gemm is the driver.
func (s *amx) gemm(g *call) {
	p := pairShape.partition(g.N)
	kc := min(g.K, choosePairKC(g.K))
	mc, groups := pairShape.tileShape(g.M, &p, ncMax, g.workers)
	mc = (mc + amxMR - 1) / amxMR * amxMR
	g.inTiles(s, tiling{panels: p, mc: mc, groups: groups, kc: kc}, words(kc))
}

func (s *amx) tile(g *call, u int) amxTile {
	t := amxTile{amx: s, call: g, partition: &g.tiling.panels}
	t.i0, t.i1, t.first, t.last = g.corners(u)
	return t
}

func (s *amx) privateTile(g *call, u int) {
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

func (s *amx) sharedTile(g *call, u, k0, k int) {
	t := s.tile(g, u)
	column, _ := t.at(t.first)
	t.block(g.tiling.packed[column*words(k):], k0, k)
}

// An amxTile is rows [i0, i1) and panels [first, last) of C.
type amxTile struct {
	*amx
	*call
	*partition
	i0, i1, first, last int
}

// block is the macro-kernel: it adds what rows [k0, k0+k) of op(B) contribute, whose panels are b.
// What is not whole tiles is computed beside C and then copied or added.
func (t *amxTile) block(b []float32, k0, k int) {
	acc := 0
	if t.Acc || k0 > 0 {
		acc = 1
	}
	w := words(k)
	strip := par.GetScratch(amxMR * w)
	defer par.PutScratch(strip)
	beside := par.GetScratch(amxMR * pairShape.nrVectors * lineWords)
	defer par.PutScratch(beside)
	var chunk []float32
	if t.Op == TN {
		chunk = par.GetScratch(amxMR * w)
		defer par.PutScratch(chunk)
	}
	left, _ := t.at(t.first)
	for i := t.i0; i < t.i1; i += amxMR {
		rows := min(amxMR, t.i1-i)
		t.packStrip(strip, chunk, i, rows, k0, k)
		kernels := &t.micro[(rows+amxRows-1)/amxRows]
		for n := t.first; n < t.last; n++ {
			j, vectors := t.at(n)
			width := vectors * t.lanes
			panel, cols := &b[(j-left)*w], min(width, t.N-j)
			if cols == width && rows%amxRows == 0 {
				kernels[vectors](w/lineWords, &strip[0], w, panel, width, &t.C[i*t.LDC+j], t.LDC, acc)
				continue
			}
			kernels[vectors](w/lineWords, &strip[0], w, panel, width, &beside[0], width, 0)
			for r := range rows {
				to, from := t.C[(i+r)*t.LDC+j:][:cols], beside[r*width:][:cols]
				if acc == 0 {
					copy(to, from)
					continue
				}
				for c, x := range from {
					to[c] += x
				}
			}
		}
		if k0+k == t.K {
			t.finish(i, i+rows, left, t.end(t.last))
		}
	}
}

// packStrip writes rows [i, i+rows) of op(A) as rows of words. Of TN they are columns, which are
// paired, in a chunk, and then transposed.
func (t *amxTile) packStrip(strip, chunk []float32, i, rows, k0, k int) {
	w := words(k)
	if t.Op != TN {
		for r := range rows {
			t.toWords(k, &strip[r*w], &t.A[(i+r)*t.LDA+k0])
		}
		return
	}
	wide := (rows + lineWords - 1) / lineWords * lineWords
	t.packRows(chunk, t.A[k0*t.LDA+i:], t.LDA, rows, wide, k)
	for q := 0; q < w; q += lineWords {
		t.transposeWords(wide/lineWords, &chunk[q*wide], wide, &strip[q], w)
	}
}
