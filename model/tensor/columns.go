package tensor

import (
	"fmt"
	"math"

	"fragua/model/hlo"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// ScaleColumns is x·(gain/norm) + b, column by column: x (N, C), gain (C), b (C) or nil.
// norm (C) counts as a constant in the gradient.
func (tp *Tape) ScaleColumns(x, gain, norm, b *Tensor) *Tensor {
	c := x.Cols()
	if gain.count() != c || norm.count() != c {
		panic(fmt.Sprintf("tensor: ScaleColumns of %v by %d gains and %d norms", x.Shape, gain.count(), norm.count()))
	}
	y := tp.make(x.needsGrad() || gain.needsGrad() || b.needsGrad(), x.Rows(), c)
	scale := tp.buffer(c)
	if tp.computes() {
		for j := range scale {
			scale[j] = gain.Data[j] / norm.Data[j]
		}
		bias := biasOf(b)
		for i, v := range x.Data {
			j := i % c
			y.Data[i] = float32(v * scale[j])
			if bias != nil {
				y.Data[i] += bias[j]
			}
		}
	}
	saveForBackward(x)
	record(tp, scaleColumns{x: x, gain: gain, b: b, y: y, scale: scale, norm: norm})
	return y
}

type scaleColumns struct {
	x, gain, norm, b, y *Tensor
	scale               []float32
}

func (o *scaleColumns) backward(tp *Tape) {
	dy, c := o.y.Grad, o.x.Cols()
	if dy == nil {
		return
	}
	tp.biasBackward(o.b, dy)
	if g := tp.gradToAdd(o.gain); g != nil {
		sums := make([]float64, c)
		for i, d := range dy {
			sums[i%c] += float64(d) * float64(o.x.Data[i])
		}
		for j, s := range sums {
			g[j] += float32(s / float64(o.norm.Data[j]))
		}
	}
	if dx := tp.gradToAdd(o.x); dx != nil {
		for i, d := range dy {
			dx[i] += float32(d * o.scale[i%c])
		}
	}
}

func (o *scaleColumns) emit(g *Graph) {
	x := g.of(o.x)
	scale := g.Div(g.vector(o.gain), g.vector(o.norm))
	y := g.Mul(x, g.Broadcast(scale, x.Shape, 1))
	if o.b != nil {
		y = g.Add(y, g.Broadcast(g.vector(o.b), x.Shape, 1))
	}
	g.set(o.y, y)
}

// AdaptedLengths are the lengths of the rows of w + s·b·a, a constant: w (out, in), a (rank, in) and
// b (out, rank); the result is (1, out).
func (tp *Tape) AdaptedLengths(w, a, b *Tensor, s float32) *Tensor {
	out := w.Rows()
	if a.Cols() != w.Cols() || b.Rows() != out || b.Cols() != a.Rows() {
		panic(fmt.Sprintf("tensor: AdaptedLengths of %v with %v and %v", w.Shape, a.Shape, b.Shape))
	}
	y := tp.make(false, 1, out)
	if tp.computes() {
		par.For(out, 64, func(lo, hi int) {
			row := make([]float32, w.Cols())
			for o := lo; o < hi; o++ {
				AdaptedRow(row, w, a, b, s, o, o)
				y.Data[o] = float32(math.Sqrt(kernel.SumSquares(row)))
			}
		})
	}
	record(tp, adaptedLengths{w: w, a: a, b: b, y: y, s: s})
	return y
}

// AdaptedRow sets row to row i of w plus s times row o of b·a.
func AdaptedRow(row []float32, w, a, b *Tensor, s float32, i, o int) {
	in, rank := w.Cols(), a.Rows()
	copy(row, w.Data[i*in:][:in])
	for r := range rank {
		kernel.AXPY(row, float32(s*b.Data[o*rank+r]), a.Data[r*in:][:in])
	}
}

type adaptedLengths struct {
	w, a, b, y *Tensor
	s          float32
}

func (o *adaptedLengths) backward(*Tape) {}

func (o *adaptedLengths) emit(g *Graph) {
	w := g.Add(g.of(o.w), g.Scale(g.DotNN(g.of(o.b), g.of(o.a), hlo.F32), float64(o.s)))
	g.set(o.y, g.Reshape(g.Stop(g.Sqrt(g.Sum(g.Mul(w, w), 1))), 1, o.w.Rows()))
}
