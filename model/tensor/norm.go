package tensor

import (
	"fmt"

	"fragua/model/kernel"
)

// LayerNorm normalises each row of x (N, C) to mean 0 and variance 1, then
// applies gain and bias (C); bias may be nil (Ba et al. 2016).
func (tp *Tape) LayerNorm(x, gain, bias *Tensor, eps float32) *Tensor {
	n, c := x.Rows(), x.Cols()
	y := tp.make(x.needsGrad() || gain.needsGrad() || bias.needsGrad(), n, c)
	o := layerNorm{x: x, gain: gain, bias: bias, y: y, eps: eps}
	if tp.computes() {
		stats := tp.buffer(2 * n)
		o.mean, o.rstd = stats[:n], stats[n:]
		kernel.LayerNorm(y.Data, o.mean, o.rstd, x.Data, gain.Data, biasOf(bias), c, eps)
	}
	saveForBackward(x)
	record(tp, o)
	return y
}

type layerNorm struct {
	x, gain, bias, y *Tensor
	mean, rstd       []float32
	eps              float32
}

func (o *layerNorm) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	dx := tp.gradToAdd(o.x)
	if dx == nil { // the kernel wants it all the same
		l := tp.scratch(len(o.x.Data))
		defer l.free(tp)
		dx = l.data
	}
	kernel.LayerNormGrad(dx, tp.gradToAdd(o.gain), tp.gradToAdd(o.bias), o.x.Data, o.gain.Data, o.mean, o.rstd, o.y.Grad, o.x.Cols())
}

func (o *layerNorm) emit(g *Graph) {
	x := g.of(o.x)
	n := 1 / float64(o.x.Cols())
	d := g.Sub(x, g.Broadcast(g.Scale(g.Sum(x, 1), n), x.Shape, 0))
	rstd := g.Rsqrt(g.Offset(g.Scale(g.Sum(g.Mul(d, d), 1), n), float64(o.eps)))
	y := g.Mul(g.Mul(d, g.Broadcast(rstd, x.Shape, 0)), g.Broadcast(g.vector(o.gain), x.Shape, 1))
	if o.bias != nil {
		y = g.Add(y, g.Broadcast(g.vector(o.bias), x.Shape, 1))
	}
	g.set(o.y, y)
}

// RMSNorm divides each row of x (N, C) by its root mean square, then applies
// gain (C) (Zhang and Sennrich 2019). A gain of D numbers, where D divides C, norms
// each group of D columns alone: the heads of queries and keys.
func (tp *Tape) RMSNorm(x, gain *Tensor, eps float32) *Tensor {
	d := gain.count()
	if x.Cols()%d != 0 {
		panic(fmt.Sprintf("tensor: RMSNorm of %v with a gain of %d", x.Shape, d))
	}
	y := tp.make(x.needsGrad() || gain.needsGrad(), x.Rows(), x.Cols())
	o := rmsNorm{x: x, gain: gain, y: y, eps: eps}
	if tp.computes() {
		o.rstd = tp.buffer(len(x.Data) / d)
		kernel.RMSNorm(y.Data, o.rstd, x.Data, gain.Data, d, eps)
	}
	saveForBackward(x)
	record(tp, o)
	return y
}

type rmsNorm struct {
	x, gain, y *Tensor
	rstd       []float32
	eps        float32
}

func (o *rmsNorm) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	dx := tp.gradToAdd(o.x)
	if dx == nil { // the kernel wants it all the same
		l := tp.scratch(len(o.x.Data))
		defer l.free(tp)
		dx = l.data
	}
	kernel.RMSNormGrad(dx, tp.gradToAdd(o.gain), o.x.Data, o.gain.Data, o.rstd, o.y.Grad, len(o.gain.Data))
}

func (o *rmsNorm) emit(g *Graph) {
	d := o.gain.count()
	x := g.Reshape(g.of(o.x), o.x.count()/d, d) // a group of columns a row
	rstd := g.Rsqrt(g.Offset(g.Scale(g.Sum(g.Mul(x, x), 1), 1/float64(d)), float64(o.eps)))
	y := g.Mul(g.Mul(x, g.Broadcast(rstd, x.Shape, 0)), g.Broadcast(g.vector(o.gain), x.Shape, 1))
	g.set(o.y, g.Reshape(y, o.y.Rows(), o.y.Cols()))
}
