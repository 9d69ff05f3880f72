package tensor

import (
	"fmt"
	"slices"

	"fragua/model/kernel"
)

// Heads are columns of a tensor, from Col on, seen as attention heads: a fused
// q|k|v of width 3C is Heads{x, 0}, Heads{x, C} and Heads{x, 2*C}.
type Heads struct {
	X   *Tensor
	Col int
}

func (h Heads) data() []float32 { return h.X.Data[h.Col:] }

// Attention is softmax(q·kᵀ/√Dim)·v for each head: q is (B·T, Heads·Dim), k
// and v are (B·S, KVHeads·Dim), the result is (B·T, Heads·Dim). What a query
// sees is said by a; its strides are set here. a.Docs and a.KeyDocs must stay
// as they are until Backward. No T×S matrix is ever stored.
func (tp *Tape) Attention(q, k, v Heads, a kernel.Attention) *Tensor {
	return tp.BiasedAttention(q, k, v, nil, a)
}

// BiasedAttention is Attention with a bias of each head by distance, (2·far+1, Heads), added to the
// scaled scores (see kernel.PositionBias); nil: none.
func (tp *Tape) BiasedAttention(q, k, v Heads, bias *Tensor, a kernel.Attention) *Tensor {
	width, kvWidth := a.Heads*a.Dim, a.KVHeads*a.Dim
	if q.X.Rows() != a.B*a.T || k.X.Rows() != a.B*a.S || v.X.Rows() != a.B*a.S ||
		q.Col+width > q.X.Cols() || k.Col+kvWidth > k.X.Cols() || v.Col+kvWidth > v.X.Cols() {
		panic(fmt.Sprintf("tensor: Attention of %v, %v and %v with B=%d T=%d S=%d and %d/%d heads of %d",
			q.X.Shape, k.X.Shape, v.X.Shape, a.B, a.T, a.S, a.Heads, a.KVHeads, a.Dim))
	}
	a.StrideQ, a.StrideK, a.StrideV, a.StrideY = q.X.Cols(), k.X.Cols(), v.X.Cols(), width
	if bias != nil {
		a.Bias = &kernel.PositionBias{Far: bias.Rows() / 2, Table: bias.Data, Stride: bias.Cols()}
	}
	y := tp.make(q.X.needsGrad() || k.X.needsGrad() || v.X.needsGrad() || bias.needsGrad(), a.B*a.T, width)
	lse := tp.buffer(a.B * a.Heads * a.T)
	if tp.computes() {
		a.Forward(y.Data, lse, q.data(), k.data(), v.data())
	}
	saveForBackward(q.X)
	saveForBackward(k.X)
	saveForBackward(v.X)
	saveForBackward(y)
	record(tp, attention{q: q, k: k, v: v, bias: bias, y: y, lse: lse, a: a})
	return y
}

type attention struct {
	q, k, v Heads
	bias    *Tensor // or nil
	y       *Tensor
	lse     []float32
	a       kernel.Attention
}

func (o *attention) backward(tp *Tape) {
	if o.y.Grad == nil {
		return
	}
	if o.bias.needsGrad() {
		o.a.Bias.Grad = tp.gradToAdd(o.bias)
	}
	var d [3][]float32
	var add [3]bool
	var temps [3]scratch
	heads := [3]Heads{o.q, o.k, o.v}
	for i, h := range heads {
		first := slices.IndexFunc(heads[:], func(other Heads) bool { return other.X == h.X })
		if first < i {
			d[i], add[i] = d[first], add[first]
			continue
		}
		if d[i], add[i] = tp.grad(h.X); d[i] == nil { // the kernel wants it all the same
			temps[i] = tp.scratch(len(h.X.Data))
			d[i] = temps[i].data
		} else if !add[i] && !o.fill(h.X) {
			kernel.Clear(d[i])
			add[i] = true
		}
	}
	o.a.Backward(d[0][o.q.Col:], d[1][o.k.Col:], d[2][o.v.Col:], add,
		o.q.data(), o.k.data(), o.v.data(), o.y.Data, o.lse, o.y.Grad)
	for _, l := range temps {
		if l.data != nil {
			l.free(tp)
		}
	}
}

// fill reports whether the heads of x are all of it, and none of it twice.
func (o *attention) fill(x *Tensor) bool {
	heads, end, sum := [3]Heads{o.q, o.k, o.v}, 0, 0
	width := [3]int{o.a.Heads * o.a.Dim, o.a.KVHeads * o.a.Dim, o.a.KVHeads * o.a.Dim}
	for range heads {
		for i, h := range heads {
			if h.X == x && h.Col == end { // the next columns
				end += width[i]
				break
			}
		}
	}
	for i, h := range heads {
		if h.X == x {
			sum += width[i]
		}
	}
	return end == x.Cols() && sum == x.Cols()
}

// Rotate is rotary position embedding of the first heads of every row of x,
// in place: row i stands at pos[i] (Su et al. 2021). pos must stay as it is
// until Backward.
func (tp *Tape) Rotate(x *Tensor, r *kernel.RoPE, heads int, pos []int32) *Tensor {
	inPlace("Rotate", x)
	if len(pos) != x.Rows() {
		panic(fmt.Sprintf("tensor: Rotate of %v with %d positions", x.Shape, len(pos)))
	}
	if tp.computes() {
		r.Rotate(x.Data, x.Cols(), heads, pos, false)
	}
	record(tp, rotate{x: x, r: r, heads: heads, pos: pos})
	return x
}

type rotate struct {
	x     *Tensor
	r     *kernel.RoPE
	heads int
	pos   []int32
}

func (o *rotate) backward(tp *Tape) {
	if o.x.Grad != nil {
		o.r.Rotate(o.x.Grad, o.x.Cols(), o.heads, o.pos, true)
	}
}

func (o *rotate) emit(g *Graph) {
	table, half := o.r.Table(), o.r.Half()
	angles := g.Rows(g.constant(table, len(table)/(2*half), 2*half), g.ints(o.pos)) // (N, 2·half): cosines, sines
	x, n, width := g.of(o.x), o.x.Rows(), 2*half*o.heads
	shape := []int{n, o.heads, half}
	heads := g.Reshape(g.Slice(x, 1, 0, width), n, o.heads, 2*half)
	a, b := g.Slice(heads, 2, 0, half), g.Slice(heads, 2, half, 2*half)
	cos, sin := g.Broadcast(g.Slice(angles, 1, 0, half), shape, 0, 2), g.Broadcast(g.Slice(angles, 1, half, 2*half), shape, 0, 2)
	turned := g.Concat(2, g.Sub(g.Mul(a, cos), g.Mul(b, sin)), g.Add(g.Mul(b, cos), g.Mul(a, sin)))
	g.set(o.x, g.Concat(1, g.Reshape(turned, n, width), g.Slice(x, 1, width, o.x.Cols())))
}
