package kernel

import "fragua/model/kernel/par"

// A Sparse is a matrix most of whose elements are 0, in compressed rows: of row i the elements
// Values[First[i]:First[i+1]] stand in the columns Cols[First[i]:First[i+1]].
type Sparse struct {
	First  []int
	Cols   []uint32
	Values []float32
}

// Rows is how many rows the matrix has.
func (s *Sparse) Rows() int { return len(s.First) - 1 }

// Mul sets y (Rows × n) to the product with x (columns × n). The elements of a row are added in
// order, so the result does not depend on the number of workers.
func (s *Sparse) Mul(y, x []float32, n int) {
	same("Sparse.Mul", len(y), s.Rows()*n)
	par.For(s.Rows(), 64, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := y[i*n : (i+1)*n]
			clear(row)
			for k := s.First[i]; k < s.First[i+1]; k++ {
				at := int(s.Cols[k]) * n
				active.axpy(row, s.Values[k], x[at:at+n])
			}
		}
	})
}
