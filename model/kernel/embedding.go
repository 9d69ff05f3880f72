package kernel

import "fmt"

// Embedding copies row ids[i] of table (· × cols) to row i of dst.
func Embedding(dst, table []float32, ids []int32, cols int) {
	checkIDs("Embedding", table, dst, ids, cols)
	if len(ids) <= rowGrain(cols) { // without garbage
		embed(dst, table, ids, cols)
		return
	}
	Parallel(len(ids), rowGrain(cols), func(lo, hi int) { embed(dst[lo*cols:hi*cols], table, ids[lo:hi], cols) })
}

func embed(dst, table []float32, ids []int32, cols int) {
	for i, id := range ids {
		copy(dst[i*cols:(i+1)*cols], table[int(id)*cols:])
	}
}

// EmbeddingGrad adds row i of dy to row ids[i] of dtable. Workers share the columns out
// among them, so that equal ids meet in the order of the rows.
func EmbeddingGrad(dtable, dy []float32, ids []int32, cols int) {
	checkIDs("EmbeddingGrad", dtable, dy, ids, cols)
	Parallel(cols, 64, func(lo, hi int) {
		for r, id := range ids {
			active.addTo(dtable[int(id)*cols+lo:int(id)*cols+hi], dy[r*cols+lo:r*cols+hi])
		}
	})
}

func checkIDs(what string, table, rows []float32, ids []int32, cols int) {
	n := rowsOf(what, len(table), cols)
	same(what, len(ids), rowsOf(what, len(rows), cols))
	for i, id := range ids {
		if id < 0 || int(id) >= n {
			panic(fmt.Sprintf("kernel: %s: id %d at %d, the table has %d rows", what, id, i, n))
		}
	}
}
