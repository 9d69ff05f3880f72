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
	stats := tp.buffer(2 * n)
	mean, rstd := stats[:n], stats[n:]
	kernel.LayerNorm(y.Data, mean, rstd, x.Data, gain.Data, biasOf(bias), c, eps)
	saveForBackward(x)
	record(tp, layerNorm{x: x, gain: gain, bias: bias, y: y, mean: mean, rstd: rstd})
	return y
}

type layerNorm struct {
	x, gain, bias, y *Tensor
	mean, rstd       []float32
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

// RMSNorm divides each row of x (N, C) by its root mean square, then applies
// gain (C) (Zhang and Sennrich 2019). A gain of D numbers, where D divides C, norms
// each group of D columns alone: the heads of queries and keys.
func (tp *Tape) RMSNorm(x, gain *Tensor, eps float32) *Tensor {
	d := len(gain.Data)
	if x.Cols()%d != 0 {
		panic(fmt.Sprintf("tensor: RMSNorm of %v with a gain of %d", x.Shape, d))
	}
	y := tp.make(x.needsGrad() || gain.needsGrad(), x.Rows(), x.Cols())
	rstd := tp.buffer(len(x.Data) / d)
	kernel.RMSNorm(y.Data, rstd, x.Data, gain.Data, d, eps)
	saveForBackward(x)
	record(tp, rmsNorm{x: x, gain: gain, y: y, rstd: rstd})
	return y
}

type rmsNorm struct {
	x, gain, y *Tensor
	rstd       []float32
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
