package kernel

import (
	"fmt"

	"fragua/model/kernel/par"
)

// Embedding copies row ids[i] of table (· × cols) to row i of dst.
func Embedding(dst, table []float32, ids []int32, cols int) {
	checkIDs("Embedding", table, dst, ids, cols)
	embeddings.Run(len(ids), par.RowGrain(cols), embedding{dst, table, ids, cols})
}

type embedding struct {
	dst, table []float32
	ids        []int32
	cols       int
}

var embeddings par.CallPool[embedding, *embedding]

func (e *embedding) Chunk(lo, hi int) {
	for i, id := range e.ids[lo:hi] {
		copy(e.dst[(lo+i)*e.cols:(lo+i+1)*e.cols], e.table[int(id)*e.cols:])
	}
}

// EmbeddingGrad adds row i of dy to row ids[i] of dtable. Workers share the columns out
// among them, so that equal ids meet in the order of the rows.
func EmbeddingGrad(dtable, dy []float32, ids []int32, cols int) {
	checkIDs("EmbeddingGrad", dtable, dy, ids, cols)
	embeddingGrads.Run(cols, 64, embeddingGrad{active.addTo, dtable, dy, ids, cols})
}

type embeddingGrad struct {
	addTo      func(dst, x []float32)
	dtable, dy []float32
	ids        []int32
	cols       int
}

var embeddingGrads par.CallPool[embeddingGrad, *embeddingGrad]

func (e *embeddingGrad) Chunk(lo, hi int) {
	for r, id := range e.ids {
		e.addTo(e.dtable[int(id)*e.cols+lo:int(id)*e.cols+hi], e.dy[r*e.cols+lo:r*e.cols+hi])
	}
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
