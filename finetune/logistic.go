package finetune

import "math"

// logistic minimises, over the weights w and the bias b,
//
//	½‖w‖² + ½b² + Σᵢ log(1 + exp(−yᵢ(Σ_{f∈xᵢ} s_f·w_f + b)))
//
// where xᵢ are the features present in row i, s their scales and yᵢ is ±1:
// L2-regularised logistic regression with C = 1. It is Newton's method, each
// step solved by conjugate gradients as far as it pays (Lin, Weng and Keerthi
// 2008), with the step halved until the objective falls. The objective is
// strongly convex, so this ends at its one minimum; nothing is random.
func logistic(x [][]int32, s, y []float64) (w []float64, bias float64) {
	n := len(s)
	p := &regression{x: x, s: s, y: y, margin: make([]float64, len(x)), curve: make([]float64, len(x))}
	v := make([]float64, n+1) // the weights, then the bias
	value := p.at(v)
	var first float64
	for range 100 {
		g := p.gradient(v)
		size := math.Sqrt(dot(g, g))
		if first == 0 {
			first = size
		}
		if size <= 1e-4*first || size == 0 {
			break
		}
		step := p.newton(g, min(0.1, math.Sqrt(size/first))*size)
		slope := dot(g, step)
		next := make([]float64, n+1)
		var at float64
		for rate := 1.0; ; rate /= 2 {
			for i := range next {
				next[i] = v[i] + rate*step[i]
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

type regression struct {
	x      [][]int32
	s, y   []float64
	margin []float64 // Σ s·w + b of each row, at the last point asked for
	curve  []float64 // the second derivative there
}

// at returns the objective and remembers the margins.
func (p *regression) at(v []float64) float64 {
	n := len(p.s)
	sum := dot(v, v) / 2
	for i, row := range p.x {
		z := v[n]
		for _, f := range row {
			z += p.s[f] * v[f]
		}
		p.margin[i] = z
		z *= p.y[i]
		if z > 0 {
			sum += math.Log1p(math.Exp(-z))
		} else {
			sum += math.Log1p(math.Exp(z)) - z
		}
	}
	return sum
}

// gradient is at v, whose margins at has remembered.
func (p *regression) gradient(v []float64) []float64 {
	n := len(p.s)
	g := append([]float64(nil), v...)
	for i, row := range p.x {
		q := sigmoid(p.y[i] * p.margin[i])
		d := (q - 1) * p.y[i]
		p.curve[i] = q * (1 - q)
		for _, f := range row {
			g[f] += p.s[f] * d
		}
		g[n] += d
	}
	return g
}

// newton returns the direction d with H·d ≈ −g, to a residual below tolerance.
func (p *regression) newton(g []float64, tolerance float64) []float64 {
	d := make([]float64, len(g))
	r := make([]float64, len(g))
	for i := range r {
		r[i] = -g[i]
	}
	q := append([]float64(nil), r...)
	rr := dot(r, r)
	for range 200 {
		if math.Sqrt(rr) <= tolerance {
			break
		}
		h := p.curvature(q)
		a := rr / dot(q, h)
		for i := range d {
			d[i] += a * q[i]
			r[i] -= a * h[i]
		}
		next := dot(r, r)
		for i := range q {
			q[i] = r[i] + next/rr*q[i]
		}
		rr = next
	}
	return d
}

// curvature returns the Hessian times q.
func (p *regression) curvature(q []float64) []float64 {
	n := len(p.s)
	h := append([]float64(nil), q...)
	for i, row := range p.x {
		z := q[n]
		for _, f := range row {
			z += p.s[f] * q[f]
		}
		z *= p.curve[i]
		for _, f := range row {
			h[f] += p.s[f] * z
		}
		h[n] += z
	}
	return h
}

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i] * b[i])
	}
	return sum
}
