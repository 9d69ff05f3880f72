package model

import "math"

// A Space is an embedding, V rows of a width, centred on the mean of its rows: what all of
// them share tells how often an id is seen and nothing of what it means, and hides the rest
// (Mu and Viswanath 2018, section 2).
type Space struct {
	rows  []float32
	width int
}

// A Neighbor is a row of an embedding and its cosine with a query.
type Neighbor struct {
	ID     int32
	Cosine float64
}

// NewSpace copies an embedding and moves its origin.
func NewSpace(embedding []float32, width int) *Space {
	s := &Space{make([]float32, len(embedding)), width}
	mean := make([]float64, width)
	for i, v := range embedding {
		mean[i%width] += float64(v) * float64(width) / float64(len(embedding))
	}
	for i, v := range embedding {
		s.rows[i] = float32(float64(v) - mean[i%width])
	}
	return s
}

// NewPlainSpace takes an embedding as it is, without a copy.
func NewPlainSpace(embedding []float32, width int) *Space { return &Space{embedding, width} }

// Vector is the mean of the rows of a word's ids.
func (s *Space) Vector(ids []int32) []float32 {
	v := make([]float32, s.width)
	for _, id := range ids {
		for j, x := range s.rows[int(id)*s.width:][:s.width] {
			v[j] += x / float32(len(ids))
		}
	}
	return v
}

// Nearest returns the k rows whose directions are nearest to the query's, the nearest first.
// Rows and queries of length 0 are near nothing.
func (s *Space) Nearest(query []float32, k int) []Neighbor {
	list := make([]candidate, 0, len(s.rows)/s.width)
	for id := range len(s.rows) / s.width {
		row := s.rows[id*s.width:][:s.width]
		if dot(row, row)*dot(query, query) > 0 {
			list = append(list, candidate{int32(id), Cosine(row, query)})
		}
	}
	var near []Neighbor
	for _, c := range top(list, min(k, len(list))) {
		near = append(near, Neighbor{c.id, c.p})
	}
	return near
}

// Cosine is that of the angle between two vectors; 0 if one of them has no length.
func Cosine(a, b []float32) float64 {
	return dot(a, b) / math.Sqrt(max(dot(a, a)*dot(b, b), math.SmallestNonzeroFloat64))
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
