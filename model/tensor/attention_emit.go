package tensor

import (
	"math"

	"fragua/model/hlo"
)

// emit writes attention with its matrix of scores; the backward pass keeps it.
func (o *attention) emit(g *Graph) {
	a := o.a
	b, kv, group, d := a.B, a.KVHeads, a.Heads/a.KVHeads, a.Dim
	scale := float64(a.Scale)
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(d))
	}
	heads := func(h Heads, width, rows, parts int) *hlo.Value { // (B, KV, parts·rows, D), parts of a key head one after the other
		x := g.Reshape(g.Slice(g.of(h.X), 1, h.Col, h.Col+width), b, rows, kv, parts, d)
		return g.Reshape(g.Transpose(x, 0, 2, 3, 1, 4), b, kv, parts*rows, d)
	}
	q, k, v := heads(o.q, a.Heads*d, a.T, group), heads(o.k, kv*d, a.S, 1), heads(o.v, kv*d, a.S, 1)
	scores := g.Reshape(g.Scale(g.DotNT(q, k, hlo.F32), scale), b, kv, group, a.T, a.S)
	if o.bias != nil {
		scores = g.Add(scores, o.biases(g, scores.Shape))
	}
	weights := scores
	if sees := o.sees(g); sees != nil {
		sees = g.Broadcast(sees, scores.Shape, 0, 3, 4)
		weights = g.Select(sees, scores, g.Constant(hlo.F32, math.Inf(-1), scores.Shape...))
	}
	// A query that sees no key has a greatest score of −Inf and no sum; its result is 0.
	top := g.Greatest(weights, 4)
	zero := g.Constant(hlo.F32, 0, top.Shape...)
	top = g.Select(g.Compare("GT", top, g.Constant(hlo.F32, -math.MaxFloat32, top.Shape...)), top, zero)
	weights = g.Exp(g.Sub(weights, g.Broadcast(top, scores.Shape, 0, 1, 2, 3)))
	sum := g.Sum(weights, 4)
	sum = g.Select(g.Compare("GT", sum, zero), sum, g.Offset(zero, 1))
	weights = g.Div(weights, g.Broadcast(sum, scores.Shape, 0, 1, 2, 3))
	y := g.DotNN(g.Reshape(weights, b, kv, group*a.T, a.S), v, hlo.F32)
	y = g.Transpose(g.Reshape(y, b, kv, group, a.T, d), 0, 3, 1, 2, 4)
	g.set(o.y, g.Reshape(y, b*a.T, a.Heads*d))
}

// distance is how far a key stands behind a query (T, S).
func (o *attention) distance(g *Graph) *hlo.Value {
	shape := []int{o.a.T, o.a.S}
	query := g.Offset(g.Iota(hlo.I32, 0, shape...), float64(o.a.S-o.a.T))
	return g.Sub(g.Iota(hlo.I32, 1, shape...), query)
}

// sees says which keys a query sees (B, T, S); nil: all.
func (o *attention) sees(g *Graph) *hlo.Value {
	a := o.a
	shape := []int{a.B, a.T, a.S}
	var all *hlo.Value
	and := func(v *hlo.Value) {
		if all != nil {
			v = g.And(all, v)
		}
		all = v
	}
	number := func(n int) *hlo.Value { return g.Constant(hlo.I32, float64(n), shape...) }
	if a.Causal || a.Window > 0 {
		behind := g.Broadcast(o.distance(g), shape, 1, 2)
		if a.Causal {
			and(g.Compare("LE", behind, number(0)))
		}
		if a.Window > 0 {
			and(g.Compare("LT", behind, number(a.Window)))
			and(g.Compare("GT", behind, number(-a.Window)))
		}
	}
	var query, key *hlo.Value
	if a.Docs != nil {
		query = g.Broadcast(g.Reshape(g.ints(a.Docs), a.B, a.T), shape, 0, 1)
		and(g.Compare("GE", query, number(0)))
	}
	if a.KeyDocs != nil {
		key = g.Broadcast(g.Reshape(g.ints(a.KeyDocs), a.B, a.S), shape, 0, 2)
		and(g.Compare("GE", key, number(0)))
	}
	if query != nil && key != nil {
		and(g.Compare("EQ", query, key))
	}
	return all
}

// biases are those of each head by distance, in the shape of the scores.
func (o *attention) biases(g *Graph, shape []int) *hlo.Value {
	a, far := o.a, o.bias.Rows()/2
	number := func(n int) *hlo.Value { return g.Constant(hlo.I32, float64(n), a.T, a.S) }
	row := g.Add(g.Min(g.Max(o.distance(g), number(-far)), number(far)), number(far))
	table := g.Rows(g.of(o.bias), g.Reshape(row, a.T*a.S)) // (T·S, Heads)
	table = g.Transpose(g.Reshape(table, a.T, a.S, a.KVHeads, a.Heads/a.KVHeads), 2, 3, 0, 1)
	return g.Broadcast(table, shape, 1, 2, 3, 4)
}
