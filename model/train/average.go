package train

import (
	"fragua/model/hlo"
	"fragua/model/kernel"
)

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
	o.slab.average(o.mean, o.share())
}

// share is what the weights count in the average after this many updates. The first weights count
// fully; without this the zeros would.
func (o *averaged) share() float32 {
	share := max(1-o.settings.Keep, 1/float64(o.state.Averaged))
	if o.settings.Alike {
		share = 1 / float64(max(o.state.Averaged-o.settings.From, 1))
	}
	return float32(share)
}

func (o *averaged) onDevice() bool {
	inner, ok := o.Optimizer.(deviceOptimizer)
	return ok && inner.onDevice()
}

func (o *averaged) begin() { o.state.Averaged++ }

func (o *averaged) factors(i int, rate float64) [maxFactors]float32 {
	f := o.Optimizer.(deviceOptimizer).factors(i, rate)
	f[maxFactors-1] = o.share()
	return f
}

func (o *averaged) emit(p *hlo.Program, i int, x deviceParam) deviceParam {
	last := len(x.moments) - 1
	mean := x.moments[last]
	x.moments = x.moments[:last]
	next := o.Optimizer.(deviceOptimizer).emit(p, i, x)
	next.moments = append(next.moments, p.Add(mean, x.times(p, p.Sub(next.weight, mean), maxFactors-1)))
	return next
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
