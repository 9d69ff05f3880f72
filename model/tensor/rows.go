package tensor

import (
	"fmt"
	"math"

	"fragua/model/hlo"
	"fragua/model/kernel"
)

// Rows picks rows of x (V, C): y (len(ids), C). With a table of parameters it
// is an embedding. ids must stay as they are until Backward.
func (tp *Tape) Rows(x *Tensor, ids []int32) *Tensor {
	y := tp.make(x.needsGrad(), len(ids), x.Cols())
	if x.Quantized != nil && tp.computes() {
		kernel.EmbeddingQuantized(y.Data, x.Quantized, ids)
		return y
	}
	if tp.computes() {
		kernel.Embedding(y.Data, x.Data, ids, x.Cols())
	}
	record(tp, rows{x: x, y: y, ids: ids})
	return y
}

type rows struct {
	x, y *Tensor
	ids  []int32
}

func (o *rows) backward(tp *Tape) {
	if o.y.Grad != nil && o.x.needsGrad() {
		kernel.EmbeddingGrad(tp.gradToAdd(o.x), o.y.Grad, o.ids, o.x.Cols())
	}
}

func (o *rows) emit(g *Graph) { g.set(o.y, g.Rows(g.of(o.x), g.ints(o.ids))) }

// A Span is rows [From, To) of a tensor.
type Span struct{ From, To int }

// Mean averages spans of rows of x (N, C): y (len(spans), C). An empty span gives zeros.
func (tp *Tape) Mean(x *Tensor, spans []Span) *Tensor {
	c := x.Cols()
	y := tp.make(x.needsGrad(), len(spans), c)
	if tp.computes() {
		clear(y.Data)
		for i, s := range spans {
			for r := s.From; r < s.To; r++ {
				kernel.AXPY(y.Data[i*c:][:c], 1/float32(s.To-s.From), x.Data[r*c:][:c])
			}
		}
	}
	record(tp, mean{x: x, y: y, spans: spans})
	return y
}

type mean struct {
	x, y  *Tensor
	spans []Span
}

func (o *mean) backward(tp *Tape) {
	if o.y.Grad == nil || !o.x.needsGrad() {
		return
	}
	dx, c := tp.gradToAdd(o.x), o.x.Cols()
	for i, s := range o.spans {
		for r := s.From; r < s.To; r++ {
			kernel.AXPY(dx[r*c:][:c], 1/float32(s.To-s.From), o.y.Grad[i*c:][:c])
		}
	}
}

func (o *mean) emit(g *Graph) {
	in, lengths := g.inSpans(o, o.spans, o.x.Rows())
	share := g.Div(g.Convert(in, hlo.F32), g.Broadcast(lengths, in.Shape, 0))
	g.set(o.y, g.DotNN(share, g.of(o.x), hlo.F32))
}

// inSpans says of each span which of n rows are in it (spans, n), and how many they are, at least 1.
func (g *Graph) inSpans(of node, spans []Span, n int) (in, lengths *hlo.Value) {
	bounds := g.numbers(of, func() []int32 {
		x := make([]int32, 0, 2*len(spans))
		for _, s := range spans {
			x = append(x, int32(s.From), int32(max(s.From, s.To)))
		}
		return x
	})
	b := g.Reshape(bounds, len(spans), 2)
	from, to := g.Reshape(g.Slice(b, 1, 0, 1), len(spans)), g.Reshape(g.Slice(b, 1, 1, 2), len(spans))
	shape := []int{len(spans), n}
	row := g.Iota(hlo.I32, 1, shape...)
	in = g.And(g.Compare("GE", row, g.Broadcast(from, shape, 0)), g.Compare("LT", row, g.Broadcast(to, shape, 0)))
	length := g.Convert(g.Sub(to, from), hlo.F32)
	return in, g.Max(length, g.Constant(hlo.F32, 1, len(spans)))
}

// Max takes the greatest of each column over spans of rows of x (N, C):
// y (len(spans), C). An empty span gives zeros.
func (tp *Tape) Max(x *Tensor, spans []Span) *Tensor {
	c := x.Cols()
	y := tp.make(x.needsGrad(), len(spans), c)
	if tp.computes() {
		clear(y.Data)
		for i, s := range spans {
			for j := range y.Data[i*c:][:c] {
				if r := highest(x, s, j); r >= 0 {
					y.Data[i*c+j] = x.Data[r*c+j]
				}
			}
		}
	}
	saveForBackward(x)
	record(tp, greatest{x: x, y: y, spans: spans})
	return y
}

