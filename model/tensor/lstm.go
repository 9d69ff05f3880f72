package tensor

import (
	"fmt"
	"slices"

	"fragua/model/hlo"
	"fragua/model/kernel"
	"fragua/model/kernel/gemm"
)

// A State is the state of a recurrent layer: h and c of B rows, (B, H) each.
type State struct{ H, C []float32 }

// LSTM is one layer of long short-term memory over T steps of B rows. Its
// input is the part of the gates that comes from below, x·Wᵀ + b, time-major
// (T·B, 4H) in PyTorch's order input, forget, cell, output; it is overwritten,
// so nothing else may read it. w (4H, H) adds what comes from the step before.
// The result is h (T·B, H).
//
// The zero start means zeros. Where fresh (T·B, or nil) is true, a row forgets
// its state before the step. last is the state after the last step, as valid as y; a trace has
// none, and a device writes it over start.
func (tp *Tape) LSTM(gates, w *Tensor, rows int, start State, fresh []bool) (y *Tensor, last State) {
	n := w.Cols()
	if gates.Cols() != 4*n || w.Rows() != 4*n || gates.Rows()%rows != 0 {
		panic(fmt.Sprintf("tensor: LSTM of %v by %v in %d rows", gates.Shape, w.Shape, rows))
	}
	inPlace("LSTM", gates)
	steps, width := gates.Rows()/rows, rows*n
	y = tp.make(gates.needsGrad() || w.needsGrad(), rows+gates.Rows(), n)
	o := lstm{gates: gates, w: w, y: y, rows: rows, fresh: fresh, start: start, h: y.Data, c: tp.buffer(width + steps*width)}
	y.Shape[0] = steps * rows
	if !tp.computes() {
		record(tp, o)
		return y, State{}
	}
	y.Data = o.h[width:]
	if start.H == nil {
		clear(o.h[:width])
		clear(o.c[:width])
	} else {
		copy(o.h, start.H)
		copy(o.c, start.C)
	}
	product := tp.repeated(gemm.NT, 4*n, n, w, steps)
	defer product.Free()
	known := tp.scratch(2 * width)
	defer known.free(tp)
	for t := range steps {
		at := t * width
		h, c := o.h[at:at+width], o.c[at:at+width]
		if o.forgets(t) {
			h, c = known.data[:width], known.data[width:2*width]
			copy(h, o.h[at:])
			copy(c, o.c[at:])
			o.forget(t, h, c)
		}
		g := gates.Data[4*at : 4*(at+width)]
		product.Mul(rows, h, n, g, 4*n, true)
		kernel.LSTMCell(o.h[at+width:at+2*width], o.c[at+width:at+2*width], g, c, n)
	}
	saveForBackward(gates)
	saveForBackward(y)
	record(tp, o)
	end := steps * width
	return y, State{o.h[end : end+width], o.c[end : end+width]}
}

type lstm struct {
	gates, w, y *Tensor
	rows        int
	fresh       []bool
	start       State
	h, c        []float32 // (B + T·B, H): the state before the first step, then after each
}

// repeated is the product with w at each of this many steps.
func (tp *Tape) repeated(op gemm.Op, n, k int, w *Tensor, steps int) gemm.Prepacked {
	return kernel.Prepack(gemm.Args{Op: op, N: n, K: k, B: w.Data, BF16: tp.rounds()}, steps)
}

// forgets reports whether a document begins at step t of a row.
func (o *lstm) forgets(t int) bool {
	return o.fresh != nil && slices.Contains(o.fresh[t*o.rows:][:o.rows], true)
}

// forget clears the rows whose document begins at step t.
func (o *lstm) forget(t int, states ...[]float32) {
	if o.fresh == nil {
		return
	}
	n := o.w.Cols()
	for r, f := range o.fresh[t*o.rows:][:o.rows] {
		if f {
			for _, s := range states {
				clear(s[r*n:][:n])
			}
		}
	}
}

// back turns the gates into their own gradient, in place.
func (o *lstm) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	n := o.w.Cols()
	width := o.rows * n
	steps := len(o.h)/width - 1
	dg := o.gates.Data
	l := tp.scratch(3 * width)
	defer l.free(tp)
	clear(l.data)
	dh, dc, known := l.data[:width], l.data[width:2*width], l.data[2*width:]
	product := tp.repeated(gemm.NN, n, 4*n, o.w, steps)
	defer product.Free()
	for t := steps - 1; t >= 0; t-- {
		at := t * width
		c := o.c[at : at+width]
		if o.forgets(t) {
			copy(known, c)
			o.forget(t, known, o.h[at:at+width]) // h has been read for the last time
			c = known
		}
		g := dg[4*at : 4*(at+width)]
		kernel.LSTMCellGrad(g, dc, o.c[at+width:at+2*width], c, o.y.Grad[at:at+width], dh, n)
		product.Mul(o.rows, g, 4*n, dh, n, false)
		o.forget(t, dh, dc)
	}
	if dw, add := tp.grad(o.w); dw != nil {
		kernel.Gemm(gemm.Args{Op: gemm.TN, M: 4 * n, N: n, K: steps * o.rows, A: dg, B: o.h, C: dw, Acc: add, BF16: tp.BF16})
	}
	tp.moveGrad(o.gates, dg)
}

func (o *lstm) emit(g *Graph) {
	n, steps := o.w.Cols(), o.gates.Rows()/o.rows
	start := func(x []float32) *hlo.Value {
		if x == nil {
			return g.Constant(hlo.F32, 0, o.rows, n)
		}
		return g.floats(x, o.rows, n)
	}
	var fresh *hlo.Value
	if o.fresh != nil {
		known := g.numbers(o, func() []int32 {
			x := make([]int32, len(o.fresh))
			for i, f := range o.fresh {
				if f {
					x[i] = 1
				}
			}
			return x
		})
		fresh = g.Reshape(g.Compare("NE", known, g.Constant(hlo.I32, 0, steps*o.rows)), steps, o.rows)
	}
	gates := g.Reshape(g.of(o.gates), steps, o.rows, 4*n)
	y, h, c := g.LSTM(gates, g.of(o.w), start(o.start.H), start(o.start.C), fresh, g.products())
	g.set(o.y, g.Reshape(y, steps*o.rows, n))
	if o.start.H != nil {
		g.Results = append(g.Results, Result{h, o.start.H}, Result{c, o.start.C})
	}
}
