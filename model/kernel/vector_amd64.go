//go:build amd64 && !purego

package kernel

import "math"

// What follows turns assembly, which takes pointers, into kernelTable, which take slices. at
// panics where a slice is shorter than n.
func at(x []float32, n int) *float32 { return &x[:n][0] }

func over(f func(n int, dst *float32, s float32)) func([]float32, float32) {
	return func(dst []float32, s float32) {
		if n := len(dst); n > 0 {
			f(n, &dst[0], s)
		}
	}
}

func over2(f func(n int, dst, x *float32)) func(dst, x []float32) {
	return func(dst, x []float32) {
		if n := len(dst); n > 0 {
			f(n, &dst[0], at(x, n))
		}
	}
}

func over3(f func(n int, dst, x, y *float32)) func(dst, x, y []float32) {
	return func(dst, x, y []float32) {
		if n := len(dst); n > 0 {
			f(n, &dst[0], at(x, n), at(y, n))
		}
	}
}

// vectorASM is the assembly of one instruction set.
type vectorASM struct {
	add, mul                        func(n int, dst, x, y *float32)
	scale                           func(n int, dst *float32, s float32)
	axpy                            func(n int, dst, x *float32, s float32)
	sum                             func(n int, x *float32) float64
	dot                             func(n int, x, y *float32) float64
	gelu, tanh, sigmoid             func(n int, dst, x *float32)
	geluGrad, tanhGrad, sigmoidGrad func(n int, dx, x, dy *float32)
	geluSlope                       func(n int, dst, x *float32)
	swiglu, swigluSlopes            func(n int, dst, gate, up *float32)
	swigluGrad                      func(n int, dgate, dup, gate, up, dy *float32)
	rowMax, rowSum                  func(n int, x *float32) float32
	rowDot                          func(n int, x, y *float32) float32
	rowSpread                       func(n int, x *float32, mean float32) float32
	normalize                       func(n int, y, x, gain, bias *float32, mean, rstd float32)
	normGradSums                    func(n int, dgain, dbias, x, gain, dy *float32, mean, rstd float32) (sum, sumH float32)
	normGrad                        func(n int, dx, x, gain, dy *float32, mean, rstd, m, mH float32)
	rmsScale                        func(n int, y, x, gain *float32, rstd float32)
	rmsGradSums                     func(n int, dgain, x, gain, dy *float32, mean, rstd float32) (sum, sumH float32)
	expSum                          func(n int, dst, x *float32, factor, shift float32) float32
	sumExp                          func(n int, x *float32, shift float32) float32
	scoresMax                       func(rows, n, first, more, ld int, x, top *float32)
	scoresScale                     func(rows, n, first, more, ld int, x, factor *float32)
	log                             func(n int, dst, x *float32)
	scoresExp                       func(rows, n, first, more, ld int, x *float32, factor float32, shift, sum *float32)
	scoresGrad                      func(rows, n, first, more, ld int, p, dp *float32, factor float32, lse, d *float32)
	rotate                          func(n int, x, y, cos, sin *float32)
	adamw                           func(n int, p, g, m, v *float32, scale, beta1, beta2, rest1, rest2, rate, correct2, eps, remaining float32)
	lstmCell                        func(n int, h, c, i, f, z, o, cPrev *float32)
	lstmCellGrad                    func(n int, i, f, z, o, dc, c, cPrev, dy, dh *float32)
	dropout                         func(n int, dst, x *float32, low, key1, high, limit uint32, factor float32)
}

