package train

import "fragua/model/kernel"

// Averaged adds to another optimizer an exponential moving average of the
// weights, begun with the first update: mean += (1-Keep)·(weights-mean).
type Averaged struct {
	OptimizerSettings
	Keep float64 // share of the average that is kept at each update: .999
}

// New implements OptimizerSettings.
func (a *Averaged) New(s *Slab) Optimizer {
	return &averaged{Optimizer: a.OptimizerSettings.New(s), keep: a.Keep, slab: s, mean: s.New()}
}

type averaged struct {
	Optimizer
	keep  float64
	slab  *Slab
	mean  []float32
	state struct {
		Averaged int64 `json:"averaged"`
	}
}

func (o *averaged) Update(rates []float64, scale float32) {
	o.Optimizer.Update(rates, scale)
	o.state.Averaged++
	// The first weights count fully; without this the zeros would.
	o.slab.average(o.mean, float32(max(1-o.keep, 1/float64(o.state.Averaged))))
}

func (o *averaged) SwapAverage() {
	if o.state.Averaged > 0 {
		o.slab.Swap(o.mean)
	}
}

func (o *averaged) Moments() []Moment {
	return append(o.Optimizer.Moments(), Moment{"mean", o.mean})
}
func (o *averaged) State() any { return &o.state }

// average moves an array of the slab's layout towards the weights:
// mean += share·(weights-mean).
func (s *Slab) average(mean []float32, share float32) {
	for i, p := range s.Params {
		kernel.Average(s.Part(mean, i), p.Data, share)
	}
}
