package gemm

import "fragua/model/kernel/par"

// A Prepacked is a matrix B that is multiplied again and again: the weights of a recurrent layer, at
// each step. Its panels are packed once, in the order of their use. For few rows of A they come from
// memory, so the micro-kernels prefetch the panels that the next ones read.
type Prepacked struct {
	table  *Kernels
	op     Op // NT or NN
	n, k   int
	b      []float32
	ldb    int
	bf16   bool
	shape  *blocked // nil: B is used in place
	panels partition
	packed []float32 // [tile][block of K][panel][k in block][column in panel]
	group  int       // panels of a tile
}

// The tiles of products with a Prepacked.
const (
	prepackedTiles  = 16  // across: few workers get equal shares
	prepackedPanels = 3   // most in a tile: this many use a strip of A in turn
	prepackedMC     = 512 // most rows of C in a tile
)

// Prepack packs B of x, of which it reads Op (NT or NN), N, K, B, LDB and BF16, if it is to be used
// more than once. B must stay unchanged until Free.
func (t *Kernels) Prepack(x Args, uses int) Prepacked {
	if x.Op == TN {
		panic("gemm: Prepack of TN")
	}
	x.M, x.C = 0, nil
	x.ready()
	p := Prepacked{table: t, op: x.Op, n: x.N, k: x.K, b: x.B, ldb: x.LDB, bf16: x.BF16, shape: t.blocked}
	if x.BF16 {
		p.shape = t.blockedBF16
	}
	if p.shape == nil || uses < 2 || p.n == 0 || p.k == 0 {
		p.shape = nil
		return p
	}
	p.panels = p.shape.partition(p.n)
	p.packed = par.GetScratch(p.panels.padded * p.k)
	p.group = max(1, min(p.panels.count/prepackedTiles, prepackedPanels))
	kc := chooseKC(p.op, p.k)
	p.run(&x, (p.k+kc-1)/kc*p.panels.count, 1, (*call).prepack)
	return p
}

// run shares out iterations of work on p.
func (p *Prepacked) run(x *Args, n, grain int, part func(g *call, lo, hi int)) {
	g := calls.Get()
	g.Args, g.kernels, g.workers, g.tiling.prepacked = *x, p.table, par.Workers(), *p
	g.run(n, grain, part)
	g.free()
}

// prepack packs panel u of all blocks.
func (g *call) prepack(u, _ int) {
	p, kc := &g.tiling.prepacked, chooseKC(g.Op, g.K)
	k0 := u / p.panels.count * kc
	k, n := min(kc, g.K-k0), u%p.panels.count
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

// Mul sets C (m×N) to A (m×K)·op(B), or with acc adds to it, as Kernels.Mul does.
func (p *Prepacked) Mul(m int, a []float32, lda int, c []float32, ldc int, acc bool) {
	x := Args{Op: p.op, M: m, N: p.n, K: p.k, A: a, B: p.b, C: c, LDA: lda, LDB: p.ldb, LDC: ldc, Acc: acc, BF16: p.bf16}
	if p.shape == nil || m == 0 {
		p.table.Mul(x, Epilogue{})
		return
	}
	x.ready()
	tiles := p.tiles()
	p.run(&x, tiles*((m+prepackedMC-1)/prepackedMC), max(1, tiles/(4*par.Workers())), (*call).mulPrepacked)
}

// tiles is how many lie side by side.
func (p *Prepacked) tiles() int { return (p.panels.count + p.group - 1) / p.group }

// mulPrepacked computes tiles [lo, hi).
func (g *call) mulPrepacked(lo, hi int) {
	p, rows, kc := &g.tiling.prepacked, min(g.M, prepackedMC), chooseKC(g.Op, g.K)
	across := p.tiles()
	t := tiles.Get()
	t.blocked, t.call, t.partition = p.shape, g, &p.panels
	for u := lo; u < hi; u++ {
		i, first := u/across*rows, u%across*p.group
		t.i0, t.i1, t.first, t.last = i, min(g.M, i+rows), first, min(p.panels.count, first+p.group)
		for k0 := 0; k0 < p.k; k0 += kc {
			k := min(kc, p.k-k0)
			t.panelsAhead = p.packed[p.at(first, k0+k):]
			t.block(p.packed[p.at(first, k0):], k0, k)
		}
	}
	t.free()
}
