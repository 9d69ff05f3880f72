package kernel

import (
	"fmt"
	"math"

	"fragua/model/kernel/gemm"
	"fragua/model/kernel/par"
)

// AttentionDecode is attention of one new query a row, each against its own cache: q holds
// rows of heads·dim features, strideQ apart, y the same without gaps. keys[r] and values[r]
// have room for as many positions as they are long, (kvHeads × room × dim), of which the row
// sees the first lengths[r], the new one included: so each head reads what lies in one piece.
// scale 0 means 1/√dim.
func AttentionDecode(y, q []float32, strideQ int, keys, values [][]float32, lengths []int, heads, kvHeads, dim int, scale float32) {
	rows := len(lengths)
	same("AttentionDecode", rows*heads*dim, len(y))
	same("AttentionDecode", rows, len(keys), len(values))
	if kvHeads <= 0 || heads%kvHeads != 0 {
		panic(fmt.Sprintf("kernel: AttentionDecode: %d heads do not share %d key heads evenly", heads, kvHeads))
	}
	if !fits(q, rows, heads*dim, strideQ) {
		panic(fmt.Sprintf("kernel: AttentionDecode: %d queries of %d, %d apart, in %d elements", rows, heads*dim, strideQ, len(q)))
	}
	total := 0
	for r, n := range lengths {
		same("AttentionDecode", len(keys[r]), len(values[r]))
		if room := rowsOf("AttentionDecode", len(keys[r]), kvHeads*dim); n > room {
			panic(fmt.Sprintf("kernel: AttentionDecode: row %d sees %d positions, its cache has room for %d", r, n, room))
		}
		total += n * kvHeads * dim
	}
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(dim)))
	}
	units, share := rows*kvHeads, 1
	if total <= par.Grain {
		share = units
	}
	decodings.Run(units, share, decoding{y, q, keys, values, lengths, strideQ, kvHeads, heads / kvHeads, dim, scale})
}

// A decoding is a call of AttentionDecode; a unit is a row and a head of keys.
type decoding struct {
	y, q                         []float32
	keys, values                 [][]float32
	lengths                      []int
	strideQ, kvHeads, group, dim int
	scale                        float32
}

var decodings par.CallPool[decoding, *decoding]

func (d *decoding) Chunk(lo, hi int) {
	for unit := lo; unit < hi; unit++ {
		d.head(unit)
	}
}

// head is the group of queries of one row that share a head of keys.
func (d *decoding) head(unit int) {
	r, kv := unit/d.kvHeads, unit%d.kvHeads
	n, width := d.lengths[r], d.group*d.dim
	y := d.y[unit*width:][:width]
	if n == 0 {
		clear(y)
		return
	}
	from := kv * (len(d.keys[r]) / d.kvHeads)
	values := d.values[r][from:]
	s := par.GetScratch(d.group * n)
	defer par.PutScratch(s)
	active.gemm.Skinny(&gemm.Args{M: d.group, N: n, K: d.dim, A: d.q[r*d.strideQ+kv*width:], LDA: d.dim,
		B: d.keys[r][from:], LDB: d.dim, C: s, LDC: n}, values)
	for g := range d.group {
		row := s[g*n:][:n]
		active.scale(row, d.scale)
		softmaxRow(row)
	}
	if d.dim%16 == 0 {
		active.gemm.MulSmall(&gemm.Args{Op: gemm.NN, M: d.group, N: d.dim, K: n, A: s, LDA: n, B: values, LDB: d.dim, C: y, LDC: d.dim})
		return
	}
	clear(y)
	for g := range d.group { // a head is not whole vectors
		for i, p := range s[g*n:][:n] {
			active.axpy(y[g*d.dim:][:d.dim], p, values[i*d.dim:][:d.dim])
		}
	}
}
