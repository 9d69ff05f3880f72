package train

import (
	"math"

	"fragua/model/kernel"
	"fragua/pipeline/fault"
)

// Adafactor keeps, for a matrix, the second moment's row and column means in
// place of the moment (Shazeer and Stern 2018, algorithms 4 and 5), so that its
// memory is that of the weights alone. A step is relative to the weights' size:
// the rate is multiplied by max(Floor, RMS(w)).
type Adafactor struct {
	Decay2 float64 `yaml:"decay2" json:"decay2" doc:"The second moment keeps 1 - t^-decay2."`
	Clip   float64 `yaml:"clip" json:"clip" doc:"Greatest root mean square of an update."`
	Floor  float64 `yaml:"floor" json:"floor" doc:"Least size of weights that a step is relative to."`
	Decay  float64 `yaml:"decay" json:"decay" doc:"Weight decay, times the rate; of matrices alone."`
}

// Check implements settings.Checker.
func (o *Adafactor) Check() []fault.Fault {
	var f faults
	f.share("decay2", o.Decay2)
	f.above("clip", o.Clip, 0)
	f.above("floor", o.Floor, 0)
	f.atLeast("decay", o.Decay, 0)
	return f
}

type adafactor struct {
	Adafactor
	slab       *Slab
	rows, cols [][]float32 // per matrix: means of g² over columns, and over rows
	whole      [][]float32 // per vector: g²
	memory     []float32   // holds all of them
	update     []float32   // scratch, as large as the largest parameter
}

// New implements OptimizerSettings.
func (settings *Adafactor) New(s *Slab) Optimizer {
	o := &adafactor{Adafactor: *settings, slab: s}
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
	return o
}

func (o *adafactor) floats(shape []int, n int) int {
	if len(shape) == 2 {
		return shape[0] + shape[1]
	}
	return n
}

func (o *adafactor) Update(rates []float64, scale float32) {
	s := o.slab
	for i, p := range s.Params {
		if rates[i] == 0 {
			continue
		}
		g, u := s.Part(s.Grad, i), o.update[:len(p.Data)]
		keep := 1 - math.Pow(float64(s.Updates[i]), -o.Decay2)
		if o.whole[i] != nil {
			kernel.AdafactorVector(u, g, o.whole[i], keep, scale)
		} else {
			kernel.Adafactor(u, g, o.rows[i], o.cols[i], keep, scale)
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

func (o *adafactor) Moments() []Moment { return []Moment{{"adafactor", o.memory}} }
