package train

import (
	"math"

	"fragua/model/hlo"
	"fragua/model/kernel"
	"fragua/model/kernel/gemm"
	"fragua/model/nn"
	"fragua/pipeline/fault"
)

// Muon moves each hidden matrix along its orthogonalised momentum (Jordan 2024):
// all singular values of an update are brought to about 1 by Newton and Schulz's
// iteration. The update is scaled by 0.2·√max(rows, columns), so that its size
// is that of an AdamW update and one rate serves both (Liu et al. 2025, eq. 4).
// Where the run multiplies in bfloat16 the iteration does, as in Jordan's code.
// Embeddings, head, norms and biases are updated by AdamW.
type Muon struct {
	Momentum   float64 `yaml:"momentum" json:"momentum" doc:"Share of the momentum that is kept."`
	Iterations int     `yaml:"iterations" json:"iterations" doc:"Newton–Schulz steps."`
	AdamW      `yaml:",inline"`
}

// Check implements settings.Checker.
func (o *Muon) Check() []fault.Fault {
	f := faults(o.AdamW.Check())
	f.below("momentum", o.Momentum, "0.95")
	f.atLeast("iterations", float64(o.Iterations), 1)
	return f
}

type muon struct {
	Muon
	*adamW         // of all other parameters
	hidden  []bool // which parameters are Muon's
	x, y, z []float32
	a, b    []float32
}

// New implements OptimizerSettings.
func (settings *Muon) New(s *Slab) Optimizer {
	o := &muon{Muon: *settings, adamW: newAdamW(settings.AdamW, s)}
	last := s.lastGroup()
	o.hidden = make([]bool, len(s.Params))
	large, square := 0, 0
	for i, p := range s.Params {
		if o.hidden[i] = isHidden(p, last); o.hidden[i] {
			m := min(p.Shape[0], p.Shape[1])
			large, square = max(large, len(p.Data)), max(square, m*m)
		}
	}
	o.x, o.y, o.z = make([]float32, large), make([]float32, large), make([]float32, large)
	o.a, o.b = make([]float32, square), make([]float32, square)
	return o
}

// isHidden reports whether a parameter is a matrix between embedding and head.
func isHidden(p nn.Param, last int) bool {
	return len(p.Shape) == 2 && p.Decay && p.Group > 0 && p.Group < last
}

func (o *muon) Update(rates []float64, scale float32) {
	s := o.slab
	for i, p := range s.Params {
		switch {
		case rates[i] == 0:
		case !o.hidden[i]:
			o.one(i, rates[i], scale)
		default:
			o.matrix(p, s.Part(s.Grad, i), s.Part(o.m, i), rates[i], scale)
		}
	}
}

func (o *muon) matrix(p nn.Param, g, v []float32, rate float64, scale float32) {
	rows, cols := p.Shape[0], p.Shape[1]
	u := o.z[:len(g)]
	kernel.Nesterov(u, v, g, float32(o.Momentum), scale)
	o.orthogonalize(u, rows, cols)
	if o.Muon.Decay != 0 {
		kernel.Scale(p.Data, float32(1-rate*o.Muon.Decay))
	}
	kernel.AXPY(p.Data, float32(-rate*0.2*math.Sqrt(float64(max(rows, cols)))), u)
}

// The coefficients of an iteration (Jordan 2024).
const newtonA, newtonB, newtonC = 3.4445, -4.7750, 2.0315

// orthogonalize replaces u (rows × cols) by about U·Vᵀ of its singular value
// decomposition. With X the matrix, at most as tall as wide, over its Frobenius
// norm, each iteration is X ← aX + (bA + cA²)X, A = XXᵀ.
func (o *muon) orthogonalize(u []float32, rows, cols int) {
	const a, b, c = newtonA, newtonB, newtonC
	m, n := min(rows, cols), max(rows, cols)
	x, y := o.x[:len(u)], o.y[:len(u)]
	A, B := o.a[:m*m], o.b[:m*m]
	if rows > cols {
		kernel.Transpose(x, u, rows, cols)
	} else {
		copy(x, u)
	}
	kernel.Scale(x, float32(1/(math.Sqrt(kernel.SumSquares(x))+1e-7)))
	for range o.Iterations {
		kernel.Gemm(gemm.Args{Op: gemm.NT, M: m, N: m, K: n, A: x, B: x, C: A, BF16: o.slab.BF16})
		kernel.Gemm(gemm.Args{Op: gemm.NN, M: m, N: m, K: m, A: A, B: A, C: B, BF16: o.slab.BF16})
		kernel.Scale(B, c)
		kernel.AXPY(B, b, A)
		kernel.Gemm(gemm.Args{Op: gemm.NN, M: m, N: n, K: m, A: B, B: x, C: y, BF16: o.slab.BF16})
		kernel.AXPY(y, a, x)
		x, y = y, x
	}
	if rows > cols {
		kernel.Transpose(u, x, cols, rows)
	} else {
		copy(u, x)
	}
}

// factors of a hidden matrix are the scaled rate and what decay leaves.
func (o *muon) factors(i int, rate float64) [maxFactors]float32 {
	if !o.hidden[i] {
		return o.adamW.factors(i, rate)
	}
	shape := o.slab.Params[i].Shape
	return [maxFactors]float32{float32(rate * 0.2 * math.Sqrt(float64(max(shape[0], shape[1])))), float32(1 - rate*o.Muon.Decay)}
}

func (o *muon) emit(p *hlo.Program, i int, x deviceParam) deviceParam {
	if !o.hidden[i] {
		return o.adamW.emit(p, i, x)
	}
	momentum := float64(float32(o.Momentum))
	v := p.Add(p.Scale(x.moments[0], momentum), x.grad)
	u := p.Add(x.grad, p.Scale(v, momentum)) // Nesterov's
	w := p.Sub(x.times(p, x.weight, 1), x.times(p, o.emitOrthogonal(p, u), 0))
	return x.keep(p, deviceParam{weight: w, moments: []*hlo.Value{v, x.moments[1]}})
}

// emitOrthogonal writes orthogonalize.
func (o *muon) emitOrthogonal(p *hlo.Program, u *hlo.Value) *hlo.Value {
	tall := u.Shape[0] > u.Shape[1]
	x := u
	if tall {
		x = p.Transpose(u, 1, 0)
	}
	norm := p.Offset(p.Sqrt(p.SumAll(p.Mul(x, x))), 1e-7)
	x = p.Div(x, p.Broadcast(norm, x.Shape))
	products := hlo.F32
	if o.slab.BF16 {
		products = hlo.BF16
	}
	for range o.Iterations {
		a := p.DotNT(x, x, products)
		b := p.Add(p.Scale(p.DotNN(a, a, products), newtonC), p.Scale(a, newtonB))
		x = p.Add(p.DotNN(b, x, products), p.Scale(x, newtonA))
	}
	if tall {
		x = p.Transpose(x, 1, 0)
	}
	return x
}
