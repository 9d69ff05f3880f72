package embed

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// eigen returns the eigenvectors of a symmetric k × k matrix as columns, and their eigenvalues, in
// falling order of rank. The matrix may be overwritten.
func eigen(a []float64, k int, rank func(float64) float64) (vectors, values []float64) {
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(k, a), true) {
		panic("embed: the eigenvalues of a matrix do not converge: it holds a number that is not finite")
	}
	var v mat.Dense
	e.VectorsTo(&v)
	found := e.Values(nil)
	order := make([]int, k)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rank(found[j]), rank(found[i])) })
	vectors, values = make([]float64, k*k), make([]float64, k)
	for to, from := range order {
		values[to] = found[from]
		for i := range k {
			vectors[i*k+to] = v.At(i, from)
		}
	}
	return vectors, values
}
