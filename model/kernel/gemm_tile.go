package kernel

// Small products inside one goroutine, by the kernels of packedGemm.

// packT packs n rows of k elements, ld apart, as the panels of their transpose.
func (s *packedGemm) packT(dst, src []float32, ld, n, k int) {
	g := product{arguments: arguments{op: NT, n: n, k: k, b: src, ldb: ld}}
	p := s.cut(n)
	for i := range p.count {
		column, _ := p.at(i)
		s.packPanel(&g, &p, dst[column*k:], i, 0, k)
	}
}

// mulPacked sets C (m×n) to A·Bᵀ, where packed holds total ≥ n rows of B.
func (s *packedGemm) mulPacked(m, n, k int, a []float32, lda int, packed []float32, total int, c []float32, ldc int) {
	p := s.cut(total)
	for t := range p.count {
		j, vectors := p.at(t)
		if j >= n {
			return
		}
		width := vectors * s.lanes
		vectors = vectorsOf(min(width, n-j), s.lanes)
		tail := min(s.lanes, n-j-(vectors-1)*s.lanes)
		s.mulPanel(m, k, a, lda, &packed[j*k], width, vectors, c[j:], ldc, 0, tail)
	}
}

// mulPanel multiplies rows of A with one panel of B.
func (s *packedGemm) mulPanel(m, k int, a []float32, lda int, b *float32, ldb, vectors int, c []float32, ldc, acc, tail int) {
	strips := m / s.rows
	if strips > 0 {
		s.strips[vectors](k, &a[0], lda, b, ldb, &c[0], ldc, acc, tail, strips)
	}
	if i := strips * s.rows; i < m {
		s.byRows[m-i][vectors](k, &a[i*lda], lda, b, ldb, &c[i*ldc], ldc, acc, tail, &a[0], 0, nil)
	}
}

// mulTile sets C (m×n) to op(A)·B, or adds it, reading B where it lies: op is NN or TN.
func (s *packedGemm) mulTile(op Op, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	if n%s.lanes != 0 || op == TN && m%s.rows != 0 { // the kernels read whole vectors
		g := products.Get()
		g.arguments, g.workers = arguments{op, m, n, k, a, b, c, lda, ldb, ldc, acc}, 1
		s.gemm(g)
		g.free()
		return
	}
	p, add := s.cut(n), 0
	if acc {
		add = 1
	}
	for i := 0; i < m && op == TN; i += s.rows { // strips of A, which are long, stay in the first-level cache
		for t := range p.count {
			j, vectors := p.at(t)
			s.byColumns[vectors](k, &a[i], lda, &b[j], ldb, &c[i*ldc+j], ldc, add, s.lanes, &a[0], 0, nil)
		}
	}
	for t := 0; t < p.count && op == NN; t++ {
		j, vectors := p.at(t)
		s.mulPanel(m, k, a, lda, &b[j], ldb, vectors, c[j:], ldc, add, s.lanes)
	}
}
