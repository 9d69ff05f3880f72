package model

import (
	"math"
)

// A Neighbor is a row of an embedding and its cosine with a query.
type Neighbor struct {
	ID     int32
	Cosine float64
}

// Nearest returns the k rows of an embedding (V × width) whose directions are
// nearest to the query's, the nearest first. Rows and queries of length 0 are
// near nothing.
func Nearest(embedding []float32, width int, query []float32, k int) []Neighbor {
	length := math.Sqrt(dot(query, query))
	list := make([]candidate, 0, len(embedding)/width)
	for id := range len(embedding) / width {
		row := embedding[id*width:][:width]
		if n := math.Sqrt(dot(row, row)) * length; n > 0 {
			list = append(list, candidate{int32(id), dot(row, query) / n})
		}
	}
	var near []Neighbor
	for _, c := range top(list, min(k, len(list))) {
		near = append(near, Neighbor{c.id, c.p})
	}
	return near
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
