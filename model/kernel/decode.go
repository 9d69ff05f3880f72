package kernel

import (
	"fmt"
	"math"
)

// AttentionDecode is attention of one new query a row, q and y (rows × heads·dim), each
// against its own cache: keys[r] and values[r] hold as many positions, of kvHeads·dim
// features, as that row sees, the new one included. scale 0 means 1/√dim.
func AttentionDecode(y, q []float32, keys, values [][]float32, heads, kvHeads, dim int, scale float32) {
	rows := len(keys)
	same("AttentionDecode", rows*heads*dim, len(q), len(y))
	same("AttentionDecode", rows, len(values))
	if kvHeads <= 0 || heads%kvHeads != 0 {
		panic(fmt.Sprintf("kernel: AttentionDecode: %d heads do not share %d key heads evenly", heads, kvHeads))
	}
	for r := range keys {
		rowsOf("AttentionDecode", len(keys[r]), kvHeads*dim)
		same("AttentionDecode", len(keys[r]), len(values[r]))
	}
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(dim)))
	}
	group, width := heads/kvHeads, kvHeads*dim
	Parallel(rows*kvHeads, 1, func(unit, _ int) {
		r, kv := unit/kvHeads, unit%kvHeads
		n := len(keys[r]) / width
		at := r*heads*dim + kv*group*dim
		if n == 0 {
			clear(y[at:][:group*dim])
			return
		}
		s := borrow(group * n)
		defer giveBack(s)
		serialGemm(NT, group, n, dim, q[at:], dim, keys[r][kv*dim:], width, s, n, false)
		for g := range group {
			row := s[g*n:][:n]
			active.scale(row, scale)
			softmaxRow(row)
		}
		serialGemm(NN, group, dim, n, s, n, values[r][kv*dim:], width, y[at:], dim, false)
	})
}
