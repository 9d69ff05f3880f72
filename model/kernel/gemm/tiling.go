package gemm

import "fragua/model/kernel/par"

// A tiling is how a call is cut, for its workers to see.
type tiling struct {
	kernels tiled
	panels  partition
	mc      int       // rows of a tile
	groups  int       // of panels, side by side: one a tile
	kc, k0  int       // KC, and the row of op(B) at which the block at work begins
	packed  []float32 // the block's panels, or of split-K the partial sums

	slices    int // of split-K
	slice     driver
	prepacked Prepacked
}

// tiled is what computes tiles. They are numbered down the columns of C.
type tiled interface {
	privateTile(g *call, u int)       // computes tile u, packing its own panels
	packShared(g *call, n, k0, k int) // packs panel n of rows [k0, k0+k) of op(B)
	sharedTile(g *call, u, k0, k int) // adds these rows to tile u
}

// inTiles computes g. A column of a block's panels takes columnSize floats.
func (g *call) inTiles(kernels tiled, t tiling, columnSize int) {
	g.tiling = t
	g.tiling.kernels = kernels
	if g.down() <= privateRows {
		g.run(g.tiles(), 1, func(g *call, u, _ int) { g.tiling.kernels.privateTile(g, u) })
		return
	}
	packed := par.GetScratch(t.panels.padded * columnSize)
	defer par.PutScratch(packed)
	g.tiling.packed = packed
	for ; g.tiling.k0 < g.K; g.tiling.k0 += t.kc {
		g.run(t.panels.count, 1, func(g *call, n, _ int) { g.tiling.kernels.packShared(g, n, g.tiling.k0, g.blockK()) })
		g.run(g.tiles(), 1, func(g *call, u, _ int) { g.tiling.kernels.sharedTile(g, u, g.tiling.k0, g.blockK()) })
	}
}

// blockK is how many rows of op(B) the block at work has: KC, or what is left.
func (g *call) blockK() int { return min(g.tiling.kc, g.K-g.tiling.k0) }

// down is how many tiles lie one below the other.
func (g *call) down() int { return (g.M + g.tiling.mc - 1) / g.tiling.mc }

func (g *call) tiles() int { return g.down() * g.tiling.groups }

// corners returns rows [i0, i1) and panels [first, last) of tile u.
func (g *call) corners(u int) (i0, i1, first, last int) {
	t, down := &g.tiling, g.down()
	i0, group := u%down*t.mc, u/down
	return i0, min(g.M, i0+t.mc), group * t.panels.count / t.groups, (group + 1) * t.panels.count / t.groups
}
