package tensor

import (
	"fragua/model/hlo"
	"fragua/model/kernel"
)

// SSRU is c = f·c before + (1 − f)·x over steps of rows (Kim et al. 2019, section 3.1): f, a gate
// between 0 and 1, and x are (B·steps, C), the steps of a row side by side, and so is c, which is
// 0 before the first.
func (tp *Tape) SSRU(f, x *Tensor, steps int) *Tensor {
	sameShape("SSRU", f, x)
	c := tp.make(f.needsGrad() || x.needsGrad(), x.Rows(), x.Cols())
	if tp.computes() {
		kernel.SSRU(c.Data, f.Data, x.Data, nil, steps, x.Cols())
	}
	saveForBackward(f)
	saveForBackward(x)
	saveForBackward(c)
	record(tp, ssru{f, x, c, steps})
	return c
}

type ssru struct {
	f, x, c *Tensor
	steps   int
}

func (o *ssru) backward(tp *Tape) {
	if o.c.Grad == nil {
		return
	}
	df, dx := o.f.Grad, o.x.Grad
	for _, t := range []struct {
		of   *Tensor
		grad *[]float32
	}{{o.f, &df}, {o.x, &dx}} {
		if t.of.needsGrad() {
			*t.grad = tp.gradToAdd(t.of)
			continue
		}
		l := tp.scratch(len(t.of.Data))
		defer l.free(tp)
		*t.grad = l.data
	}
	kernel.SSRUGrad(df, dx, o.c.Data, o.f.Data, o.x.Data, o.c.Grad, o.steps, o.c.Cols())
}

func (o *ssru) emit(g *Graph) {
	rows, c := o.c.Rows()/o.steps, o.c.Cols()
	timeMajor := func(x *Tensor) *hlo.Value {
		return g.Transpose(g.Reshape(g.of(x), rows, o.steps, c), 1, 0, 2)
	}
	y := g.Gated(timeMajor(o.f), timeMajor(o.x))
	g.set(o.c, g.Reshape(g.Transpose(y, 1, 0, 2), rows*o.steps, c))
}
