package kernel

import "fragua/model/kernel/par"

// A Prepacked is the right side of a product that is multiplied again and again: the
// weights of a recurrent layer, at each step. It is laid out once for the kernels, in the
// order of their use: for few rows it must come from memory nearly as fast as it can, so
// kernels fetch on the way what the next ones read.
type Prepacked struct {
	op     Op // NT or NN
	n, k   int
	b      []float32
	ldb    int
	bf16   bool
	shape  *packedGemm // nil: B stays where it is
	panels panels
	packed []float32 // [tile][block of k][panel][k in block][column in panel]
	group  int       // panels of a tile
}

// Prepack lays out B, n×k for NT and k×n for NN, if it is to be used more than once; bf16 is
// Gemm's. B must stay as it is until Free.
func Prepack(op Op, n, k int, b []float32, ldb, uses int, bf16 bool) Prepacked {
	p := Prepacked{op: op, n: n, k: k, b: b, ldb: ldb, bf16: bf16, shape: active.packed}
	if bf16 {
		p.shape = active.packedBF16
	}
	if op == TN {
		panic("kernel: Prepack of TN")
	}
	x := arguments{op: op, n: n, k: k, b: b, ldb: ldb}
	x.check()
	if p.shape == nil || uses < 2 || n == 0 || k == 0 {
		p.shape = nil
		return p
	}
	p.panels = p.shape.cut(n)
	p.packed = par.GetScratch(p.panels.padded * k)
	p.group = max(1, min(p.panels.count/prepackedTiles, prepackedPanels))
	block := blockDepth(op, k)
	p.run(x, (k+block-1)/block*p.panels.count, 1, (*product).prepack)
	return p
}

// run shares out work on p.
func (p *Prepacked) run(x arguments, n, grain int, part func(g *product, lo, hi int)) {
	g := products.Get()
	g.arguments, g.level, g.workers, g.plan.prepacked = x, active, par.Workers(), *p
	g.run(n, grain, part)
	g.free()
}

// prepack makes panel u of all.
func (g *product) prepack(u, _ int) {
	p, block := &g.plan.prepacked, blockDepth(g.op, g.k)
	k0 := u / p.panels.count * block
	k, n := min(block, g.k-k0), u%p.panels.count
	first := n / p.group * p.group
	left, _ := p.panels.at(first)
	column, _ := p.panels.at(n)
	p.shape.packPanel(g, &p.panels, p.packed[p.at(first, k0)+(column-left)*k:], n, k0, k)
}

// at is where the block of the tile that begins with panel first and row k0 of op(B) lies.
func (p *Prepacked) at(first, k0 int) int {
	left, _ := p.panels.at(first)
	right, _ := p.panels.at(min(first+p.group, p.panels.count))
	return left*p.k + k0*(right-left)
}

// Free gives the memory back.
func (p *Prepacked) Free() {
	if p.packed != nil {
		par.PutScratch(p.packed)
		p.packed = nil
	}
}

const (
	prepackedTiles  = 16  // of columns, so that few workers have equal shares
	prepackedPanels = 3   // most in a tile: that many use a strip of A in turn
	prepackedRows   = 512 // most rows of C in a tile
)

// Gemm sets C (m×n) to A (m×k)·op(B), or with acc adds it, as the function Gemm does.
func (p *Prepacked) Gemm(m int, a []float32, lda int, c []float32, ldc int, acc bool) {
	x := arguments{p.op, m, p.n, p.k, a, p.b, c, lda, p.ldb, ldc, acc}
	if p.shape == nil || m == 0 {
		multiply(x, epilogue{}, p.bf16)
		return
	}
	x.check()
	tiles := p.tiles()
	p.run(x, tiles*((m+prepackedRows-1)/prepackedRows), max(1, tiles/(4*par.Workers())), (*product).onPrepacked)
}

// tiles is how many lie side by side.
func (p *Prepacked) tiles() int { return (p.panels.count + p.group - 1) / p.group }

// onPrepacked computes tiles [lo, hi).
func (g *product) onPrepacked(lo, hi int) {
	p, rows, block := &g.plan.prepacked, min(g.m, prepackedRows), blockDepth(g.op, g.k)
	across := p.tiles()
	t := tiles.Get()
	t.packedGemm, t.product, t.panels = p.shape, g, &p.panels
	for u := lo; u < hi; u++ {
		i, first := u/across*rows, u%across*p.group
		t.i0, t.i1, t.first, t.last = i, min(g.m, i+rows), first, min(p.panels.count, first+p.group)
		for k0 := 0; k0 < p.k; k0 += block {
			k := min(block, p.k-k0)
			t.upcoming = p.packed[p.at(first, k0+k):]
			t.block(p.packed[p.at(first, k0):], k0, k)
		}
	}
	t.free()
}
