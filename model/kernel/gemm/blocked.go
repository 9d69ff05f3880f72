package gemm

// blocked is a GEMM blocked for caches and registers (Goto and van de Geijn 2008), in the terms of
// BLIS. A micro-kernel holds MR×NR elements of C in registers and adds up a block of KC products.
// It reads a strip of MR rows of A in place, and NR columns of B from a packed panel:
//
//	panels   [block of K] [panel] [k in block] [column in panel]
//
// C is cut into tiles of MC rows and NC columns, which workers share out. NC is such that a tile's
// panels stay in the L2 cache; KC such that a strip of A stays in the L1 cache; MC is what gives
// every worker an equal share.
//
// An element of C is a chain of fused multiply-adds over each block of K, the blocks being added in
// order, wherever it lies and however the tiles are shared out.
type blocked struct {
	lanes     int // float32 in a vector
	mr        int // MR: rows of the full micro-kernel
	nrVectors int // NR in vectors

	byRows      [9][4]microKernel // [rows][vectors], A read by rows; fewer than MR and NR at the edges of C
	byColumns   [4]microKernel    // [vectors], MR rows, A read by columns (TN)
	copying     [4]microKernel    // byColumns that packs on the way: see overlap
	panelAhead  [4]microKernel    // byRows of MR rows that prefetches packed panels
	strips      [4]stripsKernel   // byRows of MR rows, for many strips
	transpose   func(blocks int, src *float32, lds int, dst *float32, ldd int)
	copyRows    [4]func(k int, src *float32, lds int, dst *float32)
	copyBlocks8 func(k int, src *float32, step int, to *copyTarget)
	round       func(n int, dst, x *float32) // rounds A and B while they are packed; nil: float32
}

// rounding returns s for bfloat16: strips of A and panels of B are rounded when they are packed,
// which costs 1 to 2 % of the time.
func (s blocked) rounding(round func(n int, dst, x *float32)) blocked {
	s.round = round
	return s
}

// A microKernel multiplies a strip of A with a panel of k rows of B, into C, which it overwrites
// or with acc = 1 adds to. Strides count elements; tail is how many lanes of the last vector of a
// row of C exist. On the way it does what ahead says.
type microKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int, ahead prefetch)

// A stripsKernel multiplies several strips of A, one below the other, with the same panel.
type stripsKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int, strips int)

// The blocking of float32. Rows and columns are those of C.
const (
	kcMax       = 384  // KC: a strip of A stays in the L1 cache
	kcUncut     = 768  // K that is not cut: one pass less over C is worth strips twice as long
	ncMax       = 480  // NC, for KC = kcMax
	tnHighRows  = 8192 // TN with this many rows: A's rows are so far apart that copying its columns is slow,
	tnHighNC    = 768  // so that wider tiles are 5 % faster (16384×768 of K 1024)
	mcBalance   = 1024 // fewest rows of a tile that is cut only to make shares equal
	tilesEach   = 32   // most tiles for a worker, so that shares are nearly equal
	privateRows = 4    // most rows of tiles for which each tile packs its own panels

	// Most rows of a tile, for each lane, for which packing B does not pay.
	unpackedRows = 32
	// Most rows of a TN tile for which overlapped packing is worth a second set of panels.
	overlapRows = 1280
)

// SkinnyRows is the most rows of A for which B is not worth packing: an NT product then reads each
// row of B once, in place, and adds up in another order than the micro-kernels.
const SkinnyRows = 16

// chooseKC cuts k into equal blocks of whole vectors.
func chooseKC(op Op, k int) int {
	blocks := (k + kcMax - 1) / kcMax
	if op != TN && k <= kcUncut {
		blocks = 1
	}
	return ((k+blocks-1)/blocks + 15) &^ 15
}

// gemm is the driver.
func (s *blocked) gemm(g *call) {
	if g.Op == NT && g.M <= SkinnyRows {
		if s.round != nil {
			roundedSkinny(g)
		} else {
			g.skinny()
		}
		return
	}
	p := s.partition(g.N)
	kc := min(g.K, chooseKC(g.Op, g.K))
	nc := ncMax * kcMax / max(kcMax, kc)
	if g.Op == TN && g.M >= tnHighRows {
		nc = tnHighNC
	}
	mc, groups := s.tileShape(g.M, &p, nc, g.workers)
	g.inTiles(s, tiling{panels: p, mc: mc, groups: groups, kc: kc}, kc)
}

var roundedSkinny = roundedCopies((*call).skinny)

// tileShape chooses MC and how many groups of panels, of at most nc columns, lie side by side. The
// higher tiles are, the more often their panels are used, so there are only as many tiles as the
// workers need: a few more groups than necessary if these are then equal, or lower tiles. Sums do
// not depend on it.
func (s *blocked) tileShape(m int, p *partition, nc, workers int) (mc, groups int) {
	panels := nc / p.nr // of a tile
	least := (p.count + panels - 1) / panels
	for groups = (least + workers - 1) / workers * workers; groups <= least+least/4; groups += workers {
		if p.count%groups == 0 {
			return (m + s.mr - 1) / s.mr * s.mr, groups
		}
	}
	groups = least
	down, most := 1, (m+2*s.mr-1)/(2*s.mr)
	alike := p.count%groups == 0
	for down < most && groups < tilesEach*workers && (down*groups%workers != 0 || !alike && down%workers != 0) &&
		(down*groups < 4*workers || !alike && m >= mcBalance*(down+1)) {
		down++
	}
	return (m + s.mr*down - 1) / (s.mr * down) * s.mr, groups
}

// tile returns tile u of the call.
func (s *blocked) tile(g *call, u int) *tile {
	t := tiles.Get()
	t.blocked, t.call, t.partition = s, g, &g.tiling.panels
	t.i0, t.i1, t.first, t.last = g.corners(u)
	return t
}

// privateTile computes tile u, whose panels it packs itself.
func (s *blocked) privateTile(g *call, u int) {
	t := s.tile(g, u)
	if u += g.workers; u < g.tiles() { // which this worker will likely be given
		_, _, t.nextFirst, _ = g.corners(u)
	}
	t.multiply(g.tiling.kc)
	t.free()
}

// packShared packs panel n of rows [k0, k0+k) of op(B) for all tiles.
func (s *blocked) packShared(g *call, n, k0, k int) {
	column, _ := g.tiling.panels.at(n)
	s.packPanel(g, &g.tiling.panels, g.tiling.packed[column*k:], n, k0, k)
}

// sharedTile adds rows [k0, k0+k) of op(B) to tile u.
func (s *blocked) sharedTile(g *call, u, k0, k int) {
	t := s.tile(g, u)
	if t.Op == TN {
		t.startOverlap(k0, g.tiling.kc, k0+k, nil)
	}
	column, _ := t.at(t.first)
	t.block(g.tiling.packed[column*k:], k0, k)
	if t.Op == TN {
		t.overlap.free()
	}
	t.free()
}
