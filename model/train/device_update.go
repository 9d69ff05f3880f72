package train

import (
	"fragua/model/hlo"
)

// A deviceOptimizer is an Optimizer whose update can be done where the weights are.
type deviceOptimizer interface {
	Optimizer
	// onDevice reports whether it can with its settings.
	onDevice() bool
	// begin comes before each update: it counts.
	begin()
	// factors are the numbers of an update of parameter i that the host knows; the first is not 0
	// unless the rate is.
	factors(i int, rate float64) [maxFactors]float32
	// emit writes the update of parameter i, whose gradient is scaled already: the new weights and
	// moments.
	emit(p *hlo.Program, i int, x deviceParam) deviceParam
}

const maxFactors = 4

// A deviceParam is a parameter in the program of an optimizer, all but factors in its shape.
type deviceParam struct {
	weight, grad *hlo.Value
	moments      []*hlo.Value
	factors      [maxFactors]*hlo.Value // numbers
}

// keep is next where the rate is not 0, else x.
func (x deviceParam) keep(p *hlo.Program, next deviceParam) deviceParam {
	shape := x.weight.Shape
	moves := p.Compare("NE", p.Broadcast(x.factors[0], shape), p.Constant(hlo.F32, 0, shape...))
	out := deviceParam{weight: p.Select(moves, next.weight, x.weight)}
	for k, m := range next.moments {
		out.moments = append(out.moments, p.Select(moves, m, x.moments[k]))
	}
	return out
}

// times is x times a number.
func (x deviceParam) times(p *hlo.Program, v *hlo.Value, factor int) *hlo.Value {
	return p.Mul(v, p.Broadcast(x.factors[factor], v.Shape))
}
