package kernel

import (
	"math"

	"fragua/model/kernel/par"
)

// Activations of checkpoints from elsewhere. Gradients set dx = dy·f′(x); dx may be dy.

// GELUErf sets dst = x·Φ(x), the exact form of Hendrycks and Gimpel (2016) that BERT uses.
func GELUErf(dst, x []float32) { map1("GELUErf", geluErfPlain, dearGrain, dst, x) }

// GELUErfGrad sets dx = dy·(Φ(x) + x·φ(x)).
func GELUErfGrad(dx, x, dy []float32) { map2("GELUErfGrad", geluErfGradPlain, dearGrain, dx, x, dy) }

// SiLU sets dst = x·σ(x).
func SiLU(dst, x []float32) { map1("SiLU", siluPlain, dearGrain, dst, x) }

// SiLUGrad sets dx = dy·σ(x)(1 + x(1 − σ(x))).
func SiLUGrad(dx, x, dy []float32) { map2("SiLUGrad", siluGradPlain, dearGrain, dx, x, dy) }

// ReLU sets dst = max(x, 0).
func ReLU(dst, x []float32) { map1("ReLU", reluPlain, par.Grain, dst, x) }

// ReLUGrad sets dx = dy where x > 0, else 0.
func ReLUGrad(dx, x, dy []float32) { map2("ReLUGrad", reluGradPlain, par.Grain, dx, x, dy) }

// normal is Φ(x) and e^(−x²/2). Φ is off by at most 2·10⁻⁷ (Abramowitz and Stegun 1964, 7.1.26).
func normal(x float32) (cdf, density float32) {
	z := x
	if z < 0 {
		z = -z
	}
	z *= 1 / math.Sqrt2
	t := 1 / (1 + float32(0.3275911*z))
	p := float32(float32(float32(float32(1.061405429*t)-1.453152027)*t+1.421413741)*t-0.284496736)*t + 0.254829592
	density = exp32(max(-87, -float32(z*z)))
	tail := float32(float32(0.5*p)*t) * density
	if x < 0 {
		return tail, density
	}
	return 1 - tail, density
}

func geluErfPlain(dst, x []float32) {
	for i, v := range x {
		cdf, _ := normal(v)
		dst[i] = v * cdf
	}
}

func geluErfGradPlain(dx, x, dy []float32) {
	const root = 0.3989422804014327 // 1/√(2π)
	for i, v := range x {
		cdf, density := normal(v)
		dx[i] = dy[i] * (cdf + float32(float32(root*v)*density))
	}
}

func siluPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = v * sigmoid32(v)
	}
}

func siluGradPlain(dx, x, dy []float32) {
	for i, v := range x {
		s := sigmoid32(v)
		dx[i] = dy[i] * float32(s*(1+float32(v*(1-s))))
	}
}

func reluPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

func reluGradPlain(dx, x, dy []float32) {
	for i, v := range x {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = 0
		}
	}
}
