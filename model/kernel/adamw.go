package kernel

import (
	"math"

	"fragua/model/kernel/par"
)

// adamFactors are the numbers that are the same for all elements of one step.
type adamFactors struct {
	scale          float32 // of the gradient
	beta1, beta2   float32
	rest1, rest2   float32 // 1 − β
	rate           float32 // lr / (1 − β₁ᵗ)
	correct2       float32 // 1 / (1 − β₂ᵗ)
	eps, remaining float32 // remaining: 1 − lr·decay
}

// AdamW is one step of Adam with decoupled weight decay (Loshchilov and Hutter 2019,
// algorithm 2) on parameters p with gradients scale·g and moments m and v, in one pass.
// step counts from 1. scale is where clipping is folded in; 1 leaves g as it is.
func AdamW(p, g, m, v []float32, lr, beta1, beta2, eps, decay float32, step int, scale float32) {
	same("AdamW", len(p), len(g), len(m), len(v))
	adamws.Run(len(p), par.Grain, adamw{active.adamw, p, g, m, v, adamFactors{
		scale: scale, beta1: beta1, beta2: beta2, rest1: 1 - beta1, rest2: 1 - beta2,
		rate:     float32(float64(lr) / (1 - math.Pow(float64(beta1), float64(step)))),
		correct2: float32(1 / (1 - math.Pow(float64(beta2), float64(step)))),
		eps:      eps, remaining: 1 - float32(lr*decay),
	}})
}

type adamw struct {
	f          func(p, g, m, v []float32, a *adamFactors)
	p, g, m, v []float32
	factors    adamFactors
}

var adamws par.CallPool[adamw, *adamw]

func (c *adamw) Chunk(lo, hi int) {
	c.f(c.p[lo:hi], c.g[lo:hi], c.m[lo:hi], c.v[lo:hi], &c.factors)
}

func adamwPlain(p, g, m, v []float32, a *adamFactors) {
	for i := range p {
		d := g[i] * a.scale
		m[i] = float32(m[i]*a.beta1) + float32(d*a.rest1)
		v[i] = float32(v[i]*a.beta2) + float32(float32(d*d)*a.rest2)
		den := float32(math.Sqrt(float64(float32(v[i]*a.correct2)))) + a.eps
		p[i] = float32(p[i]*a.remaining) - float32(a.rate*(m[i]/den))
	}
}