// fill sets all of b that is vectors.
func (v *vectorASM) fill(b *kernelTable) {
	b.add, b.mul, b.scale = over3(v.add), over3(v.mul), over(v.scale)
	b.addTo = func(dst, x []float32) {
		if n := len(dst); n > 0 {
			v.add(n, &dst[0], &dst[0], at(x, n))
		}
	}
	b.axpy = func(dst []float32, s float32, x []float32) {
		if n := len(dst); n > 0 {
			v.axpy(n, &dst[0], at(x, n), s)
		}
	}
	b.dot = func(x, y []float32) float64 {
		if n := len(x); n > 0 {
			return v.dot(n, &x[0], at(y, n))
		}
		return 0
	}
	b.squares = func(x []float32) float64 { return b.dot(x, x) }
	b.sum = func(x []float32) float64 {
		if n := len(x); n > 0 {
			return v.sum(n, &x[0])
		}
		return 0
	}
	b.gelu, b.tanh, b.sigmoid = over2(v.gelu), over2(v.tanh), over2(v.sigmoid)
	b.geluGrad, b.tanhGrad, b.sigmoidGrad, b.swiglu = over3(v.geluGrad), over3(v.tanhGrad), over3(v.sigmoidGrad), over3(v.swiglu)
	b.geluSlope, b.swigluSlopes = over2(v.geluSlope), over3(v.swigluSlopes)
	b.swigluGrad = func(dgate, dup, gate, up, dy []float32) {
		if n := len(dy); n > 0 {
			v.swigluGrad(n, at(dgate, n), at(dup, n), at(gate, n), at(up, n), &dy[0])
		}
	}
	b.rowMax = func(x []float32) float32 {
		if n := len(x); n > 0 {
			return v.rowMax(n, &x[0])
		}
		return float32(math.Inf(-1))
	}
	b.rowDot = func(x, y []float32) float32 {
		if n := len(x); n > 0 {
			return v.rowDot(n, &x[0], at(y, n))
		}
		return 0
	}
	b.expSum = func(dst, x []float32, scale, shift float32) float32 {
		if n := len(dst); n > 0 {
			return v.expSum(n, &dst[0], at(x, n), scale, shift)
		}
		return 0
	}
	b.sumExp = func(x []float32, shift float32) float32 {
		if n := len(x); n > 0 {
			return v.sumExp(n, &x[0], shift)
		}
		return 0
	}
	b.scoresMax = func(r visibleRange, x, top []float32) {
		v.scoresMax(r.rows, r.n, r.first, r.more, r.ld, &x[0], at(top, r.rows))
	}
	b.scoresScale = func(r visibleRange, x, factor []float32) {
		v.scoresScale(r.rows, r.n, r.first, r.more, r.ld, &x[0], at(factor, r.rows))
	}
	b.log = over2(v.log)
	b.scoresExp = func(r visibleRange, x []float32, factor float32, shift, sum []float32) {
		v.scoresExp(r.rows, r.n, r.first, r.more, r.ld, &x[0], factor, at(shift, r.rows), at(sum, r.rows))
	}
	b.scoresGrad = func(r visibleRange, p, dp []float32, factor float32, lse, d []float32) {
		v.scoresGrad(r.rows, r.n, r.first, r.more, r.ld, &p[0], &dp[0], factor, at(lse, r.rows), at(d, r.rows))
	}
	b.rotate = func(x, y, cos, sin []float32) {
		if n := len(cos); n > 0 {
			v.rotate(n, at(x, n), at(y, n), &cos[0], at(sin, n))
		}
	}
	b.adamw = func(p, g, m, u []float32, a *adamFactors) {
		if n := len(p); n > 0 {
			v.adamw(n, &p[0], at(g, n), at(m, n), at(u, n), a.scale, a.beta1, a.beta2, a.rest1, a.rest2, a.rate, a.correct2, a.eps, a.remaining)
		}
	}
	b.dropout = func(dst, x []float32, d *Mask, index uint64) {
		for len(dst) > 0 {
			n := int(min(uint64(len(dst)), 1<<32-index&math.MaxUint32)) // until its low half wraps
			v.dropout(n, &dst[0], at(x, n), uint32(index), d.Key1, uint32(index>>32)+d.Key2, d.Limit, d.Scale)
			dst, x, index = dst[n:], x[n:], index+uint64(n)
		}
	}
	b.lstmCell = func(h, c, gates, cPrev []float32) {
		if n := len(h); n > 0 {
			v.lstmCell(n, &h[0], at(c, n), at(gates, n), at(gates[n:], n), at(gates[2*n:], n), at(gates[3*n:], n), at(cPrev, n))
		}
	}
	b.lstmCellGrad = func(gates, dc, c, cPrev, dy, dh []float32) {
		if n := len(c); n > 0 {
			v.lstmCellGrad(n, at(gates, n), at(gates[n:], n), at(gates[2*n:], n), at(gates[3*n:], n), at(dc, n), &c[0], at(cPrev, n), at(dy, n), at(dh, n))
		}
	}
	v.fillNorms(b)
}

func (v *vectorASM) fillNorms(b *kernelTable) {
	b.layerNorm = func(y, x, gain, bias []float32, eps float32) (mean, rstd float32) {
		n := len(x)
		mean = v.rowSum(n, &x[0]) / float32(n)
		rstd = inverseRoot(v.rowSpread(n, &x[0], mean), n, eps)
		v.normalize(n, at(y, n), &x[0], at(gain, n), at(bias, n), mean, rstd)
		return mean, rstd
	}
	b.layerNormGrad = func(dx, dgain, dbias, x, gain []float32, mean, rstd float32, dy []float32) {
		n := len(x)
		s, h := v.normGradSums(n, at(dgain, n), at(dbias, n), &x[0], at(gain, n), at(dy, n), mean, rstd)
		v.normGrad(n, at(dx, n), &x[0], &gain[0], &dy[0], mean, rstd, s/float32(n), h/float32(n))
	}
	b.rmsNorm = func(y, x, gain []float32, eps float32) (rstd float32) {
		n := len(x)
		rstd = inverseRoot(v.rowSpread(n, &x[0], 0), n, eps)
		v.rmsScale(n, at(y, n), &x[0], at(gain, n), rstd)
		return rstd
	}
	b.rmsNormGrad = func(dx, dgain, x, gain []float32, rstd float32, dy []float32) {
		n := len(x)
		_, h := v.rmsGradSums(n, at(dgain, n), &x[0], at(gain, n), at(dy, n), 0, rstd)
		v.normGrad(n, at(dx, n), &x[0], &gain[0], &dy[0], 0, rstd, 0, h/float32(n))
	}
}

func inverseRoot(squares float32, n int, eps float32) float32 {
	return float32(1 / math.Sqrt(float64(squares)/float64(n)+float64(eps)))
}
