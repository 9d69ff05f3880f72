package kernel

// A packedGemm is matrix multiplication by kernels that hold a block of C in registers
// (Goto and van de Geijn 2008). Tiles of C are shared out among the workers. Kernels read A
// where it lies, and B from panels as wide as a kernel:
//
//	panels   [block of k] [panel] [k in block] [column in panel]
//
// A tile makes the panels of a block when it is about to use them, in the second-level cache,
// and if it uses them seldom, not even that. Only where many tiles lie one below the other, for
// many workers, they share panels.
//
// An element of C is a chain of fused multiply-adds over each block of k, the blocks then
// being added in order, wherever it lies and however the work is cut among workers.
type packedGemm struct {
	lanes, rows int              // of a vector; of the highest kernel
	widest      int              // vectors of the widest kernel
	byRows      [9][4]gemmKernel // [rows][vectors], A read by rows
	byColumns   [4]gemmKernel    // [vectors], A read by columns, as many rows as the highest
	strips      [4]stripsKernel  // as byRows of the highest, for many strips
	copying     [4]gemmKernel    // likewise, copying strips on the way
	ahead       [4]gemmKernel    // as byRows of the highest, fetching panels on the way
	transpose   func(blocks int, src *float32, lds int, dst *float32, ldd int)
	copyRows    [4]func(k int, src *float32, lds int, dst *float32)
	copyOctets  func(k int, from *float32, step int, into *target)
	round       func(n int, dst, x *float32) // what A and B are first rounded by, or nil
}

// rounding is s for bfloat16: strips of A and panels of B are rounded when they are about to be
// used, which costs a hundredth or two of the time.
func (s packedGemm) rounding(round func(n int, dst, x *float32)) packedGemm {
	s.round = round
	return s
}

// A gemmKernel multiplies a strip of A with a panel of k rows of B. Strides count elements;
// tail is how many lanes the last vector of a row of C has. By the way, kernels prefetch from next
// on: those of ahead as many elements as fetched says, the others four rows of k, step apart. Those
// of copying copy rows, step apart, from next on.
type gemmKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int,
	next *float32, step int, into *target)

// A stripsKernel multiplies as many strips of A, one below the other, with the same panel.
type stripsKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int, strips int)

const (
	depth       = 384  // most of k in a block: a strip of A stays in the first-level cache
	undivided   = 768  // k up to which a pass over C less is worth strips twice as long
	tileColumns = 480  // most columns of a tile: their panels stay in the second-level cache
	tall        = 8192 // rows of C from which columns of A, that far apart, are dear to copy:
	tallColumns = 768  // so tiles are wider, and 16384×768 of 1024 by 5 % faster
	cutRows     = 1024 // fewest rows of a tile that is cut only to make shares equal
	manyGroups  = 32   // for a worker, so that shares are nearly equal
	fewRows     = 16   // most rows of A for which B is not worth packing
	ownPanels   = 4    // most tiles one below the other that make the same panels each for itself
	seldom      = 32   // most rows of C, for each lane, for which a copy of B is not worth its making
	low         = 1280 // most rows of a tile whose panels are dearer to make than to keep two sets of
)

// blockDepth cuts k into equal blocks of whole vectors.
func blockDepth(op Op, k int) int {
	blocks := (k + depth - 1) / depth
	if op != TN && k <= undivided {
		blocks = 1
	}
	return ((k+blocks-1)/blocks + 15) &^ 15
}

// gemm computes the whole product.
func (s *packedGemm) gemm(g *product) {
	if g.op == NT && g.m <= fewRows {
		if s.round != nil {
			roundedDots(g)
		} else {
			g.dots()
		}
		return
	}
	p := s.cut(g.n)
	block := min(g.k, blockDepth(g.op, g.k))
	columns := tileColumns * depth / max(depth, block)
	if g.op == TN && g.m >= tall {
		columns = tallColumns
	}
	rows, groups := s.shape(g.m, &p, columns, g.workers)
	g.inTiles(s, plan{panels: p, rows: rows, groups: groups, block: block}, block)
}

var roundedDots = rounded((*product).dots)

// tile is number u of them.
func (s *packedGemm) tile(g *product, u int) *tile {
	t := tiles.Get()
	t.packedGemm, t.product, t.panels = s, g, &g.plan.panels
	t.i0, t.i1, t.first, t.last = g.corners(u)
	return t
}

func (s *packedGemm) ownPanels(g *product, u int) {
	t := s.tile(g, u)
	if u += g.workers; u < g.tiles() { // which this worker will likely be given
		_, _, t.nextFirst, _ = g.corners(u)
	}
	t.multiply(g.plan.block)
	t.free()
}

func (s *packedGemm) pack(g *product, n, k0, k int) {
	column, _ := g.plan.panels.at(n)
	s.packPanel(g, &g.plan.panels, g.plan.packed[column*k:], n, k0, k)
}

