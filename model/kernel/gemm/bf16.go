package gemm

import (
	"math"

	"fragua/model/kernel/par"
)

// roundedCopies makes a driver of bfloat16 from one of float32: it multiplies rounded copies, which
// float32 holds exactly.
func roundedCopies(run driver) driver {
	return func(g *call) {
		rowsA, colsA, rowsB, colsB := g.operands()
		a, b := par.GetScratch(rowsA*colsA), par.GetScratch(rowsB*colsB)
		defer par.PutScratch(a)
		defer par.PutScratch(b)
		roundings.Run(rowsA, par.RowGrain(colsA), rounding{g.kernels.round, a, g.A, colsA, g.LDA})
		roundings.Run(rowsB, par.RowGrain(colsB), rounding{g.kernels.round, b, g.B, colsB, g.LDB})
		x := g.Args
		x.A, x.LDA, x.B, x.LDB = a, colsA, b, colsB
		g.kernels.call(run, &x, &g.epilogue, g.workers)
	}
}

type rounding struct {
	round    func(dst, x []float32)
	dst, src []float32
	cols, ld int
}

var roundings par.CallPool[rounding, *rounding]

func (c *rounding) Chunk(lo, hi int) {
	for r := lo; r < hi; r++ {
		c.round(c.dst[r*c.cols:][:c.cols], c.src[r*c.ld:])
	}
}

func roundPlain(dst, x []float32) {
	for i := range dst {
		dst[i] = fromBF16(toBF16(x[i]))
	}
}

// toBF16 rounds v to bfloat16, the upper half of a float32's bits, to nearest even. NaN stays NaN.
func toBF16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16 | 1<<6)
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

func fromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
