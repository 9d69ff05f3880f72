package kernel

// A Prepacked is the right side of a product that is multiplied again and again: the
// weights of a recurrent layer, at each step. It is laid out once for the kernels.
type Prepacked struct {
	op     Op // NT or NN
	n, k   int
	b      []float32
	ldb    int
	multi  gemmBody    // of the level and precision
	shape  *packedGemm // nil: B stays where it is, for multi
	panels panels
	packed []float32
}

// Prepack lays out B, n×k for NT and k×n for NN, if it is to be used more than once; bf16 is
// the precision of GemmBF16. B must stay as it is until Free.
func Prepack(op Op, n, k int, b []float32, ldb, uses int, bf16 bool) *Prepacked {
	p := &Prepacked{op: op, n: n, k: k, b: b, ldb: ldb, multi: active.gemm, shape: active.packed}
	if bf16 {
		p.multi, p.shape = active.gemmBF16, active.packedBF16
	}
	if op == TN {
		panic("kernel: Prepack of TN")
	}
	g := product{op: op, n: n, k: k, b: b, ldb: ldb, workers: Workers()}
	g.check()
	if p.shape == nil || uses < 2 || n == 0 || k == 0 {
		p.shape = nil
		return p
	}
	p.panels = p.shape.cut(n)
	p.packed = borrow(p.panels.padded * k)
	block := blockDepth(k)
	blocks := (k + block - 1) / block
	Parallel(blocks*p.panels.count, 1, func(u, _ int) {
		k0 := u / p.panels.count * block
		k, n := min(block, k-k0), u%p.panels.count
		column, _ := p.panels.at(n)
		p.shape.packPanel(&g, &p.panels, p.packed[k0*p.panels.padded+column*k:], n, k0, k)
	})
	return p
}

// Free gives the memory back.
func (p *Prepacked) Free() {
	if p.packed != nil {
		giveBack(p.packed)
		p.packed = nil
	}
}

const (
	prepackedTiles = 16  // of columns, so that few workers have equal shares
	prepackedRows  = 512 // most rows of C in a tile
)

// Gemm sets C (m×n) to A (m×k)·op(B), or with acc adds it, as Gemm and GemmBF16 do.
func (p *Prepacked) Gemm(m int, a []float32, lda int, c []float32, ldc int, acc bool) {
	g := &product{p.op, m, p.n, p.k, a, p.b, c, lda, p.ldb, ldc, acc, active, nil, Workers()}
	if p.shape == nil || m == 0 {
		multiply(p.multi, g)
		return
	}
	g.check()
	group := max(1, min(p.panels.count/prepackedTiles, tileColumns/p.panels.width))
	rows, block := min(m, prepackedRows), blockDepth(p.k)
	down := (m + rows - 1) / rows
	Parallel((p.panels.count+group-1)/group*down, 1, func(u, _ int) {
		i, first := u%down*rows, u/down*group
		t := tile{p.shape, g, &p.panels, i, min(m, i+rows), first, min(p.panels.count, first+group)}
		column, _ := t.at(first)
		for k0 := 0; k0 < p.k; k0 += block {
			k := min(block, p.k-k0)
			t.block(p.packed[k0*p.panels.padded+column*k:], k0, k)
		}
	})
}
