package kernel

// A packedGemm is matrix multiplication by kernels that hold a block of C in registers
// (Goto and van de Geijn 2008). Tiles of C are shared out among the workers. Kernels read A
// where it lies, and B from panels as wide as a kernel:
//
//	panels   [block of k] [panel] [k in block] [column in panel]
//
// Where B's rows run along k (NT), making panels means to transpose them, which is done once
// for all tiles; else each tile copies the block that it is about to use, and if it uses it
// seldom, not even that.
//
// An element of C is a chain of fused multiply-adds over each block of k, the blocks then
// being added in order, wherever it lies and however the work is cut among workers.
type packedGemm struct {
	lanes, rows int              // of a vector; of the highest kernel
	widest      int              // vectors of the widest kernel
	byRows      [9][4]gemmKernel // [rows][vectors], A read by rows
	byColumns   [4]gemmKernel    // [vectors], A read by columns, as many rows as the highest
	few         *fewASM
	transpose   func(blocks int, src *float32, lds int, dst *float32, ldd int)
	copyRows    [4]func(k int, src *float32, lds int, dst *float32)
	copyStrips  func(k int, src *float32, lds int, dst, dst2 *float32)
}

// A gemmKernel multiplies a strip of A with a panel of k rows of B. Strides count elements;
// tail is how many lanes the last vector of a row of C has.
type gemmKernel func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int)

const (
	depth       = 384     // most of k in a block: a strip of A stays in the first-level cache
	packedMost  = 4 << 20 // elements of B packed at once
	tileRows    = 512     // most rows of C in a tile
	tileColumns = 480     // most columns: their panels stay in the second-level cache
	tileLeast   = 320     // a tile is not made smaller than this for the sake of sharing
	fewRows     = 16      // most rows of A for which B is not worth packing
	fewTiles    = 8       // at least so many tiles, where they can be had
	farApart    = 1024    // columns of A so far apart that they want a copy
	seldom      = 64      // most rows of C for which a copy of B is not worth its making
)

// blockDepth cuts k into equal blocks of whole vectors.
func blockDepth(k int) int {
	blocks := (k + depth - 1) / depth
	return ((k+blocks-1)/blocks + 15) &^ 15
}

func (s *packedGemm) gemm(g *product, run runner) {
	if g.op == NT && g.m <= fewRows {
		s.dotProducts(g, run)
		return
	}
	widest := s.widest * s.lanes
	step := max(tileColumns, packedMost/g.k/widest*widest)
	if g.op == TN { // packs no more than a tile needs
		step = g.n
	}
	for j := 0; j < g.n; j += step {
		s.columns(g, j, min(g.n, j+step), run)
	}
}

// columns computes columns [j0, j1) of the product.
func (s *packedGemm) columns(g *product, j0, j1 int, run runner) {
	p := s.cut(j1 - j0)
	block := min(g.k, blockDepth(g.k))
	rows, group := s.shape(g.m, &p)
	down, groups := (g.m+rows-1)/rows, (p.count+group-1)/group
	var packed []float32
	if g.op == NT || g.op == NN && down > 2 {
		packed = borrow(p.padded * g.k)
		defer giveBack(packed)
		blocks := (g.k + block - 1) / block
		run(blocks*p.count, 1, func(u, _ int) {
			k0 := u / p.count * block
			s.packPanel(g, &p, packed[k0*p.padded:], u%p.count, 0, j0, j1, k0, min(block, g.k-k0))
		})
	}
	run(down*groups, 1, func(t, _ int) {
		i, first := t%down*rows, t/down*group
		s.tile(g, &p, packed, i, min(g.m, i+rows), j0, j1, first, min(p.count, first+group), block)
	})
}

// shape chooses how many rows and panels make a tile: all tiles equal, large enough that
// what a tile reads is read often, and several of them where that can be had.
func (s *packedGemm) shape(m int, p *panels) (rows, group int) {
	split := func(n, most int) int { return (n + (n+most-1)/most - 1) / ((n + most - 1) / most) }
	rows, group = split(m, tileRows), split(p.count, tileColumns/p.width)
	for (m+rows-1)/rows*((p.count+group-1)/group) < fewTiles {
		switch {
		case rows >= group*p.width && rows >= 2*tileLeast:
			rows = (rows + 1) / 2
		case group*p.width >= 2*tileLeast:
			group = (group + 1) / 2
		case rows >= 2*tileLeast:
			rows = (rows + 1) / 2
		default:
			return (rows + 2*s.rows - 1) / (2 * s.rows) * 2 * s.rows, group
		}
	}
	return (rows + 2*s.rows - 1) / (2 * s.rows) * 2 * s.rows, group
}

