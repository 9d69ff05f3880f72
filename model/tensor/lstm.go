package tensor

import (
	"fmt"

	"fragua/model/kernel"
)

// A State is what a recurrent layer hands on: h and c of B rows, (B, H) each.
type State struct{ H, C []float32 }

// LSTM is one layer of long short-term memory over T steps of B rows. Its
// input is the part of the gates that comes from below, x·Wᵀ + b, time-major
// (T·B, 4H) in PyTorch's order input, forget, cell, output; it is overwritten.
// w (4H, H) adds what comes from the step before. The result is h (T·B, H).
//
// The zero start means zeros. Where fresh (T·B, or nil) is true, a row forgets
// its state before the step. last is a copy of the state after the last step.
func (tp *Tape) LSTM(gates, w *Tensor, rows int, start State, fresh []bool) (y *Tensor, last State) {
	n := w.Cols()
	if gates.Cols() != 4*n || w.Rows() != 4*n || gates.Rows()%rows != 0 {
		panic(fmt.Sprintf("tensor: LSTM of %v by %v in %d rows", gates.Shape, w.Shape, rows))
	}
	inPlace("LSTM", gates)
	steps, width := gates.Rows()/rows, rows*n
	y = tp.make(gates.needs() || w.needs(), gates.Rows(), n)
	o := lstm{gates: gates, w: w, y: y, rows: rows, fresh: fresh,
		c: tp.buffer(steps * width), hIn: tp.buffer(steps * width), cIn: tp.buffer(steps * width)}
	h, c := start.H, start.C
	for t := range steps {
		at := t * width
		hIn, cIn := o.hIn[at:at+width], o.cIn[at:at+width]
		if h == nil {
			clear(hIn)
			clear(cIn)
		} else {
			copy(hIn, h)
			copy(cIn, c)
		}
		o.forget(t, hIn, cIn)
		g := gates.Data[4*at : 4*(at+width)]
		tp.gemm(kernel.NT, rows, 4*n, n, hIn, n, w.Data, n, g, 4*n, true)
		h, c = y.Data[at:at+width], o.c[at:at+width]
		kernel.LSTMCell(h, c, g, cIn, n)
	}
	keep(gates)
	record(tp, o)
	return y, State{append([]float32(nil), h...), append([]float32(nil), c...)}
}

type lstm struct {
	gates, w, y *Tensor
	rows        int
	fresh       []bool
	c, hIn, cIn []float32 // (T·B, H): the cell, and what came in from the step before
}

// forget clears the rows that begin anew at step t.
func (o *lstm) forget(t int, h, c []float32) {
	if o.fresh == nil {
		return
	}
	n := o.w.Cols()
	for r, f := range o.fresh[t*o.rows:][:o.rows] {
		if f {
			clear(h[r*n:][:n])
			clear(c[r*n:][:n])
		}
	}
}

func (o *lstm) back(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	n := o.w.Cols()
	width := o.rows * n
	dg, _ := tp.grad(o.gates)
	if dg == nil {
		l := tp.borrow(len(o.gates.Data))
		defer l.giveBack(tp)
		dg = l.data
	}
	l := tp.borrow(3 * width)
	defer l.giveBack(tp)
	clear(l.data)
	dh, next, dc := l.data[:width], l.data[width:2*width], l.data[2*width:]
	for t := len(o.c)/width - 1; t >= 0; t-- {
		at := t * width
		kernel.Add(dh, o.y.Grad[at:at+width], next)
		d := dg[4*at : 4*(at+width)]
		kernel.LSTMCellGrad(d, dc, o.gates.Data[4*at:4*(at+width)], o.c[at:at+width], o.cIn[at:at+width], dh, dc, n)
		tp.gemm(kernel.NN, o.rows, n, 4*n, d, 4*n, o.w.Data, n, next, n, false)
		o.forget(t, next, dc)
	}
	if dw := tp.sum(o.w); dw != nil {
		tp.gemm(kernel.TN, 4*n, n, len(o.c)/n, dg, 4*n, o.hIn, n, dw, n, true)
	}
}
