package embed

import (
	"math"

	"fragua/model/kernel"
)

// mutual makes the symmetric matrix of positive pointwise mutual information of n words,
//
//	max(0, log(p(i,j) ÷ q(i)q(j)))
//
// where q is the root of p(i) times what p^¾, brought to a sum of 1, makes of it: the smoothing of
// contexts of Levy, Goldberg and Dagan (2015, section 3.2), shared by both sides so that the
// matrix stays symmetric. It keeps rare words from being near to all that they were seen with once.
func mutual(pairs []pair, n int) *kernel.Sparse {
	marginal := make([]float64, n)
	total := 0.0
	each := func(f func(i, j uint32, n float64)) {
		for _, p := range pairs {
			f(p.row, p.col, float64(p.n))
			if p.row != p.col {
				f(p.col, p.row, float64(p.n))
			}
		}
	}
	each(func(i, _ uint32, n float64) { marginal[i] += n; total += n })
	smooth := 0.0
	for _, s := range marginal {
		smooth += math.Pow(s/total, smoothing)
	}
	log := make([]float64, n) // of q(i)
	for i, s := range marginal {
		p := s / total
		log[i] = (math.Log(p) + math.Log(math.Pow(p, smoothing)/smooth)) / 2
	}
	value := func(i, j uint32, n float64) float64 { return math.Log(n/total) - log[i] - log[j] }

	m := &kernel.Sparse{First: make([]int, n+1)}
	each(func(i, j uint32, n float64) {
		if value(i, j, n) > 0 {
			m.First[i+1]++
		}
	})
	for i := range n {
		m.First[i+1] += m.First[i]
	}
	m.Cols, m.Values = make([]uint32, m.First[n]), make([]float32, m.First[n])
	next := append([]int(nil), m.First[:n]...)
	each(func(i, j uint32, n float64) {
		if x := value(i, j, n); x > 0 {
			m.Cols[next[i]], m.Values[next[i]] = j, float32(x)
			next[i]++
		}
	})
	return m
}

const smoothing = 0.75
