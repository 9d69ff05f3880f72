package kernel

import (
	"math"
	"testing"
)

// TestActivationsOfCheckpoints holds the activations against float64, and their gradients
// against differences.
func TestActivationsOfCheckpoints(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(dst, x []float32)
		grad func(dx, x, dy []float32)
		want func(x float64) float64
	}{
		{"GELUErf", GELUErf, GELUErfGrad, func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 }},
		{"SiLU", SiLU, SiLUGrad, func(x float64) float64 { return x / (1 + math.Exp(-x)) }},
		{"ReLU", ReLU, ReLUGrad, func(x float64) float64 { return max(x, 0) }},
	} {
		var x []float32
		for v := float32(-30); v < 30; v += 0.0371 {
			x = append(x, v)
		}
		y, dx, ones := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
		for i := range ones {
			ones[i] = 2
		}
		tt.f(y, x)
		tt.grad(dx, x, ones)
		for i, v := range x {
			const h = 1e-5
			want, slope := tt.want(float64(v)), (tt.want(float64(v)+h)-tt.want(float64(v)-h))/h
			if math.Abs(float64(y[i])-want) > 2e-6 || math.Abs(float64(dx[i])-slope) > 1e-5 {
				t.Fatalf("%s(%g) = %g with gradient %g, want %g and %g", tt.name, v, y[i], dx[i], want, slope)
			}
		}
	}
}
