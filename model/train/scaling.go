package train

import "math"

// A scalingRun is a run of ours, by which the scaling lines are fitted.
type scalingRun struct {
	layers, width int
	seen          float64 // bytes of text trained on, each time it was seen
	text          float64 // bytes of training text there were
	level         float64 // bits per byte of the yardstick
	bits          float64 // bits per byte of the network on validation
}

// scalingRuns are llamas trained with Muon and a decay to 0, 2,048 ids a step, in 2 to 13 minutes of
// an Intel core with AMX, on books in English and Spanish. Vocabularies are 4,096 and 8,192, contexts
// 256 and 512.
var scalingRuns = []scalingRun{
	{2, 256, 2.63e6, 45.1e6, 2.007, 2.038},
	{2, 256, 2.94e6, 45.0e6, 1.987, 2.031},
	{2, 256, 4.89e6, 45.0e6, 1.994, 1.964}, // with qk_norm, zero_init and a head of its own, lr .01
	{4, 256, 2.65e6, 45.0e6, 1.994, 2.056}, // so too
	{4, 256, 3.16e6, 45.1e6, 2.007, 1.988}, // so too
	{4, 256, 3.58e6, 45.1e6, 2.007, 1.968},
	{4, 256, 10.26e6, 45.1e6, 2.007, 1.782},
}

// scaling is Hoffmann et al.'s law (2022, equation 10) for bits per byte over the yardstick's:
//
//	E + A·N^−α + B·D^−β
//
// with N the parameters between embedding and head, in millions, and D the megabytes of text seen,
// of which those seen again count less and less (Muennighoff et al. 2023, equation 5).
type scaling struct {
	e, a, alpha, b, beta float64
	error                float64 // half of a 95 % interval
}

// bits is what the law says of a model of n parameters that saw this many bytes of a text.
func (s scaling) bits(n, seen, text float64) float64 {
	return s.e + s.a*math.Pow(n/1e6, -s.alpha) + s.b*math.Pow(fresh(seen, text)/1e6, -s.beta)
}

// balanced reports whether more text would help at least as much as more parameters, each by the same
// factor: up to there a budget in ids is spent well.
func (s scaling) balanced(n, seen float64) bool {
	return s.alpha*s.a*math.Pow(n/1e6, -s.alpha) >= s.beta*s.b*math.Pow(seen/1e6, -s.beta)
}

// fresh is how many bytes seen once teach as much as this many bytes seen of a text.
func fresh(seen, text float64) float64 {
	const worth = 15 // epochs, Muennighoff's R*
	if seen <= text {
		return seen
	}
	return text + text*worth*(1-math.Exp(-(seen/text-1)/worth))
}

// fitScaling fits the law by least squares: exponents on a grid, the rest by equations. The error is
// that of the runs' residuals, with as many degrees of freedom as are left.
func fitScaling(runs []scalingRun) (best scaling) {
	const parameters = 5
	least := math.Inf(1)
	for alpha := .1; alpha < .8; alpha += .02 {
		for beta := .1; beta < .8; beta += .02 {
			var xx [3][3]float64
			var xy [3]float64
			for _, r := range runs {
				x := r.terms(alpha, beta)
				for i := range x {
					for j := range x {
						xx[i][j] += x[i] * x[j]
					}
					xy[i] += x[i] * r.bits / r.level
				}
			}
			w, ok := solve3(xx, xy)
			if !ok || w[0] < 0 || w[1] < 0 || w[2] < 0 {
				continue
			}
			s := scaling{e: w[0], a: w[1], alpha: alpha, b: w[2], beta: beta}
			sum := 0.0
			for _, r := range runs {
				d := s.bits(trunk(r.layers, r.width), r.seen, r.text) - r.bits/r.level
				sum += d * d
			}
			if sum < least {
				s.error = 1.96 * math.Sqrt(sum/float64(max(len(runs)-parameters, 1)))
				least, best = sum, s
			}
		}
	}
	return best
}

func (r scalingRun) terms(alpha, beta float64) [3]float64 {
	return [3]float64{1, math.Pow(trunk(r.layers, r.width)/1e6, -alpha), math.Pow(fresh(r.seen, r.text)/1e6, -beta)}
}

// solve3 solves a·x = b by Cramer's rule.
func solve3(a [3][3]float64, b [3]float64) (x [3]float64, ok bool) {
	det := func(m [3][3]float64) float64 {
		return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) - m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) + m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
	}
	d := det(a)
	if math.Abs(d) < 1e-18 {
		return x, false
	}
	for i := range x {
		m := a
		for j := range b {
			m[j][i] = b[j]
		}
		x[i] = det(m) / d
	}
	return x, true
}
