package gemm

// A partition says how N columns are cut into panels as wide as the micro-kernels: NR columns each,
// but for the last one or two, whose width is chosen so that few lanes are idle.
type partition struct {
	full, nr      int // panels of NR columns, and NR
	nrVectors     int // vectors in each of these
	edgeVectors   int // and in each of the others
	count, padded int // all panels; all columns, those included that pad the last panel
	columns       int // N
	lanes         int
}

func (s *blocked) partition(n int) partition {
	p := partition{nr: s.nrVectors * s.lanes, nrVectors: s.nrVectors, lanes: s.lanes, columns: n}
	if p.full = n / 16; p.nr == 48 { // constants: a small product would wait for a division by a variable
		p.full = n / 48
	}
	rest := n - p.full*p.nr
	switch {
	case rest == 0:
		p.count = p.full
	case s.nrVectors == 3 && rest <= s.lanes && p.full > 0: // 48 + 16 is slower than 32 + 32
		p.full--
		p.edgeVectors, p.count = 2, p.full+2
	default:
		p.edgeVectors, p.count = vectorsOf(rest, s.lanes), p.full+1
	}
	p.padded = p.full*p.nr + (p.count-p.full)*p.edgeVectors*p.lanes
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
func (p *partition) at(i int) (column, vectors int) {
	if i < p.full {
		return i * p.nr, p.nrVectors
	}
	return p.full*p.nr + (i-p.full)*p.edgeVectors*p.lanes, p.edgeVectors
}

// end is the column after panel i−1, of those that exist.
func (p *partition) end(i int) int {
	if i == p.count {
		return p.columns
	}
	column, _ := p.at(i)
	return column
}

// packPanel packs panel n of rows [k0, k0+k) of op(B).
func (s *blocked) packPanel(g *call, p *partition, d []float32, n, k0, k int) {
	_, vectors := p.at(n)
	s.copyPanel(g, p, d, n, k0, k)
	if s.round != nil {
		s.round(vectors*s.lanes*k, &d[0], &d[0])
	}
}

func (s *blocked) copyPanel(g *call, p *partition, d []float32, n, k0, k int) {
	j, vectors := p.at(n)
	width := vectors * s.lanes
	cols := min(width, g.N-j)
	if g.Op != NT {
		if cols == width {
			s.copyRows[vectors](k, &g.B[k0*g.LDB+j], g.LDB, &d[0])
			return
		}
		for q := range k {
			row := d[q*width:][:width]
			clear(row[copy(row, g.B[(k0+q)*g.LDB+j:][:cols]):])
		}
		return
	}
	for v := 0; v < width; v += s.lanes {
		whole := 0 // elements of K that are transposed by assembly
		if cols-v >= s.lanes {
			if blocks := k / s.lanes; blocks > 0 {
				s.transpose(blocks, &g.B[(j+v)*g.LDB+k0], g.LDB, &d[v], width)
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
			for q, x := range g.B[(j+v+r)*g.LDB+k0:][whole:k] {
				d[(whole+q)*width+v+r] = x
			}
		}
	}
}
