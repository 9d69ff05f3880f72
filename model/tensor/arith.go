package tensor

import (
	"fmt"

	"fragua/model/kernel"
)

// Add is x + y, of one shape.
func (tp *Tape) Add(x, y *Tensor) *Tensor {
	sameShape("Add", x, y)
	z := tp.make(x.needsGrad() || y.needsGrad(), x.Rows(), x.Cols())
	if tp.computes() {
		kernel.Add(z.Data, x.Data, y.Data)
	}
	record(tp, add{x: x, y: y, z: z})
	return z
}

type add struct{ x, y, z *Tensor }

func (o *add) backward(tp *Tape) {
	tp.addGrad(o.x, o.z.Grad)
	tp.addGrad(o.y, o.z.Grad)
}

func (o *add) emit(g *Graph) { g.set(o.z, g.Add(g.of(o.x), g.of(o.y))) }

// AddTo is y += x in place; it returns y. Residual streams are made of it.
func (tp *Tape) AddTo(y, x *Tensor) *Tensor {
	sameShape("AddTo", y, x)
	inPlace("AddTo", y)
	if tp.Recording() && x.needsGrad() {
		y.requiresGrad = true
	}
	if tp.computes() {
		kernel.AddTo(y.Data, x.Data)
	}
	record(tp, addTo{x: x, y: y})
	return y
}

type addTo struct{ x, y *Tensor }

func (o *addTo) backward(tp *Tape) { tp.addGrad(o.x, o.y.Grad) }
func (o *addTo) emit(g *Graph)     { g.set(o.y, g.Add(g.of(o.y), g.of(o.x))) }

// AddColumns is y[:, col:col+w] += s·x in place, x (N, w); it returns y.
func (tp *Tape) AddColumns(y *Tensor, col int, x *Tensor, s float32) *Tensor {
	if x.Rows() != y.Rows() || col+x.Cols() > y.Cols() {
		panic(fmt.Sprintf("tensor: AddColumns of %v to %v from %d", x.Shape, y.Shape, col))
	}
	inPlace("AddColumns", y)
	if tp.Recording() && x.needsGrad() {
		y.requiresGrad = true
	}
	if tp.computes() {
		for r := range y.Rows() {
			kernel.AXPY(y.Data[r*y.Cols()+col:][:x.Cols()], s, x.Data[r*x.Cols():][:x.Cols()])
		}
	}
	record(tp, addColumns{x: x, y: y, col: col, s: s})
	return y
}

type addColumns struct {
	x, y *Tensor
	col  int
	s    float32
}

func (o *addColumns) backward(tp *Tape) {
	if o.y.Grad == nil || !o.x.needsGrad() {
		return
	}
	dx := tp.gradToAdd(o.x)
	for r := range o.y.Rows() {
		kernel.AXPY(dx[r*o.x.Cols():][:o.x.Cols()], o.s, o.y.Grad[r*o.y.Cols()+o.col:][:o.x.Cols()])
	}
}

func (o *addColumns) emit(g *Graph) {
	wide := g.Pad(g.Scale(g.of(o.x), float64(o.s)), 1, o.col, o.y.Cols()-o.col-o.x.Cols())
	g.set(o.y, g.Add(g.of(o.y), wide))
}

// Mul is x·y, element by element.
func (tp *Tape) Mul(x, y *Tensor) *Tensor {
	sameShape("Mul", x, y)
	z := tp.make(x.needsGrad() || y.needsGrad(), x.Rows(), x.Cols())
	if tp.computes() {
		kernel.Mul(z.Data, x.Data, y.Data)
	}
	saveForBackward(x)
	saveForBackward(y)
	record(tp, mul{x: x, y: y, z: z})
	return z
}

type mul struct{ x, y, z *Tensor }

func (o *mul) backward(tp *Tape) {
	if o.z.Grad == nil {
		return
	}
	for _, p := range [2][2]*Tensor{{o.x, o.y}, {o.y, o.x}} {
		if !p[0].needsGrad() {
			continue
		}
		t := tp.scratch(len(o.z.Grad))
		kernel.Mul(t.data, o.z.Grad, p[1].Data)
		kernel.AddTo(tp.gradToAdd(p[0]), t.data)
		t.free(tp)
	}
}

func (o *mul) emit(g *Graph) { g.set(o.z, g.Mul(g.of(o.x), g.of(o.y))) }

// Scale is s·x.
func (tp *Tape) Scale(x *Tensor, s float32) *Tensor {
	y := tp.make(x.needsGrad(), x.Rows(), x.Cols())
	if tp.computes() {
		kernel.Copy(y.Data, x.Data)
		kernel.Scale(y.Data, s)
	}
	record(tp, scale{x: x, y: y, s: s})
	return y
}

type scale struct {
	x, y *Tensor
	s    float32
}

func (o *scale) backward(tp *Tape) {
	if o.y.Grad != nil && o.x.needsGrad() {
		kernel.AXPY(tp.gradToAdd(o.x), o.s, o.y.Grad)
	}
}

func (o *scale) emit(g *Graph) { g.set(o.y, g.Scale(g.of(o.x), float64(o.s))) }

// AddConstant is x + s.
func (tp *Tape) AddConstant(x *Tensor, s float32) *Tensor {
	y := tp.make(x.needsGrad(), x.Rows(), x.Cols())
	if tp.computes() {
		for i, v := range x.Data {
			y.Data[i] = v + s
		}
	}
	record(tp, addConstant{x: x, y: y, s: s})
	return y
}

type addConstant struct {
	x, y *Tensor
	s    float32
}

func (o *addConstant) backward(tp *Tape) { tp.addGrad(o.x, o.y.Grad) }
func (o *addConstant) emit(g *Graph)     { g.set(o.y, g.Offset(g.of(o.x), float64(o.s))) }

// addGrad adds g to the gradient of x.
func (tp *Tape) addGrad(x *Tensor, g []float32) {
	if g == nil {
		return
	}
	switch dx, add := tp.grad(x); {
	case dx == nil:
	case add:
		kernel.AddTo(dx, g)
	default:
		kernel.Copy(dx, g)
	}
}

// inheritGrad is pass of all of y's gradient, which nobody reads any more: if x has
// none yet, it takes y's over.
func (tp *Tape) inheritGrad(x, y *Tensor) {
	if y.Grad == nil || x.Grad != nil || !x.requiresGrad || y.at == (span{}) {
		tp.addGrad(x, y.Grad)
		return
	}
	x.Grad, x.at = y.Grad, y.at
	y.Grad, y.at = nil, span{}
}

func sameShape(op string, x, y *Tensor) {
	if x.Rows() != y.Rows() || x.Cols() != y.Cols() {
		panic(fmt.Sprintf("tensor: %s of %v and %v", op, x.Shape, y.Shape))
	}
}
