package train

import "fragua/model/kernel"

// Averaged adds to another optimizer an exponential moving average of the
// weights, begun with the first update: mean += (1-Keep)·(weights-mean).
type Averaged struct {
	OptimizerSettings
	Keep float64 // share of the average that is kept at each update: .999
	// Alike makes it the plain mean of the weights after each update but the first From.
	Alike bool
	From  int64
}

// New implements OptimizerSettings.
func (a *Averaged) New(s *Slab) Optimizer {
	return &averaged{Optimizer: a.OptimizerSettings.New(s), settings: *a, slab: s, mean: s.New()}
}

type averaged struct {
	Optimizer
	settings Averaged
	slab     *Slab
	mean     []float32
	state    struct {
		Averaged int64 `json:"averaged"`
	}
}

func (o *averaged) Update(rates []float64, scale float32) {
	o.Optimizer.Update(rates, scale)
	o.state.Averaged++
	// The first weights count fully; without this the zeros would.
	share := max(1-o.settings.Keep, 1/float64(o.state.Averaged))
	if o.settings.Alike {
		share = 1 / float64(max(o.state.Averaged-o.settings.From, 1))
	}
	o.slab.average(o.mean, float32(share))
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
