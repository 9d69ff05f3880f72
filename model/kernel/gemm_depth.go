package kernel

import "fragua/model/kernel/par"

const (
	segmentLeast = 1024 // depths in a segment
	segmentMost  = 8    // segments
	squareTile   = 384  // rows and columns of a tile that is read seldom enough
)

// splitDepth makes the body of pairs cut k, where C is small and k is large: the gradient of a
// weight sums over all tokens. Tiles of C small enough to give every worker some would read A and
// B too often, so tiles stay large and segments of k are multiplied side by side. The first goes
// to C, the others to partial sums, which are added in order; how many there are depends on the
// shape alone. In float32, whose tiles make panels on the way, it is .01 to .03 slower.
func splitDepth(gemm gemmBody) gemmBody {
	return func(g *product) {
		tiles := ((g.m + squareTile - 1) / squareTile) * ((g.n + squareTile - 1) / squareTile)
		segments := min(segmentMost/tiles, g.k/segmentLeast)
		if g.op != TN || segments < 2 {
			gemm(g)
			return
		}
		depth := ((g.k+segments-1)/segments + 31) / 32 * 32
		sums := par.GetScratch((segments - 1) * g.m * g.n)
		defer par.PutScratch(sums)
		g.plan = plan{segment: gemm, block: depth, segments: segments, packed: sums}
		g.run(segments, 1, (*product).segment)
		g.run(g.m, rowGrain(g.n), (*product).addSegments)
	}
}

func (g *product) segment(i, _ int) {
	depth, segments, size := g.plan.block, g.plan.segments, g.m*g.n
	x := g.arguments
	x.a, x.b, x.k = g.a[i*depth*g.lda:], g.b[i*depth*g.ldb:], min(depth, g.k-i*depth)
	if i > 0 {
		x.c, x.ldc, x.acc = g.plan.packed[(i-1)*size:i*size], g.n, false
	}
	g.plan.segment.multiply(x, g.after, g.level, (g.workers+segments-1)/segments)
}

func (g *product) addSegments(lo, hi int) {
	for r := lo; r < hi; r++ {
		row := g.c[r*g.ldc:][:g.n]
		for i := range g.plan.segments - 1 {
			g.level.addTo(row, g.plan.packed[(i*g.m+r)*g.n:][:g.n])
		}
	}
}
