package train

import "fragua/model/kernel"

// An Optimizer changes weights along their gradients. Its exported fields are
// its settings; its moments are allocated by Start.
type Optimizer interface {
	// Start makes the moments for the slab's layout.
	Start(*Slab)
	// Update changes each parameter i whose rates[i] is not 0, with scale times
	// its gradient: clipping costs no pass of its own. The slab's Updates already
	// count this update.
	Update(s *Slab, rates []float64, scale float32)
	// Moments are all arrays that a checkpoint must hold.
	Moments() []Moment
}

// A Moment is one array of an optimizer's memory.
type Moment struct {
	Name string
	Data []float32
}

// An Averager keeps an average of the weights beside them. Evaluation and the
// finished model use the average.
type Averager interface {
	// SwapAverage exchanges weights and average, if there is an average yet;
	// calling it again exchanges them back.
	SwapAverage(*Slab)
}

// An Observer hears the validation loss, in nats a target, after each evaluation.
type Observer interface{ Observe(s *Slab, nll float64) }

// A Rememberer has scalars that a checkpoint must hold, beside its moments.
type Rememberer interface {
	// Memory returns a pointer to a struct that JSON can hold.
	Memory() any
}

// Optimizers is the table of optimizers: name → one with its defaults.
func Optimizers() map[string]func() Optimizer {
	return map[string]func() Optimizer{
		"adamw":     func() Optimizer { return &AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Decay: 0.1} },
		"sgd":       func() Optimizer { return &SGD{Momentum: 0.9} },
		"asgd":      func() Optimizer { return &ASGD{Patience: 5} },
		"adafactor": func() Optimizer { return &Adafactor{Decay2: 0.8, Clip: 1, Floor: 1e-3} },
		"muon": func() Optimizer {
			return &Muon{Momentum: 0.95, Iterations: 5, AdamW: AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Decay: 0.1}}
		},
	}
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019,
// algorithm 2), which spares the parameters whose Decay is false.
type AdamW struct {
	Beta1 float64 `yaml:"beta1" json:"beta1" doc:"share of the first moment that is kept"`
	Beta2 float64 `yaml:"beta2" json:"beta2" doc:"share of the second moment that is kept"`
	Eps   float64 `yaml:"eps" json:"eps" doc:"added to the root of the second moment"`
	Decay float64 `yaml:"decay" json:"decay" doc:"weight decay, times the rate; of matrices alone"`

	m, v []float32
}

func (o *AdamW) Start(s *Slab) { o.m, o.v = s.New(), s.New() }

func (o *AdamW) Update(s *Slab, rates []float64, scale float32) {
	for i := range s.Params {
		if rates[i] != 0 {
			o.update(s, i, rates[i], scale)
		}
	}
}

func (o *AdamW) update(s *Slab, i int, rate float64, scale float32) {
	p := s.Params[i]
	decay := 0.0
	if p.Decay {
		decay = o.Decay
	}
	kernel.AdamW(p.Data, s.Part(s.Grad, i), s.Part(o.m, i), s.Part(o.v, i),
		float32(rate), float32(o.Beta1), float32(o.Beta2), float32(o.Eps), float32(decay), int(s.Updates[i]), scale)
}

func (o *AdamW) Moments() []Moment { return []Moment{{"m", o.m}, {"v", o.v}} }

// SGD is gradient descent with momentum (Sutskever et al. 2013 without the
// rate inside the velocity, as PyTorch has it) and coupled weight decay.
type SGD struct {
	Momentum float64 `yaml:"momentum" json:"momentum" doc:"share of the velocity that is kept; 0: none"`
	Nesterov bool    `yaml:"nesterov" json:"nesterov" doc:"look ahead along the velocity"`
	Decay    float64 `yaml:"decay" json:"decay" doc:"weight decay, added to the gradient; of matrices alone"`

	v []float32
}

func (o *SGD) Start(s *Slab) {
	if o.Momentum != 0 {
		o.v = s.New()
	}
}

