package train

import (
	"math"

	"fragua/model/kernel"
)

// Adafactor keeps, for a matrix, the second moment's row and column means in
// place of the moment (Shazeer and Stern 2018, algorithms 4 and 5), so that its
// memory is that of the weights alone. A step is relative to the weights' size:
// the rate is multiplied by max(Floor, RMS(w)).
type Adafactor struct {
	Decay2 float64 `yaml:"decay2" json:"decay2" doc:"the second moment keeps 1 - t^-decay2"`
	Clip   float64 `yaml:"clip" json:"clip" doc:"greatest root mean square of an update"`
	Floor  float64 `yaml:"floor" json:"floor" doc:"least size of weights that a step is relative to"`
	Decay  float64 `yaml:"decay" json:"decay" doc:"weight decay, times the rate; of matrices alone"`

	rows, cols [][]float32 // per matrix: means of g² over columns, and over rows
	whole      [][]float32 // per vector: g²
	memory     []float32   // holds all of them
	update     []float32   // scratch, as large as the largest parameter
}

const adafactorEps = 1e-30 // ε₁ of the paper

func (o *Adafactor) Start(s *Slab) {
	n, largest := 0, 0
	for _, p := range s.Params {
		n += o.floats(p.Shape, len(p.Data))
		largest = max(largest, len(p.Data))
	}
	o.memory, o.update = make([]float32, n), make([]float32, largest)
	o.rows, o.cols, o.whole = make([][]float32, len(s.Params)), make([][]float32, len(s.Params)), make([][]float32, len(s.Params))
	rest := o.memory
	cut := func(n int) []float32 {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	for i, p := range s.Params {
		if len(p.Shape) == 2 {
			o.rows[i], o.cols[i] = cut(p.Shape[0]), cut(p.Shape[1])
		} else {
			o.whole[i] = cut(len(p.Data))
		}
	}
}

func (o *Adafactor) floats(shape []int, n int) int {
	if len(shape) == 2 {
		return shape[0] + shape[1]
	}
	return n
}

func (o *Adafactor) Update(s *Slab, rates []float64, scale float32) {
	for i, p := range s.Params {
		if rates[i] == 0 {
			continue
		}
		g, u := s.Part(s.Grad, i), o.update[:len(p.Data)]
		keep := 1 - math.Pow(float64(s.Updates[i]), -o.Decay2)
		if o.whole[i] != nil {
			o.direct(u, g, o.whole[i], keep, scale)
		} else {
			o.factored(u, g, o.rows[i], o.cols[i], keep, scale)
		}
		n := float64(len(u))
		clip := max(1, math.Sqrt(kernel.SumSquares(u)/n)/o.Clip)
		size := max(o.Floor, math.Sqrt(kernel.SumSquares(p.Data)/n))
		if o.Decay != 0 && p.Decay {
			kernel.Scale(p.Data, float32(1-rates[i]*o.Decay))
		}
		kernel.AXPY(p.Data, float32(-rates[i]*size/clip), u)
	}
}

// direct sets u = g/√v.
func (o *Adafactor) direct(u, g, v []float32, keep float64, scale float32) {
	k, rest := float32(keep), float32(1-keep)
	for j := range g {
		d := float32(scale * g[j])
		v[j] = float32(k*v[j]) + float32(rest*(float32(d*d)+adafactorEps))
		u[j] = d / float32(math.Sqrt(float64(v[j])))
	}
}

// factored sets u = g/√V with V_rc = row_r·col_c / mean(row).
func (o *Adafactor) factored(u, g, row, col []float32, keep float64, scale float32) {
	m, n := len(row), len(col)
	rest := 1 - keep
	kernel.Parallel(m, max(1, grain/n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			mean := float64(scale) * float64(scale) * kernel.SumSquares(g[r*n:(r+1)*n]) / float64(n)
			row[r] = float32(float64(keep*float64(row[r])) + float64(rest*(mean+adafactorEps)))
		}
	})
	kernel.Parallel(n, max(1, grain/m), func(lo, hi int) {
		for c := lo; c < hi; c++ {
			var sum float64
			for r := range m {
				d := float64(scale * g[r*n+c])
				sum += float64(d * d)
			}
			col[c] = float32(float64(keep*float64(col[c])) + float64(rest*(sum/float64(m)+adafactorEps)))
		}
	})
	mean := kernel.Sum(row) / float64(m)
	kernel.Parallel(m, max(1, grain/n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			share := float64(row[r]) / mean
			for c := range n {
				u[r*n+c] = float32(scale*g[r*n+c]) / float32(math.Sqrt(share*float64(col[c])))
			}
		}
	})
}

func (o *Adafactor) Moments() []Moment { return []Moment{{"adafactor", o.memory}} }
