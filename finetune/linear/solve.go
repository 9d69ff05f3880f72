package linear

import (
	"math"
	"sync"
)

// A row is a sparse vector: val[k] at position id[k]; at k if id is nil.
type row struct {
	id  []int32
	val []float32
}

func (r row) dot(w []float64) (z float64) {
	if r.id == nil {
		for k, v := range r.val {
			z += float64(float64(v) * w[k])
		}
		return z
	}
	for k, f := range r.id {
		z += float64(float64(r.val[k]) * w[f])
	}
	return z
}

func (r row) addTo(w []float64, scale float64) {
	if r.id == nil {
		for k, v := range r.val {
			w[k] += float64(scale * float64(v))
		}
		return
	}
	for k, f := range r.id {
		w[f] += float64(scale * float64(r.val[k]))
	}
}

// A Loss is what a fit minimises on each row, beside ½‖w‖².
type Loss string

// The losses of f = w·x + bias: of the margin z = y·f where y is ±1, and of numbers y.
const (
	Logistic     Loss = "logistic"      // log(1 + e⁻ᶻ)
	SquaredHinge Loss = "squared_hinge" // max(0, 1 − z)²
	SquaredError Loss = "squared_error" // ½(f − y)²: ridge regression
)

// at returns the loss at f, its derivative and its second derivative.
func (l Loss) at(f, y float64) (value, slope, curve float64) {
	switch z := y * f; l {
	case SquaredError:
		return float64((f-y)*(f-y)) / 2, f - y, 1
	case SquaredHinge:
		d := max(0, 1-z)
		if d > 0 {
			curve = 2
		}
		return d * d, -2 * d * y, curve
	default:
		p := math.Exp(logSigmoid(z))
		return -logSigmoid(z), (p - 1) * y, p * (1 - p)
	}
}

// Precision of a fit: where the gradient has shrunk so much. Numbers are estimated more finely than
// classes are told apart.
const shrunk, shrunkSquared = 1e-3, 1e-6

// solve minimises ½‖w‖² + Σ cost[i]·loss(w·x[i] + bias, y[i]) over the n
// components of w and the bias, which is not regularised. It is
// Newton's method, each step solved by conjugate gradients as far as it pays
// (Lin, Weng and Keerthi 2008), halved until the objective falls. The objective
// is convex and nothing is random: the result is a function of the input.
func solve(x []row, y, cost []float64, n int, loss Loss) (w []float64, bias float64) {
	p := &problem{x: x, y: y, cost: cost, loss: loss, slope: make([]float64, len(x)), curve: make([]float64, len(x))}
	v := make([]float64, n+1) // w, then the bias
	value := p.at(v)
	first, enough := 0.0, shrunk
	if loss == SquaredError {
		enough = shrunkSquared
	}
	for range 100 {
		g := p.gradient(v)
		size := math.Sqrt(dot(g, g))
		if first == 0 {
			first = size
		}
		if size <= enough*first || size == 0 {
			break
		}
		step := p.newton(g, min(0.1, math.Sqrt(size/first))*size)
		slope := dot(g, step)
		next := make([]float64, n+1)
		var at float64
		for rate := 1.0; ; rate /= 2 {
			for i := range next {
				next[i] = v[i] + float64(rate*step[i])
			}
			if at = p.at(next); at <= value+1e-4*rate*slope || rate < 1e-9 {
				break
			}
		}
		if at >= value {
			break // as low as float64 can tell
		}
		v, value = next, at
	}
	return v[:n], v[n]
}

type problem struct {
	x            []row
	y, cost      []float64
	loss         Loss
	slope, curve []float64 // of the loss of each row, at the last point asked for
	part         [parts][]float64
}

// parts is how many runs of rows are summed apart, whatever the number of
// processors is: the sum is always the same.
const parts = 8

// inParts calls f for runs of rows at the same time, with a vector of its own for
// each, and adds the vectors to sum.
func (p *problem) inParts(sum []float64, f func(own []float64, from, to int)) {
	var all sync.WaitGroup
	for k := range p.part {
		if len(p.part[k]) != len(sum) {
			p.part[k] = make([]float64, len(sum))
		}
		all.Go(func() {
			clear(p.part[k])
			f(p.part[k], k*len(p.x)/parts, (k+1)*len(p.x)/parts)
		})
	}
	all.Wait()
	for _, own := range p.part {
		for i, v := range own {
			sum[i] += v
		}
	}
}

// at returns the objective.
func (p *problem) at(v []float64) float64 {
	n := len(v) - 1
	sum := make([]float64, n+1) // the first alone is used
	sum[0] = dot(v[:n], v[:n]) / 2
	p.inParts(sum, func(own []float64, from, to int) {
		for i := from; i < to; i++ {
			value, slope, curve := p.loss.at(p.x[i].dot(v)+v[n], p.y[i])
			own[0] += float64(p.cost[i] * value)
			p.slope[i] = p.cost[i] * slope
			p.curve[i] = p.cost[i] * curve
		}
	})
	return sum[0]
}

// gradient is at v, for which at was called last.
func (p *problem) gradient(v []float64) []float64 {
	n := len(v) - 1
	g := append([]float64(nil), v...)
	g[n] = 0
	p.inParts(g, func(own []float64, from, to int) {
		for i := from; i < to; i++ {
			if p.slope[i] != 0 {
				p.x[i].addTo(own, p.slope[i])
				own[n] += p.slope[i]
			}
		}
	})
	return g
}

// newton returns the direction d with H·d ≈ −g, to a residual below tolerance.
func (p *problem) newton(g []float64, tolerance float64) []float64 {
	d := make([]float64, len(g))
	r := make([]float64, len(g))
	for i := range r {
		r[i] = -g[i]
	}
	q := append([]float64(nil), r...)
	h := make([]float64, len(g))
	rr := dot(r, r)
	for range 200 {
		if math.Sqrt(rr) <= tolerance {
			break
		}
		p.curvature(h, q)
		qh := dot(q, h)
		if qh <= 0 {
			break
		}
		a := rr / qh
		for i := range d {
			d[i] += float64(a * q[i])
			r[i] -= float64(a * h[i])
		}
		next := dot(r, r)
		for i := range q {
			q[i] = r[i] + float64(next/rr*q[i])
		}
		rr = next
	}
	return d
}

// curvature sets h to the Hessian times q.
func (p *problem) curvature(h, q []float64) {
	n := len(q) - 1
	copy(h, q)
	h[n] = 0
	p.inParts(h, func(own []float64, from, to int) {
		for i := from; i < to; i++ {
			if c := p.curve[i]; c != 0 {
				z := c * (p.x[i].dot(q) + q[n])
				p.x[i].addTo(own, z)
				own[n] += z
			}
		}
	})
}

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i] * b[i])
	}
	return sum
}
