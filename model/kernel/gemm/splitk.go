package gemm

import "fragua/model/kernel/par"

// The slices of split-K.
const (
	sliceMinK  = 1024 // fewest K in a slice
	maxSlices  = 8
	sliceTile  = 384 // rows and columns of a tile whose panels are used often enough
	sliceAlign = 32  // K of a slice is a multiple of it
)

// splitK returns a driver that cuts K, where C is small and K large: the gradient of a weight sums
// over all tokens. If C were cut into a tile for each worker, A and B would be read too often; so
// tiles stay large and slices of K are multiplied side by side. The first slice goes to C, the
// others to partial sums, which are added in order. The number of slices depends on the shape
// alone. float32 does without: its tiles overlap packing, and split-K is 1 to 3 % slower.
func splitK(run driver) driver {
	return func(g *call) {
		tiles := ((g.M + sliceTile - 1) / sliceTile) * ((g.N + sliceTile - 1) / sliceTile)
		slices := min(maxSlices/tiles, g.K/sliceMinK)
		if g.Op != TN || slices < 2 {
			run(g)
			return
		}
		k := ((g.K+slices-1)/slices + sliceAlign - 1) / sliceAlign * sliceAlign
		sums := par.GetScratch((slices - 1) * g.M * g.N)
		defer par.PutScratch(sums)
		g.tiling = tiling{slice: run, kc: k, slices: slices, packed: sums}
		g.run(slices, 1, (*call).multiplySlice)
		g.run(g.M, par.RowGrain(g.N), (*call).addSlices)
	}
}

func (g *call) multiplySlice(i, _ int) {
	k, slices, size := g.tiling.kc, g.tiling.slices, g.M*g.N
	x := g.Args
	x.A, x.B, x.K = g.A[i*k*g.LDA:], g.B[i*k*g.LDB:], min(k, g.K-i*k)
	if i > 0 {
		x.C, x.LDC, x.Acc = g.tiling.packed[(i-1)*size:i*size], g.N, false
	}
	g.kernels.call(g.tiling.slice, &x, &Epilogue{}, (g.workers+slices-1)/slices)
}

func (g *call) addSlices(lo, hi int) {
	for r := lo; r < hi; r++ {
		row := g.C[r*g.LDC:][:g.N]
		for i := range g.tiling.slices - 1 {
			g.kernels.addTo(row, g.tiling.packed[(i*g.M+r)*g.N:][:g.N])
		}
	}
	g.finish(lo, hi, 0, g.N)
}
