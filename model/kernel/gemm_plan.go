package kernel

import "fragua/model/kernel/par"

// A plan is how a product is cut, for its workers to see.
type plan struct {
	kernels   tiled
	panels    panels
	rows      int       // of C, of a tile
	groups    int       // of panels, that lie side by side
	block, k0 int       // depths of a block, and where that at work begins
	packed    []float32 // its panels

	segments  int      // of k, if it is cut for workers, too
	segment   gemmBody // what computes one
	prepacked Prepacked
}

// Tiled are the kernels of products that are cut into tiles, which are numbered down the columns
// of C.
type tiled interface {
	ownPanels(g *product, u int)           // computes tile u, making its panels
	pack(g *product, n, k0, k int)         // makes panel n of rows [k0, k0+k) of op(B)
	sharedPanels(g *product, u, k0, k int) // adds these rows to tile u
}

// inTiles computes g by a plan. A column of a block's panels has so many floats.
func (g *product) inTiles(kernels tiled, p plan, floats int) {
	g.plan = p
	g.plan.kernels = kernels
	if g.down() <= ownPanels {
		g.run(g.tiles(), 1, func(g *product, u, _ int) { g.plan.kernels.ownPanels(g, u) })
		return
	}
	packed := par.GetScratch(p.panels.padded * floats)
	defer par.PutScratch(packed)
	g.plan.packed = packed
	for ; g.plan.k0 < g.k; g.plan.k0 += p.block {
		g.run(p.panels.count, 1, func(g *product, n, _ int) { g.plan.kernels.pack(g, n, g.plan.k0, g.depths()) })
		g.run(g.tiles(), 1, func(g *product, u, _ int) { g.plan.kernels.sharedPanels(g, u, g.plan.k0, g.depths()) })
	}
}

// depths is how many the block at work has.
func (g *product) depths() int { return min(g.plan.block, g.k-g.plan.k0) }

// down is how many tiles lie one below the other.
func (g *product) down() int { return (g.m + g.plan.rows - 1) / g.plan.rows }

func (g *product) tiles() int { return g.down() * g.plan.groups }

// corners are rows [i0, i1) and panels [first, last) of tile u.
func (g *product) corners(u int) (i0, i1, first, last int) {
	p, down := &g.plan, g.down()
	i0, group := u%down*p.rows, u/down
	return i0, min(g.m, i0+p.rows), group * p.panels.count / p.groups, (group + 1) * p.panels.count / p.groups
}
