package tensor

import (
	"fragua/model/hlo"
	"fragua/model/kernel"
)

// Tanh is tanh x.
func (tp *Tape) Tanh(x *Tensor) *Tensor {
	return tp.squash(x, kernel.Tanh, kernel.TanhGrad, (*hlo.Program).Tanh)
}

// Sigmoid is 1/(1 + e⁻ˣ).
func (tp *Tape) Sigmoid(x *Tensor) *Tensor {
	return tp.squash(x, kernel.Sigmoid, kernel.SigmoidGrad, (*hlo.Program).Sigmoid)
}

// A written function is how StableHLO has it.
type written = func(*hlo.Program, *hlo.Value) *hlo.Value

func (tp *Tape) squash(x *Tensor, f func(y, x []float32), grad func(dx, y, dy []float32), w written) *Tensor {
	y := tp.make(x.needsGrad(), x.Rows(), x.Cols())
	if tp.computes() {
		f(y.Data, x.Data)
	}
	saveForBackward(y)
	record(tp, squash{x: x, y: y, grad: grad, written: w})
	return y
}

type squash struct {
	x, y *Tensor
	grad func(dx, y, dy []float32)
	written
}

func (o *squash) backward(tp *Tape) {
	if o.y.Grad != nil && o.x.needsGrad() {
		o.grad(tp.gradToAdd(o.x), o.y.Data, o.y.Grad)
	}
}

func (o *squash) emit(g *Graph) { g.set(o.y, o.written(g.Program, g.of(o.x))) }

// GELU is x·Φ(x) in the tanh form of GPT-2.
func (tp *Tape) GELU(x *Tensor) *Tensor {
	return tp.activate(x, kernel.GELU, kernel.GELUGrad, (*hlo.Program).GELU)
}

// GELUErf is x·Φ(x), the exact form that BERT uses.
func (tp *Tape) GELUErf(x *Tensor) *Tensor {
	return tp.activate(x, kernel.GELUErf, kernel.GELUErfGrad, (*hlo.Program).GELUErf)
}

// SiLU is x·σ(x).
func (tp *Tape) SiLU(x *Tensor) *Tensor {
	return tp.activate(x, kernel.SiLU, kernel.SiLUGrad, (*hlo.Program).SiLU)
}

// ReLU is max(x, 0).
func (tp *Tape) ReLU(x *Tensor) *Tensor {
	return tp.activate(x, kernel.ReLU, kernel.ReLUGrad, (*hlo.Program).ReLU)
}

func (tp *Tape) activate(x *Tensor, f func(y, x []float32), grad func(dx, x, dy []float32), w written) *Tensor {
	y := tp.make(x.needsGrad(), x.Rows(), x.Cols())
	if tp.computes() {
		f(y.Data, x.Data)
	}
	saveForBackward(x)
	record(tp, activation{x: x, y: y, grad: grad, written: w})
	return y
}

type activation struct {
	x, y *Tensor
	grad func(dx, x, dy []float32) // dx may be dy
	written
}

func (o *activation) backward(tp *Tape) {
	if o.y.Grad == nil || !o.x.needsGrad() {
		return
	}
	o.grad(o.y.Grad, o.x.Data, o.y.Grad)
	tp.inheritGrad(o.x, o.y)
}

func (o *activation) emit(g *Graph) { g.set(o.y, o.written(g.Program, g.of(o.x))) }

// SwiGLU is gate·σ(gate)·up, all (N, H) (Shazeer 2020).
func (tp *Tape) SwiGLU(gate, up *Tensor) *Tensor {
	sameShape("SwiGLU", gate, up)
	y := tp.make(gate.needsGrad() || up.needsGrad(), gate.Rows(), gate.Cols())
	if tp.computes() {
		kernel.SwiGLU(y.Data, gate.Data, up.Data)
	}
	saveForBackward(gate)
	saveForBackward(up)
	record(tp, swiGLU{gate: gate, up: up, y: y})
	return y
}

type swiGLU struct{ gate, up, y *Tensor }

func (o *swiGLU) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	var grads [2][]float32
	var adds [2]bool
	var temps [2]scratch
	inputs := [2]*Tensor{o.gate, o.up}
	for i, x := range inputs {
		if grads[i], adds[i] = tp.grad(x); grads[i] == nil || adds[i] { // the kernel overwrites
			temps[i] = tp.scratch(len(x.Data))
			grads[i] = temps[i].data
		}
	}
	kernel.SwiGLUGrad(grads[0], grads[1], o.gate.Data, o.up.Data, o.y.Grad)
	for i, x := range inputs {
		if adds[i] {
			kernel.AddTo(x.Grad, grads[i])
		}
		if temps[i].data != nil {
			temps[i].free(tp)
		}
	}
}

func (o *swiGLU) emit(g *Graph) { g.set(o.y, g.Mul(g.SiLU(g.of(o.gate)), g.of(o.up))) }
