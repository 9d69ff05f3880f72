package kernel

import "fragua/model/kernel/par"

// The activations work element by element; gradients of tanh and σ add to dx, the
// others set it.

// GELU sets dst = x·σ(2u), u = √(2/π)(x + 0.044715x³): the tanh form of Hendrycks and
// Gimpel (2016) that GPT-2 uses, since (1 + tanh u)/2 = σ(2u).
func GELU(dst, x []float32) { map1("GELU", active.gelu, dearGrain, dst, x) }

// GELUGrad sets dx = dy·GELU′(x). dx may be dy.
func GELUGrad(dx, x, dy []float32) { map2("GELUGrad", active.geluGrad, dearGrain, dx, x, dy) }

// Tanh sets dst = tanh x.
func Tanh(dst, x []float32) { map1("Tanh", active.tanh, dearGrain, dst, x) }

// TanhGrad sets dx += dy·(1 − y²), where y = tanh x is what Tanh gave.
func TanhGrad(dx, y, dy []float32) { map2("TanhGrad", active.tanhGrad, dearGrain, dx, y, dy) }

// Sigmoid sets dst = σ(x) = 1/(1 + e⁻ˣ).
func Sigmoid(dst, x []float32) { map1("Sigmoid", active.sigmoid, dearGrain, dst, x) }

// SigmoidGrad sets dx += dy·y(1 − y), where y = σ(x) is what Sigmoid gave.
func SigmoidGrad(dx, y, dy []float32) {
	map2("SigmoidGrad", active.sigmoidGrad, dearGrain, dx, y, dy)
}

// SwiGLU sets dst = gate·σ(gate)·up (Shazeer 2020).
func SwiGLU(dst, gate, up []float32) { map2("SwiGLU", active.swiglu, dearGrain, dst, gate, up) }

// SwiGLUGrad sets dgate = dy·up·SiLU′(gate) and dup = dy·SiLU(gate). Each may be any of the
// others.
func SwiGLUGrad(dgate, dup, gate, up, dy []float32) {
	same("SwiGLUGrad", len(dy), len(dgate), len(dup), len(gate), len(up))
	swigluGrads.Run(len(dy), dearGrain, swigluGrad{active.swigluGrad, dgate, dup, gate, up, dy})
}

type swigluGrad struct {
	f                        func(dgate, dup, gate, up, dy []float32)
	dgate, dup, gate, up, dy []float32
}

var swigluGrads par.CallPool[swigluGrad, *swigluGrad]

func (c *swigluGrad) Chunk(lo, hi int) {
	c.f(c.dgate[lo:hi], c.dup[lo:hi], c.gate[lo:hi], c.up[lo:hi], c.dy[lo:hi])
}

const dearGrain = par.Grain / 4 // of operations that take an exponential

const (
	gelu1 = 2 * 0.7978845608028654 // 2u = gelu1·x + gelu3·x³
	gelu3 = gelu1 * 0.044715
)

func geluPlain(dst, x []float32) {
	for i, v := range x {
		u := float32(float32(gelu3*float32(v*v))+gelu1) * v
		dst[i] = v * sigmoid32(u)
	}
}

func geluGradPlain(dx, x, dy []float32) {
	for i, v := range x {
		z := float32(v * v)
		s := sigmoid32(float32(float32(gelu3*z)+gelu1) * v)
		du := float32(3*gelu3*z) + gelu1
		dx[i] = dy[i] * (s + float32(float32(float32(s*(1-s))*v)*du))
	}
}

// geluSlopePlain sets dst = GELU(x) and then x = GELU′(x).
func geluSlopePlain(dst, x []float32) {
	for i, v := range x {
		z := float32(v * v)
		s := sigmoid32(float32(float32(gelu3*z)+gelu1) * v)
		y := float32(v * s)
		du := float32(3*gelu3*z) + gelu1
		dst[i], x[i] = y, s+float32((y-float32(y*s))*du)
	}
}

func tanhPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = tanh32(v)
	}
}

func tanhGradPlain(dx, y, dy []float32) {
	for i, v := range y {
		dx[i] += float32(dy[i] * (1 - float32(v*v)))
	}
}

func sigmoidPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = sigmoid32(v)
	}
}

func sigmoidGradPlain(dx, y, dy []float32) {
	for i, v := range y {
		dx[i] += float32(dy[i] * float32(v*(1-v)))
	}
}

func swigluPlain(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = float32(v*sigmoid32(v)) * up[i]
	}
}

func swigluGradPlain(dgate, dup, gate, up, dy []float32) {
	for i, v := range gate {
		s := sigmoid32(v)
		u, d := up[i], dy[i]
		dup[i] = d * float32(v*s)
		dgate[i] = float32(d*u) * (s + float32(float32(s*(1-s))*v))
	}
}

// swigluSlopesPlain sets dst = gate·σ(gate)·up, and then gate and up to its slopes in them.
func swigluSlopesPlain(dst, gate, up []float32) {
	for i, v := range gate {
		s, u := sigmoid32(v), up[i]
		y := float32(v * s)
		dst[i], gate[i], up[i] = y*u, float32(s+(y-float32(y*s)))*u, y
	}
}