func (o *SGD) Update(s *Slab, rates []float64, scale float32) {
	for i, p := range s.Params {
		if rates[i] == 0 {
			continue
		}
		decay := 0.0
		if p.Decay {
			decay = o.Decay
		}
		var v []float32
		if o.v != nil {
			v = s.Part(o.v, i)
		}
		kernel.SGD(p.Data, s.Part(s.Grad, i), v, float32(rates[i]), float32(o.Momentum), float32(decay), scale, o.Nesterov)
	}
}

func (o *SGD) Moments() []Moment {
	if o.v == nil {
		return nil
	}
	return []Moment{{"v", o.v}}
}

// ASGD is gradient descent whose result is the average of the weights (Polyak
// and Juditsky 1992). The average begins when the validation loss is worse than
// the best of all but the last Patience evaluations: NT-ASGD (Merity et al.
// 2018, algorithm 1, with T = 0 and λ = 0).
type ASGD struct {
	Decay    float64 `yaml:"decay" json:"decay" doc:"weight decay, added to the gradient; of matrices alone"`
	Patience int     `yaml:"patience" json:"patience" doc:"evaluations without gain before averaging begins; 0: average from the start"`

	mean   []float32
	memory struct {
		Seen     []float64 `json:"seen"`     // validation losses
		Averaged int64     `json:"averaged"` // weights in the average
		On       bool      `json:"on"`
	}
	sgd SGD
}

func (o *ASGD) Start(s *Slab) {
	*o = ASGD{Decay: o.Decay, Patience: o.Patience, mean: s.New(), sgd: SGD{Decay: o.Decay}}
	o.memory.On = o.Patience == 0
}

func (o *ASGD) Update(s *Slab, rates []float64, scale float32) {
	o.sgd.Update(s, rates, scale)
	if !o.memory.On {
		return
	}
	o.memory.Averaged++
	share := float32(1 / float64(o.memory.Averaged))
	for i, p := range s.Params {
		kernel.Average(s.Part(o.mean, i), p.Data, share)
	}
}

// Observe decides whether averaging begins.
func (o *ASGD) Observe(s *Slab, nll float64) {
	seen := o.memory.Seen
	if n := len(seen) - o.Patience; !o.memory.On && n > 0 {
		best := seen[0]
		for _, x := range seen[:n] {
			best = min(best, x)
		}
		o.memory.On = nll > best
	}
	o.memory.Seen = append(seen, nll)
}

func (o *ASGD) SwapAverage(s *Slab) {
	if o.memory.Averaged > 0 {
		s.Swap(o.mean)
	}
}

func (o *ASGD) Moments() []Moment { return []Moment{{"mean", o.mean}} }
func (o *ASGD) Memory() any       { return &o.memory }

// Averaged adds to another optimizer an exponential moving average of the
// weights, begun with the first update: mean += (1-Keep)·(weights-mean).
type Averaged struct {
	Optimizer
	Keep float64 // share of the average that is kept at each update: .999

	mean   []float32
	memory struct {
		Averaged int64 `json:"averaged"`
	}
}

func (o *Averaged) Start(s *Slab) {
	o.Optimizer.Start(s)
	o.mean, o.memory.Averaged = s.New(), 0
}

func (o *Averaged) Update(s *Slab, rates []float64, scale float32) {
	o.Optimizer.Update(s, rates, scale)
	o.memory.Averaged++
	// The first weights count fully; without this the zeros would.
	share := float32(max(1-o.Keep, 1/float64(o.memory.Averaged)))
	for i, p := range s.Params {
		kernel.Average(s.Part(o.mean, i), p.Data, share)
	}
}

func (o *Averaged) SwapAverage(s *Slab) {
	if o.memory.Averaged > 0 {
		s.Swap(o.mean)
	}
}

func (o *Averaged) Moments() []Moment {
	return append(o.Optimizer.Moments(), Moment{"mean", o.mean})
}
func (o *Averaged) Memory() any { return &o.memory }
