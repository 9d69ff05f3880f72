package train

import (
	"slices"

	"fragua/model/hlo"
	"fragua/model/kernel"
	"fragua/pipeline/fault"
)

// SGD is gradient descent with momentum (Sutskever et al. 2013 without the
// rate inside the velocity, as PyTorch has it) and coupled weight decay.
type SGD struct {
	Momentum float64 `yaml:"momentum" json:"momentum" doc:"Share of the velocity that is kept; 0: none."`
	Nesterov bool    `yaml:"nesterov" json:"nesterov" doc:"Look ahead along the velocity."`
	Decay    float64 `yaml:"decay" json:"decay" doc:"Weight decay, added to the gradient; of matrices alone."`
}

// Check implements settings.Checker.
func (o *SGD) Check() []fault.Fault {
	var f faults
	f.below("momentum", o.Momentum, "0.9")
	f.atLeast("decay", o.Decay, 0)
	return f
}

// New implements OptimizerSettings.
func (o *SGD) New(s *Slab) Optimizer { return newSGD(*o, s) }

func newSGD(settings SGD, s *Slab) *sgd {
	o := &sgd{SGD: settings, slab: s}
	if o.Momentum != 0 {
		o.v = s.New()
	}
	return o
}

type sgd struct {
	SGD
	slab *Slab
	v    []float32 // velocity; nil without momentum
}

func (o *sgd) Update(rates []float64, scale float32) {
	s := o.slab
	for i, p := range s.Params {
		if rates[i] == 0 {
			continue
		}
		var v []float32
		if o.v != nil {
			v = s.Part(o.v, i)
		}
		kernel.SGD(p.Data, s.Part(s.Grad, i), v, float32(rates[i]), float32(o.Momentum), decayOf(s, i, o.Decay), scale, o.Nesterov)
	}
}

func (o *sgd) Moments() []Moment {
	if o.v == nil {
		return nil
	}
	return []Moment{{"v", o.v}}
}

func (o *sgd) onDevice() bool { return true }
func (o *sgd) begin()         {}

func (o *sgd) factors(_ int, rate float64) [maxFactors]float32 {
	return [maxFactors]float32{float32(rate)}
}

func (o *sgd) emit(p *hlo.Program, i int, x deviceParam) deviceParam {
	d, next := x.grad, deviceParam{}
	if decay := decayOf(o.slab, i, o.Decay); decay != 0 {
		d = p.Add(d, p.Scale(x.weight, float64(decay)))
	}
	if o.v != nil {
		momentum := float64(float32(o.Momentum))
		v := p.Add(p.Scale(x.moments[0], momentum), d)
		next.moments = append(next.moments, v)
		if o.Nesterov {
			d = p.Add(d, p.Scale(v, momentum))
		} else {
			d = v
		}
	}
	next.weight = p.Sub(x.weight, x.times(p, d, 0))
	return x.keep(p, next)
}

// ASGD is gradient descent whose result is the average of the weights (Polyak
// and Juditsky 1992). The average begins when the validation loss is worse than
// the best of all but the last Patience evaluations: NT-ASGD (Merity et al.
// 2018, algorithm 1, with T = 0 and λ = 0).
type ASGD struct {
	Decay    float64 `yaml:"decay" json:"decay" doc:"Weight decay, added to the gradient; of matrices alone."`
	Patience int     `yaml:"patience" json:"patience" doc:"Evaluations without gain before averaging begins; 0: average from the start."`
}

// Check implements settings.Checker.
func (o *ASGD) Check() []fault.Fault {
	var f faults
	f.atLeast("decay", o.Decay, 0)
	f.atLeast("patience", float64(o.Patience), 0)
	return f
}

// New implements OptimizerSettings.
func (o *ASGD) New(s *Slab) Optimizer {
	a := &asgd{ASGD: *o, sgd: newSGD(SGD{Decay: o.Decay}, s), mean: s.New()}
	a.state.On = o.Patience == 0
	return a
}

type asgd struct {
	ASGD
	sgd   *sgd
	mean  []float32
	state struct {
		Seen     []float64 `json:"seen"`     // validation losses
		Averaged int64     `json:"averaged"` // weights in the average
		On       bool      `json:"on"`
	}
}

func (o *asgd) Update(rates []float64, scale float32) {
	o.sgd.Update(rates, scale)
	if !o.state.On {
		return
	}
	o.state.Averaged++
	o.sgd.slab.average(o.mean, float32(1/float64(o.state.Averaged)))
}

// Observe decides whether averaging begins.
func (o *asgd) Observe(nll float64) {
	seen := o.state.Seen
	if n := len(seen) - o.Patience; !o.state.On && n > 0 {
		o.state.On = nll > slices.Min(seen[:n])
	}
	o.state.Seen = append(seen, nll)
}

func (o *asgd) SwapAverage() {
	if o.state.Averaged > 0 {
		o.sgd.slab.Swap(o.mean)
	}
}

func (o *asgd) Moments() []Moment { return []Moment{{"mean", o.mean}} }
func (o *asgd) State() any        { return &o.state }