type greatest struct {
	x, y  *Tensor
	spans []Span
}

func (o *greatest) backward(tp *Tape) {
	if o.y.Grad == nil || !o.x.needsGrad() {
		return
	}
	dx, c := tp.gradToAdd(o.x), o.x.Cols()
	for i, s := range o.spans {
		for j, g := range o.y.Grad[i*c:][:c] {
			if r := highest(o.x, s, j); r >= 0 {
				dx[r*c+j] += g
			}
		}
	}
}

func (o *greatest) emit(g *Graph) {
	n, c := o.x.Rows(), o.x.Cols()
	in, _ := g.inSpans(o, o.spans, n)
	shape := []int{len(o.spans), n, c}
	x, within := g.Broadcast(g.of(o.x), shape, 1, 2), g.Broadcast(in, shape, 0, 1)
	top := g.Greatest(g.Select(within, x, g.Constant(hlo.F32, math.Inf(-1), shape...)), 1)
	row := g.Iota(hlo.I32, 1, shape...)
	is := g.And(within, g.Compare("EQ", x, g.Broadcast(top, shape, 0, 2)))
	first := g.Least(g.Select(is, row, g.Constant(hlo.I32, float64(n), shape...)), 1)
	taken := g.Compare("EQ", row, g.Broadcast(first, shape, 0, 2))
	g.set(o.y, g.Sum(g.Select(taken, x, g.Constant(hlo.F32, 0, shape...)), 1))
}

// highest is the first row of the span with the greatest value in column j, or -1.
func highest(x *Tensor, s Span, j int) int {
	c, best := x.Cols(), -1
	for r := s.From; r < s.To; r++ {
		if best < 0 || x.Data[r*c+j] > x.Data[best*c+j] {
			best = r
		}
	}
	return best
}

// Columns is n columns of x (N, C) from one on: y (N, n).
func (tp *Tape) Columns(x *Tensor, from, n int) *Tensor {
	c := x.Cols()
	if from < 0 || n < 0 || from+n > c {
		panic(fmt.Sprintf("tensor: Columns %d to %d of %v", from, from+n, x.Shape))
	}
	y := tp.make(x.needsGrad(), x.Rows(), n)
	if tp.computes() {
		for r := range x.Rows() {
			copy(y.Data[r*n:][:n], x.Data[r*c+from:])
		}
	}
	record(tp, columns{x: x, y: y, from: from})
	return y
}

type columns struct {
	x, y *Tensor
	from int
}

func (o *columns) backward(tp *Tape) {
	if o.y.Grad == nil || !o.x.needsGrad() {
		return
	}
	dx, c, n := tp.gradToAdd(o.x), o.x.Cols(), o.y.Cols()
	for r := range o.x.Rows() {
		kernel.AddTo(dx[r*c+o.from:][:n], o.y.Grad[r*n:][:n])
	}
}

func (o *columns) emit(g *Graph) { g.set(o.y, g.Slice(g.of(o.x), 1, o.from, o.from+o.y.Cols())) }

// Concat sets tensors of the same rows side by side.
func (tp *Tape) Concat(xs ...*Tensor) *Tensor {
	n, c, needs := xs[0].Rows(), 0, false
	for _, x := range xs {
		if x.Rows() != n {
			panic(fmt.Sprintf("tensor: Concat of %v and %v", xs[0].Shape, x.Shape))
		}
		c += x.Cols()
		needs = needs || x.needsGrad()
	}
	y := tp.make(needs, n, c)
	at := 0
	for _, x := range xs {
		if tp.computes() {
			for r := range n {
				copy(y.Data[r*c+at:], x.Data[r*x.Cols():][:x.Cols()])
			}
		}
		at += x.Cols()
	}
	record(tp, concat{xs: xs, y: y})
	return y
}

type concat struct {
	xs []*Tensor
	y  *Tensor
}

func (o *concat) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	at := 0
	for _, x := range o.xs {
		if dx := tp.gradToAdd(x); dx != nil {
			for r := range x.Rows() {
				kernel.AddTo(dx[r*x.Cols():][:x.Cols()], o.y.Grad[r*o.y.Cols()+at:][:x.Cols()])
			}
		}
		at += x.Cols()
	}
}

func (o *concat) emit(g *Graph) {
	var parts []*hlo.Value
	for _, x := range o.xs {
		parts = append(parts, g.of(x))
	}
	g.set(o.y, g.Concat(1, parts...))
}
