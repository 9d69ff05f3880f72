package model

import (
	"fragua/model/kernel"
	"fragua/model/tensor"
)

// A cache holds the keys and values of all that each row was fed.
//
//	rows[r].k[layer]   (len(ids), KV·D), growing
type cache struct {
	heads
	rows   []*history
	fed    []int      // how many ids each row is being fed now
	free   []*history // of rows that were dropped, for their memory
	keys   [][]float32
	values [][]float32
}

// A history is one row of the cache.
type history struct {
	ids  []int32
	k, v [][]float32 // by layer
}

// empty returns a history with nothing in it.
func (c *cache) empty() *history {
	if n := len(c.free); n > 0 {
		h := c.free[n-1]
		c.free = c.free[:n-1]
		h.clear()
		return h
	}
	return &history{k: make([][]float32, c.layers), v: make([][]float32, c.layers)}
}

func (h *history) clear() {
	h.ids = h.ids[:0]
	for l := range h.k {
		h.k[l], h.v[l] = h.k[l][:0], h.v[l][:0]
	}
}

// choose makes row i what row rows[i] was. A row taken once keeps its memory,
// further takings are copies.
func (c *cache) choose(rows []int) {
	next := make([]*history, len(rows))
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
			h.ids = append(h.ids, from.ids...)
			for l := range h.k {
				h.k[l] = append(h.k[l], from.k[l]...)
				h.v[l] = append(h.v[l], from.v[l]...)
			}
			next[i] = h
		}
	}
	c.rows = next
}

// attend implements attender: row r's next fed[r] queries see all that the row
// was fed before, and each other causally.
func (c *cache) attend(tp *tensor.Tape, layer int, q, k, v tensor.Heads) *tensor.Tensor {
	width := c.kv * c.dim
	c.keys, c.values = c.keys[:0], c.values[:0]
	at := 0
	for r, h := range c.rows {
		for i := at; i < at+c.fed[r]; i++ {
			h.k[layer] = append(h.k[layer], k.X.Data[i*k.X.Cols()+k.Col:][:width]...)
			h.v[layer] = append(h.v[layer], v.X.Data[i*v.X.Cols()+v.Col:][:width]...)
		}
		at += c.fed[r]
		c.keys, c.values = append(c.keys, h.k[layer]), append(c.values, h.v[layer])
	}
	return c.look(tp, q, true)
}

// look is attention of row r's fed[r] queries to keys[r] and values[r].
func (c *cache) look(tp *tensor.Tape, q tensor.Heads, causal bool) *tensor.Tensor {
	width, stride := c.n*c.dim, q.X.Cols()
	n := q.X.Rows()
	y := tp.Empty(n, width)
	if n == len(c.fed) { // one each
		flat := tp.Empty(n, width)
		for i := range n {
			copy(flat.Data[i*width:][:width], q.X.Data[i*stride+q.Col:])
		}
		kernel.AttentionDecode(y.Data, flat.Data, c.keys, c.values, c.n, c.kv, c.dim, 0)
		return y
	}
	at := 0
	for r, t := range c.fed {
		a := kernel.Attention{B: 1, T: t, S: len(c.keys[r]) / (c.kv * c.dim), Heads: c.n, KVHeads: c.kv, Dim: c.dim,
			Causal: causal, StrideQ: stride}
		a.Forward(y.Data[at*width:][:t*width], tp.Empty(c.n, t).Data, q.X.Data[at*stride+q.Col:], c.keys[r], c.values[r])
		at += t
	}
	return y
}
