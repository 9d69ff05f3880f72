package kernel

import (
	"math/rand/v2"
	"testing"

	"fragua/model/kernel/kerneltest"
)

func TestSparseMul(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const rows, cols, n = 70, 33, 19
	dense := make([]float64, rows*cols)
	s := Sparse{First: make([]int, 1)}
	for i := range rows {
		for j := range cols {
			if rng.IntN(4) == 0 && i != 5 {
				v := float32(rng.NormFloat64())
				dense[i*cols+j] = float64(v)
				s.Cols, s.Values = append(s.Cols, uint32(j)), append(s.Values, v)
			}
		}
		s.First = append(s.First, len(s.Cols))
	}
	x := kerneltest.Random(rng, cols*n)
	want := make([]float64, rows*n)
	for i := range rows {
		for j := range cols {
			for k := range n {
				want[i*n+k] += dense[i*cols+j] * float64(x[j*n+k])
			}
		}
	}
	y := kerneltest.Random(rng, rows*n)
	s.Mul(y, x, n)
	kerneltest.Near(t, "y", y, want, 1e-5)
}
