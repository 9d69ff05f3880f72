package gemm

// Small products, computed in the calling goroutine by the micro-kernels of the blocked driver:
// those of one strip of attention. x.LDA, x.LDB and x.LDC must be set.

// PackTransposed packs n rows of k elements, ld apart, as the B of an NT product for MulPacked.
func (t *Kernels) PackTransposed(dst, src []float32, ld, n, k int) {
	s := t.blocked
	if s == nil { // level plain packs nothing ahead
		for r := range n {
			copy(dst[r*k:][:k], src[r*ld:])
		}
		return
	}
	g := call{Args: Args{Op: NT, N: n, K: k, B: src, LDB: ld}}
	p := s.partition(n)
	for i := range p.count {
		column, _ := p.at(i)
		s.packPanel(&g, &p, dst[column*k:], i, 0, k)
	}
}

// MulPacked sets C (M×N) to A·Bᵀ. B holds total ≥ N rows, packed by PackTransposed; x.Op, LDB and
// Acc are ignored.
func (t *Kernels) MulPacked(x *Args, total int) {
	s := t.blocked
	if s == nil {
		plain := *x
		plain.Op, plain.LDB, plain.Acc = NT, x.K, false
		t.call(t.f32, &plain, &Epilogue{}, 1)
		return
	}
	p := s.partition(total)
	for i := range p.count {
		j, vectors := p.at(i)
		if j >= x.N {
			return
		}
		width := vectors * s.lanes
		vectors = vectorsOf(min(width, x.N-j), s.lanes)
		tail := min(s.lanes, x.N-j-(vectors-1)*s.lanes)
		s.mulPanel(x, &x.B[j*x.K], width, vectors, j, 0, tail)
	}
}

// MulSmall computes an NN or TN product, reading B in place.
func (t *Kernels) MulSmall(x *Args) {
	s := t.blocked
	if s == nil || x.N%s.lanes != 0 || x.Op == TN && x.M%s.mr != 0 { // the micro-kernels read whole vectors
		t.call(t.f32, x, &Epilogue{}, 1)
		return
	}
	p, acc := s.partition(x.N), 0
	if x.Acc {
		acc = 1
	}
	for i := 0; i < x.M && x.Op == TN; i += s.mr { // strips of A are long, and stay in the L1 cache
		for n := range p.count {
			j, vectors := p.at(n)
			s.byColumns[vectors](x.K, &x.A[i], x.LDA, &x.B[j], x.LDB, &x.C[i*x.LDC+j], x.LDC, acc, s.lanes, prefetch{next: &x.A[0]})
		}
	}
	for n := 0; n < p.count && x.Op == NN; n++ {
		j, vectors := p.at(n)
		s.mulPanel(x, &x.B[j], x.LDB, vectors, j, acc, s.lanes)
	}
}

// mulPanel multiplies all rows of A with one panel of B, into columns of C from j on.
func (s *blocked) mulPanel(x *Args, b *float32, ldb, vectors, j, acc, tail int) {
	strips := x.M / s.mr
	if strips > 0 {
		s.strips[vectors](x.K, &x.A[0], x.LDA, b, ldb, &x.C[j], x.LDC, acc, tail, strips)
	}
	if i := strips * s.mr; i < x.M {
		s.byRows[x.M-i][vectors](x.K, &x.A[i*x.LDA], x.LDA, b, ldb, &x.C[i*x.LDC+j], x.LDC, acc, tail, prefetch{next: &x.A[0]})
	}
}