// panels says how n columns are cut into panels as wide as the kernels: the widest, but for
// the end, which is chosen so that few lanes lie idle.
type panels struct {
	wide, width   int // how many of the widest, and their width
	narrow        int // vectors in each of the others
	count, padded int // of all panels; of all columns with those that do not exist
	columns       int // that exist
	lanes         int
}

func (s *packedGemm) cut(n int) panels {
	p := panels{wide: n / (s.widest * s.lanes), width: s.widest * s.lanes, lanes: s.lanes, columns: n}
	rest := n - p.wide*p.width
	switch {
	case rest == 0:
		p.count = p.wide
	case s.widest == 3 && rest <= s.lanes && p.wide > 0: // 48 + 16 is slower than 32 + 32
		p.wide--
		p.narrow, p.count = 2, p.wide+2
	default:
		p.narrow, p.count = (rest+s.lanes-1)/s.lanes, p.wide+1
	}
	p.padded = p.wide*p.width + (p.count-p.wide)*p.narrow*p.lanes
	return p
}

// at returns where panel i begins and how many vectors wide it is.
func (p *panels) at(i int) (column, vectors int) {
	if i < p.wide {
		return i * p.width, p.width / p.lanes
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

// packPanel packs panel i of rows [k0, k0+k) of op(B); packed begins with column left.
func (s *packedGemm) packPanel(g *product, p *panels, packed []float32, i, left, j0, j1, k0, k int) {
	column, vectors := p.at(i)
	width := vectors * s.lanes
	d := packed[(column-left)*k:][:width*k]
	j := j0 + column
	cols := min(width, j1-j)
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

// tile computes rows [i0, i1) of panels [first, last). If packed is nil, it makes its own.
func (s *packedGemm) tile(g *product, p *panels, packed []float32, i0, i1, j0, j1, first, last, block int) {
	strip := borrow(2*s.rows*block + 16)
	defer giveBack(strip)
	inPlace := packed == nil && i1-i0 <= seldom && (j1-j0)%s.lanes == 0
	left, _ := p.at(first)
	var own []float32
	if packed == nil && !inPlace {
		own = borrow((last - first) * p.width * block)
		defer giveBack(own)
	}
	for k0 := 0; k0 < g.k; k0 += block {
		k := min(block, g.k-k0)
		acc := 0
		if g.acc || k0 > 0 {
			acc = 1
		}
		var b []float32 // panel n begins at its column times k
		switch {
		case packed != nil:
			b = packed[k0*p.padded+left*k:]
		case own != nil:
			b = own
			for n := first; n < last; n++ {
				s.packPanel(g, p, own, n, left, j0, j1, k0, k)
			}
		}
		for i := i0; i < i1; i += s.rows {
			rows := min(s.rows, i1-i)
			kernels := &s.byRows[rows]
			a, lda := s.strip(g, strip, i, i0, i1, k0, k)
			if g.op == TN && rows == s.rows {
				kernels = &s.byColumns
			}
			for n := first; n < last; n++ {
				column, vectors := p.at(n)
				j := j0 + column
				tail := min(s.lanes, j1-j-(vectors-1)*s.lanes)
				var panel *float32
				ldb := vectors * s.lanes
				if inPlace {
					panel, ldb = &g.b[k0*g.ldb+j], g.ldb
				} else {
					panel = &b[(column-left)*k]
				}
				kernels[vectors](k, a, lda, panel, ldb, &g.c[i*g.ldc+j], g.ldc, acc, tail)
			}
		}
	}
	g.finish(i0, i1, j0+left, j0+p.end(last))
}

// strip returns where the kernels read rows i and on of op(A), and their distance: in A
// itself, or, if its columns are far apart, in a copy. Columns are copied two strips at a
// time, for they share cache lines.
func (s *packedGemm) strip(g *product, copied []float32, i, i0, i1, k0, k int) (*float32, int) {
	rows := min(s.rows, i1-i)
	switch {
	case g.op != TN:
		return &g.a[i*g.lda+k0], g.lda
	case rows < s.rows: // the last strip becomes rows
		for r := range rows {
			for q := range k {
				copied[r*k+q] = g.a[(k0+q)*g.lda+i+r]
			}
		}
		return &copied[0], k
	case g.lda < farApart:
		return &g.a[k0*g.lda+i], g.lda
	}
	odd := (i - i0) / s.rows % 2
	second := s.rows*k + 8 // copyStrips may write a little more
	if odd == 0 && i+2*s.rows <= i1 {
		s.copyStrips(k, &g.a[k0*g.lda+i], g.lda, &copied[0], &copied[second])
	} else if odd == 0 {
		for q := range k {
			copy(copied[q*s.rows:][:s.rows], g.a[(k0+q)*g.lda+i:])
		}
	}
	return &copied[odd*second], s.rows
}
