package kernel

import (
	"math"

	"fragua/model/kernel/par"
)

// rounded makes a product of bfloat16 from one of float32, which hold them exactly, by copies.
func rounded(gemm gemmBody) gemmBody {
	return func(g *product) {
		rowsA, colsA, rowsB, colsB := g.operands()
		a, b := par.GetScratch(rowsA*colsA), par.GetScratch(rowsB*colsB)
		defer par.PutScratch(a)
		defer par.PutScratch(b)
		roundings.Run(rowsA, rowGrain(colsA), rounding{g.level.round, a, g.a, colsA, g.lda})
		roundings.Run(rowsB, rowGrain(colsB), rounding{g.level.round, b, g.b, colsB, g.ldb})
		x := g.arguments
		x.a, x.lda, x.b, x.ldb = a, colsA, b, colsB
		gemm.multiply(x, g.after, g.level, g.workers)
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
		dst[i] = math.Float32frombits(uint32(bfloat16(x[i])) << 16)
	}
}

// bfloat16 is the upper half of v's bits, rounded to nearest even; NaN stays NaN.
func bfloat16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16 | 1<<6)
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}
