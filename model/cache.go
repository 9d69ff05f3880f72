package model

import (
	"slices"

	"fragua/model/kernel"
	"fragua/model/kernel/par"
	"fragua/model/tensor"
)

// A kvCache holds the keys and values of all that each row was fed, each head's in one
// piece, so that attention reads what lies side by side.
//
//	rows[r].k[layer]   (KV, room, D), filled up to len(ids)
type kvCache struct {
	heads
	rows    []*kvRow
	fed     []int    // how many ids each row is being fed now
	free    []*kvRow // of rows that were dropped, for their memory
	keys    [][]float32
	values  [][]float32
	lengths []int
	bias    *kernel.PositionBias // of self-attention; nil: none

	recurrent int // width of the state that each layer keeps instead of keys and values; 0: attention
}

// A kvRow is one row of the cache.
type kvRow struct {
	ids  []int32
	room int
	k, v [][]float32 // by layer

	state [][]float32 // by layer, of recurrent layers, which have no k and v
}

// firstRoom is the capacity of a new row in positions; it doubles as needed.
const firstRoom = 64

// empty returns a row without positions.
func (c *kvCache) empty() *kvRow {
	if n := len(c.free); n > 0 {
		h := c.free[n-1]
		c.free = c.free[:n-1]
		h.restart()
		return h
	}
	if c.recurrent > 0 {
		h := &kvRow{state: make([][]float32, c.layers)}
		for l := range h.state {
			h.state[l] = make([]float32, c.recurrent)
		}
		return h
	}
	return &kvRow{k: make([][]float32, c.layers), v: make([][]float32, c.layers)}
}

// restart forgets all positions.
func (h *kvRow) restart() {
	h.ids = h.ids[:0]
	for _, s := range h.state {
		clear(s)
	}
}

// reserve makes room for n positions and keeps the first kept.
func (h *kvRow) reserve(c heads, n, kept int) {
	if n <= h.room {
		return
	}
	room := max(h.room, firstRoom)
	for room < n {
		room *= 2
	}
	for l := range h.k {
		for _, x := range []*[]float32{&h.k[l], &h.v[l]} {
			wider := make([]float32, c.kv*room*c.dim)
			copyHeads(wider, *x, c, room, h.room, kept)
			*x = wider
		}
	}
	h.room = room
}

// copyHeads copies the first n positions of each head between arrays with room for so many.
func copyHeads(to, from []float32, c heads, roomTo, roomFrom, n int) {
	for head := range c.kv {
		copy(to[head*roomTo*c.dim:], from[head*roomFrom*c.dim:][:n*c.dim])
	}
}

// selectRows makes row i what row rows[i] was. A row taken once keeps its memory,
// further takings are copies.
func (c *kvCache) selectRows(rows []int) {
	next := make([]*kvRow, len(rows))
	taken := make([]bool, len(c.rows))
	for i, r := range rows {
		if !taken[r] {
			next[i], taken[r] = c.rows[r], true
		}
	}
	for r, h := range c.rows {
		if !taken[r] {
			c.free = append(c.free, h)
		}
	}
	for i, r := range rows {
		if next[i] == nil {
			h, from := c.empty(), c.rows[r]
			n := len(from.ids)
			h.reserve(c.heads, n, 0)
			h.ids = append(h.ids, from.ids...)
			for l := range h.state {
				copy(h.state[l], from.state[l])
			}
			for l := range h.k {
				copyHeads(h.k[l], from.k[l], c.heads, h.room, from.room, n)
				copyHeads(h.v[l], from.v[l], c.heads, h.room, from.room, n)
			}
			next[i] = h
		}
	}
	c.rows = next
}

// write puts n rows of k and v, from row at on, to positions first and on of a layer.
func (h *kvRow) write(c heads, layer, first, n, at int, k, v tensor.Heads) {
	for i := range n {
		for head := range c.kv {
			to, from := (head*h.room+first+i)*c.dim, head*c.dim
			copy(h.k[layer][to:][:c.dim], k.X.Data[(at+i)*k.X.Cols()+k.Col+from:])
			copy(h.v[layer][to:][:c.dim], v.X.Data[(at+i)*v.X.Cols()+v.Col+from:])
		}
	}
}

// attend implements attentionContext: row r's next fed[r] queries see all that the row
// was fed before, and each other causally.
func (c *kvCache) attend(tp *tensor.Tape, layer int, q, k, v tensor.Heads) *tensor.Tensor {
	c.keys, c.values, c.lengths = c.keys[:0], c.values[:0], c.lengths[:0]
	at := 0
	for r, h := range c.rows {
		h.write(c.heads, layer, len(h.ids)-c.fed[r], c.fed[r], at, k, v)
		at += c.fed[r]
		c.keys, c.values, c.lengths = append(c.keys, h.k[layer]), append(c.values, h.v[layer]), append(c.lengths, len(h.ids))
	}
	return c.attendRows(tp, layer, q, c.bias, true)
}

// attendRows is attention of row r's fed[r] queries to the first lengths[r] of keys[r] and
// values[r].
func (c *kvCache) attendRows(tp *tensor.Tape, layer int, q tensor.Heads, bias *kernel.PositionBias, causal bool) *tensor.Tensor {
	n, width, stride := q.X.Rows(), c.n*c.dim, q.X.Cols()
	y, scale, window := tp.Empty(n, width), c.scale(layer), c.window(layer)
	if n == len(c.fed) && bias == nil && (window == 0 || slices.Max(c.lengths) <= window) { // one each
		kernel.AttentionDecode(y.Data, q.X.Data[q.Col:], stride, c.keys, c.values, c.lengths, c.n, c.kv, c.dim, scale)
		return y
	}
	group := c.n / c.kv
	at := 0
	for r, t := range c.fed {
		lse, from := tp.Empty(c.n, t), at
		par.For(c.kv, 1, func(head, _ int) {
			a := kernel.Attention{B: 1, T: t, S: c.lengths[r], Heads: group, KVHeads: 1, Dim: c.dim,
				Causal: causal, Scale: scale, Window: window, StrideQ: stride, StrideY: width}
			if bias != nil {
				of := *bias
				of.Table = of.Table[head*group:]
				a.Bias = &of
			}
			first, column := head*(len(c.keys[r])/c.kv), head*group*c.dim
			a.Forward(y.Data[from*width+column:], lse.Data[head*group*t:][:group*t], q.X.Data[from*stride+q.Col+column:],
				c.keys[r][first:], c.values[r][first:])
		})
		at += t
	}
	return y
}
