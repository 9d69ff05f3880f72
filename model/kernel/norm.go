package kernel

import (
	"math"

	"fragua/model/kernel/par"
)

// LayerNorm normalises each row of x (rows × cols): y = (x − mean)·rstd·gain + bias (Ba
// et al. 2016). mean and rstd, one a row, are kept for the way back. A nil bias is 0.
func LayerNorm(y, mean, rstd, x, gain, bias []float32, cols int, eps float32) {
	rows := rowsOf("LayerNorm", len(x), cols)
	same("LayerNorm", len(x), len(y))
	same("LayerNorm", cols, len(gain))
	same("LayerNorm", rows, len(mean), len(rstd))
	if bias == nil {
		bias = par.GetScratch(cols)
		defer par.PutScratch(bias)
		clear(bias)
	}
	same("LayerNorm", cols, len(bias))
	norms.Run(rows, par.RowGrain(cols), norm{active, y, mean, rstd, x, gain, bias, cols, eps})
}

// A norm is a call of LayerNorm, or of RMSNorm, which has no mean.
type norm struct {
	level                        *kernelTable
	y, mean, rstd, x, gain, bias []float32
	cols                         int
	eps                          float32
}

var norms par.CallPool[norm, *norm]

func (n *norm) Chunk(lo, hi int) {
	for r := lo; r < hi; r++ {
		y, x := n.y[r*n.cols:(r+1)*n.cols], n.x[r*n.cols:(r+1)*n.cols]
		if n.mean != nil {
			n.mean[r], n.rstd[r] = n.level.layerNorm(y, x, n.gain, n.bias, n.eps)
		} else {
			n.rstd[r] = n.level.rmsNorm(y, x, n.gain, n.eps)
		}
	}
}

// LayerNormGrad adds to dx, dgain and dbias; a nil dgain or dbias is frozen.
func LayerNormGrad(dx, dgain, dbias, x, gain, mean, rstd, dy []float32, cols int) {
	rows := rowsOf("LayerNormGrad", len(x), cols)
	same("LayerNormGrad", len(x), len(dx), len(dy))
	same("LayerNormGrad", rows, len(mean), len(rstd))
	byRows(rowSums{rows: rows, cols: cols, row: (*rowSums).layerNorm,
		dx: dx, x: x, gain: gain, mean: mean, rstd: rstd, dy: dy}, dgain, dbias)
}

func (s *rowSums) layerNorm(r int, dg, db []float32) {
	lo, hi := r*s.cols, (r+1)*s.cols
	s.level.layerNormGrad(s.dx[lo:hi], dg, db, s.x[lo:hi], s.gain, s.mean[r], s.rstd[r], s.dy[lo:hi])
}

// RMSNorm is y = x·rstd·gain with rstd = 1/√(mean(x²) + eps) (Zhang and Sennrich 2019).
func RMSNorm(y, rstd, x, gain []float32, cols int, eps float32) {
	rows := rowsOf("RMSNorm", len(x), cols)
	same("RMSNorm", len(x), len(y))
	same("RMSNorm", cols, len(gain))
	same("RMSNorm", rows, len(rstd))
	norms.Run(rows, par.RowGrain(cols), norm{active, y, nil, rstd, x, gain, nil, cols, eps})
}

// RMSNormGrad adds to dx and dgain; a nil dgain is frozen.
func RMSNormGrad(dx, dgain, x, gain, rstd, dy []float32, cols int) {
	rows := rowsOf("RMSNormGrad", len(x), cols)
	same("RMSNormGrad", len(x), len(dx), len(dy))
	same("RMSNormGrad", rows, len(rstd))
	byRows(rowSums{rows: rows, cols: cols, row: (*rowSums).rmsNorm,
		dx: dx, x: x, gain: gain, rstd: rstd, dy: dy}, dgain, nil)
}

func (s *rowSums) rmsNorm(r int, dg, _ []float32) {
	lo, hi := r*s.cols, (r+1)*s.cols
	s.level.rmsNormGrad(s.dx[lo:hi], dg, s.x[lo:hi], s.gain, s.rstd[r], s.dy[lo:hi])
}

// rowSums are gradients that all rows add to: row is called for every one, with two
// accumulators of cols that belong to the row's chunk alone.
type rowSums struct {
	level                       *kernelTable
	row                         func(s *rowSums, r int, a, b []float32)
	rows, cols, grain           int
	dx, x, gain, mean, rstd, dy []float32
	parts                       []float32 // the accumulators
}

var rowSumLoops par.CallPool[rowSums, *rowSums]

func (s *rowSums) Chunk(lo, hi int) {
	p := s.parts[2*(lo/s.grain)*s.cols:][:2*s.cols]
	clear(p)
	for r := lo; r < hi; r++ {
		s.row(s, r, p[:s.cols], p[s.cols:])
	}
}

// byRows calls row for all of them, and adds the accumulators to a and b, each unless it is nil, in
// the order of the chunks. Chunks depend on rows alone, hence so does the sum.
func byRows(s rowSums, a, b []float32) {
	const most = 32
	s.level, s.grain = active, max(8, (s.rows+most-1)/most)
	chunks := (s.rows + s.grain - 1) / s.grain
	s.parts = par.GetScratch(2 * chunks * s.cols)
	defer par.PutScratch(s.parts)
	rowSumLoops.Run(s.rows, s.grain, s)
	for i, total := range [2][]float32{a, b} {
		if total == nil {
			continue
		}
		same("gradient of a norm", s.cols, len(total))
		for c := range chunks {
			s.level.addTo(total, s.parts[(2*c+i)*s.cols:][:s.cols])
		}
	}
}

func layerNormPlain(y, x, gain, bias []float32, eps float32) (mean, rstd float32) {
	n := float64(len(x))
	mean = float32(sumPlain(x) / n)
	variance := 0.0
	for _, v := range x {
		d := float64(v - mean)
		variance += d * d
	}
	rstd = float32(1 / math.Sqrt(variance/n+float64(eps)))
	for i, v := range x {
		y[i] = float32(float32((v-mean)*rstd)*gain[i]) + bias[i]
	}
	return mean, rstd
}

func layerNormGradPlain(dx, dgain, dbias, x, gain []float32, mean, rstd float32, dy []float32) {
	var s1, s2 float64
	for i, d := range dy {
		h := float32((x[i] - mean) * rstd)
		dbias[i] += d
		dgain[i] += float32(d * h)
		g := float32(d * gain[i])
		s1 += float64(g)
		s2 += float64(float32(g * h))
	}
	m1, m2 := float32(s1/float64(len(x))), float32(s2/float64(len(x)))
	for i, d := range dy {
		h := float32((x[i] - mean) * rstd)
		dx[i] += float32(rstd * (float32(d*gain[i]) - m1 - float32(h*m2)))
	}
}

func rmsNormPlain(y, x, gain []float32, eps float32) (rstd float32) {
	rstd = float32(1 / math.Sqrt(squaresPlain(x)/float64(len(x))+float64(eps)))
	for i, v := range x {
		y[i] = float32(v*rstd) * gain[i]
	}
	return rstd
}

func rmsNormGradPlain(dx, dgain, x, gain []float32, rstd float32, dy []float32) {
	s := 0.0
	for i, d := range dy {
		h := float32(x[i] * rstd)
		dgain[i] += float32(d * h)
		s += float64(float32(float32(d*gain[i]) * h))
	}
	m := float32(s / float64(len(x)))
	for i, d := range dy {
		h := float32(x[i] * rstd)
		dx[i] += float32(rstd * (float32(d*gain[i]) - float32(h*m)))
	}
}
