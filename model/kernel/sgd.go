package kernel

import "fragua/model/kernel/par"

// SGD is one step of gradient descent on parameters p with gradients scale·g: with d the
// gradient plus decay·p, and velocity v ← momentum·v + d unless v is nil, it sets p −= lr·d, or
// lr·v, or with nesterov lr·(d + momentum·v).
func SGD(p, g, v []float32, lr, momentum, decay, scale float32, nesterov bool) {
	same("SGD", len(p), len(g))
	if v != nil {
		same("SGD", len(p), len(v))
	}
	descents.Run(len(p), par.Grain, descent{p, g, v, lr, momentum, decay, scale, nesterov})
}

type descent struct {
	p, g, v                    []float32
	lr, momentum, decay, scale float32
	nesterov                   bool
}

var descents par.CallPool[descent, *descent]

func (s *descent) Chunk(lo, hi int) {
	for j := lo; j < hi; j++ {
		d := float32(s.scale*s.g[j]) + float32(s.decay*s.p[j])
		if s.v != nil {
			s.v[j] = float32(s.momentum*s.v[j]) + d
			if s.nesterov {
				d += float32(s.momentum * s.v[j])
			} else {
				d = s.v[j]
			}
		}
		s.p[j] -= float32(s.lr * d)
	}
}

// Average moves a mean by a share of the way to x: mean += share·(x − mean).
func Average(mean, x []float32, share float32) {
	same("Average", len(mean), len(x))
	axpys.Run(len(mean), par.Grain, axpy{averagePlain, mean, share, x})
}

func averagePlain(mean []float32, share float32, x []float32) {
	for j, v := range x {
		mean[j] += float32(share * (v - mean[j]))
	}
}