func (s *packedGemm) sharedPanels(g *product, u, k0, k int) {
	t := s.tile(g, u)
	if t.op == TN {
		t.newErrands(k0, g.plan.block, k0+k, nil)
	}
	column, _ := t.at(t.first)
	t.block(g.plan.packed[column*k:], k0, k)
	if t.op == TN {
		t.errands.free()
	}
	t.free()
}

// shape chooses how many rows make a tile, and how many groups of panels, of at most so many
// columns, lie side by side. The higher tiles are, the more use is made of their panels, so there
// are only as many tiles as the workers want: a few more groups than needed, if these are then
// equal, or low tiles. Sums do not depend on it.
func (s *packedGemm) shape(m int, p *panels, columns, workers int) (rows, groups int) {
	widest := columns / p.width
	least := (p.count + widest - 1) / widest
	for groups = (least + workers - 1) / workers * workers; groups <= least+least/4; groups += workers {
		if p.count%groups == 0 {
			return (m + s.rows - 1) / s.rows * s.rows, groups
		}
	}
	groups = least
	down, most := 1, (m+2*s.rows-1)/(2*s.rows)
	alike := p.count%groups == 0
	for down < most && groups < manyGroups*workers && (down*groups%workers != 0 || !alike && down%workers != 0) &&
		(down*groups < 4*workers || !alike && m >= cutRows*(down+1)) {
		down++
	}
	return (m + s.rows*down - 1) / (s.rows * down) * s.rows, groups
}

// panels says how n columns are cut into panels as wide as the kernels: the widest, but for
// the end, which is chosen so that few lanes lie idle.
type panels struct {
	wide, width   int // how many of the widest, and their width
	widest        int // vectors in each of these
	narrow        int // and in each of the others
	count, padded int // of all panels; of all columns with those that do not exist
	columns       int // that exist
	lanes         int
}

func (s *packedGemm) cut(n int) panels {
	p := panels{width: s.widest * s.lanes, widest: s.widest, lanes: s.lanes, columns: n}
	if p.wide = n / 16; p.width == 48 { // small products would wait for a division by a variable
		p.wide = n / 48
	}
	rest := n - p.wide*p.width
	switch {
	case rest == 0:
		p.count = p.wide
	case s.widest == 3 && rest <= s.lanes && p.wide > 0: // 48 + 16 is slower than 32 + 32
		p.wide--
		p.narrow, p.count = 2, p.wide+2
	default:
		p.narrow, p.count = vectorsOf(rest, s.lanes), p.wide+1
	}
	p.padded = p.wide*p.width + (p.count-p.wide)*p.narrow*p.lanes
	return p
}

// vectorsOf is how many vectors hold n > 0 numbers, few enough to count.
func vectorsOf(n, lanes int) int {
	vectors := 1
	for vectors*lanes < n {
		vectors++
	}
	return vectors
}

// at returns where panel i begins and how many vectors wide it is.
func (p *panels) at(i int) (column, vectors int) {
	if i < p.wide {
		return i * p.width, p.widest
	}
	return p.wide*p.width + (i-p.wide)*p.narrow*p.lanes, p.narrow
}

// end is the column after panel i−1, of those that exist.
func (p *panels) end(i int) int {
	if i == p.count {
		return p.columns
	}
	column, _ := p.at(i)
	return column
}

// packPanel packs panel n of rows [k0, k0+k) of op(B).
func (s *packedGemm) packPanel(g *product, p *panels, d []float32, n, k0, k int) {
	_, vectors := p.at(n)
	width := vectors * s.lanes
	s.copyPanel(g, p, d, n, k0, k)
	if s.round != nil {
		s.round(width*k, &d[0], &d[0])
	}
}

func (s *packedGemm) copyPanel(g *product, p *panels, d []float32, n, k0, k int) {
	j, vectors := p.at(n)
	width := vectors * s.lanes
	cols := min(width, g.n-j)
	if g.op != NT {
		if cols == width {
			s.copyRows[vectors](k, &g.b[k0*g.ldb+j], g.ldb, &d[0])
			return
		}
		for q := range k {
			row := d[q*width:][:width]
			clear(row[copy(row, g.b[(k0+q)*g.ldb+j:][:cols]):])
		}
		return
	}
	for v := 0; v < width; v += s.lanes {
		whole := 0
		if cols-v >= s.lanes {
			if blocks := k / s.lanes; blocks > 0 {
				s.transpose(blocks, &g.b[(j+v)*g.ldb+k0], g.ldb, &d[v], width)
				whole = blocks * s.lanes
			}
		}
		if whole == k {
			continue
		}
		for r := range s.lanes {
			if v+r >= cols {
				for q := whole; q < k; q++ {
					d[q*width+v+r] = 0
				}
				continue
			}
			for q, x := range g.b[(j+v+r)*g.ldb+k0:][whole:k] {
				d[(whole+q)*width+v+r] = x
			}
		}
	}
}
