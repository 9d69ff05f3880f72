package kernel

import "math"

// LayerNorm normalises each row of x (rows × cols): y = (x − mean)·rstd·gain + bias (Ba
// et al. 2016). mean and rstd, one a row, are kept for the way back. A nil bias is 0.
func LayerNorm(y, mean, rstd, x, gain, bias []float32, cols int, eps float32) {
	rows := rowsOf("LayerNorm", len(x), cols)
	same("LayerNorm", len(x), len(y))
	same("LayerNorm", cols, len(gain))
	same("LayerNorm", rows, len(mean), len(rstd))
	if bias == nil {
		bias = borrow(cols)
		defer giveBack(bias)
		clear(bias)
	}
	same("LayerNorm", cols, len(bias))
	f := active.layerNorm
	if rows <= rowGrain(cols) { // without garbage
		for r := range rows {
			mean[r], rstd[r] = f(y[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], gain, bias, eps)
		}
		return
	}
	Parallel(rows, rowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			mean[r], rstd[r] = f(y[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], gain, bias, eps)
		}
	})
}

// LayerNormGrad adds to dx, dgain and dbias; a nil dgain or dbias is frozen.
func LayerNormGrad(dx, dgain, dbias, x, gain, mean, rstd, dy []float32, cols int) {
	rows := rowsOf("LayerNormGrad", len(x), cols)
	same("LayerNormGrad", len(x), len(dx), len(dy))
	same("LayerNormGrad", rows, len(mean), len(rstd))
	f := active.layerNormGrad
	byRows(rows, cols, [2][]float32{dgain, dbias}, func(r int, dg, db []float32) {
		lo, hi := r*cols, (r+1)*cols
		f(dx[lo:hi], dg, db, x[lo:hi], gain, mean[r], rstd[r], dy[lo:hi])
	})
}

// RMSNorm is y = x·rstd·gain with rstd = 1/√(mean(x²) + eps) (Zhang and Sennrich 2019).
func RMSNorm(y, rstd, x, gain []float32, cols int, eps float32) {
	rows := rowsOf("RMSNorm", len(x), cols)
	same("RMSNorm", len(x), len(y))
	same("RMSNorm", cols, len(gain))
	same("RMSNorm", rows, len(rstd))
	f := active.rmsNorm
	if rows <= rowGrain(cols) { // without garbage
		for r := range rows {
			rstd[r] = f(y[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], gain, eps)
		}
		return
	}
	Parallel(rows, rowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			rstd[r] = f(y[r*cols:(r+1)*cols], x[r*cols:(r+1)*cols], gain, eps)
		}
	})
}

// RMSNormGrad adds to dx and dgain; a nil dgain is frozen.
func RMSNormGrad(dx, dgain, x, gain, rstd, dy []float32, cols int) {
	rows := rowsOf("RMSNormGrad", len(x), cols)
	same("RMSNormGrad", len(x), len(dx), len(dy))
	same("RMSNormGrad", rows, len(rstd))
	f := active.rmsNormGrad
	byRows(rows, cols, [2][]float32{dgain}, func(r int, dg, _ []float32) {
		lo, hi := r*cols, (r+1)*cols
		f(dx[lo:hi], dg, x[lo:hi], gain, rstd[r], dy[lo:hi])
	})
}

// byRows calls f for every row, with two accumulators of cols that belong to the row's
// chunk alone; afterwards they are added to totals in the order of the chunks. Chunks
// depend on rows alone, hence so does the sum. A nil total is dropped.
func byRows(rows, cols int, totals [2][]float32, f func(r int, a, b []float32)) {
	const most = 32
	grain := max(8, (rows+most-1)/most)
	chunks := (rows + grain - 1) / grain
	parts := borrow(2 * chunks * cols)
	defer giveBack(parts)
	Parallel(rows, grain, func(lo, hi int) {
		p := parts[2*(lo/grain)*cols:][:2*cols]
		clear(p)
		for r := lo; r < hi; r++ {
			f(r, p[:cols], p[cols:])
		}
	})
	for i, total := range totals {
		if total == nil {
			continue
		}
		same("gradient of a norm", cols, len(total))
		for c := range chunks {
			active.addTo(total, parts[(2*c+i)*cols:][:cols])
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
