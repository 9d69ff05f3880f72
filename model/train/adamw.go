package train

import (
	"math"

	"fragua/model/hlo"
	"fragua/model/kernel"
	"fragua/pipeline/fault"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019,
// algorithm 2). Parameters whose Decay is false have none.
type AdamW struct {
	Beta1 float64 `yaml:"beta1" json:"beta1" doc:"Share of the first moment that is kept."`
	Beta2 float64 `yaml:"beta2" json:"beta2" doc:"Share of the second moment that is kept."`
	Eps   float64 `yaml:"eps" json:"eps" doc:"Added to the root of the second moment."`
	Decay float64 `yaml:"decay" json:"decay" doc:"Weight decay, times the rate; of matrices alone."`
}

// Check implements settings.Checker.
func (o *AdamW) Check() []fault.Fault {
	var f faults
	f.below("beta1", o.Beta1, "0.9")
	f.below("beta2", o.Beta2, "0.95")
	f.above("eps", o.Eps, 0)
	f.atLeast("decay", o.Decay, 0)
	return f
}

// New implements OptimizerSettings.
func (o *AdamW) New(s *Slab) Optimizer { return newAdamW(*o, s) }

func newAdamW(settings AdamW, s *Slab) *adamW {
	return &adamW{AdamW: settings, slab: s, m: s.New(), v: s.New()}
}

type adamW struct {
	AdamW
	slab *Slab
	m, v []float32
}

func (o *adamW) Update(rates []float64, scale float32) {
	for i, rate := range rates {
		if rate != 0 {
			o.one(i, rate, scale)
		}
	}
}

// one updates parameter i.
func (o *adamW) one(i int, rate float64, scale float32) {
	s := o.slab
	kernel.AdamW(s.Params[i].Data, s.Part(s.Grad, i), s.Part(o.m, i), s.Part(o.v, i),
		float32(rate), float32(o.Beta1), float32(o.Beta2), float32(o.Eps), decayOf(s, i, o.Decay), int(s.Updates[i]), scale)
}

func (o *adamW) Moments() []Moment { return []Moment{{"m", o.m}, {"v", o.v}} }

func (o *adamW) onDevice() bool { return true }
func (o *adamW) begin()         {}

// factors are the corrected rate, the correction of the second moment, and what decay leaves, as the
// kernel computes them.
func (o *adamW) factors(i int, rate float64) [maxFactors]float32 {
	if rate == 0 {
		return [maxFactors]float32{}
	}
	lr, b1, b2, t := float32(rate), float32(o.Beta1), float32(o.Beta2), float64(o.slab.Updates[i])
	return [maxFactors]float32{
		float32(float64(lr) / (1 - math.Pow(float64(b1), t))),
		float32(1 / (1 - math.Pow(float64(b2), t))),
		1 - float32(lr*decayOf(o.slab, i, o.Decay)),
	}
}

func (o *adamW) emit(p *hlo.Program, _ int, x deviceParam) deviceParam {
	b1, b2 := float32(o.Beta1), float32(o.Beta2)
	m := p.Add(p.Scale(x.moments[0], float64(b1)), p.Scale(x.grad, float64(1-b1)))
	v := p.Add(p.Scale(x.moments[1], float64(b2)), p.Scale(p.Mul(x.grad, x.grad), float64(1-b2)))
	den := p.Offset(p.Sqrt(x.times(p, v, 1)), float64(float32(o.Eps)))
	w := p.Sub(x.times(p, x.weight, 2), x.times(p, p.Div(m, den), 0))
	return x.keep(p, deviceParam{weight: w, moments: []*hlo.Value{m, v}})
}
