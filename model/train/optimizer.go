package train

// OptimizerSettings are what a configuration says of an optimizer. They never
// change; what an optimizer remembers is in the Optimizer that New returns.
type OptimizerSettings interface {
	// New returns an optimizer of the slab's parameters, its moments all 0.
	New(*Slab) Optimizer
}

// An Optimizer is the state of one training run: it changes weights along their
// gradients.
type Optimizer interface {
	// Update changes each parameter i whose rates[i] is not 0, with scale times
	// its gradient: clipping costs no pass of its own. The slab's Updates already
	// count this update.
	Update(rates []float64, scale float32)
	// Moments are all arrays that a checkpoint must hold.
	Moments() []Moment
}

// A Moment is one array of an optimizer's state.
type Moment struct {
	Name string
	Data []float32
}

// An Averager keeps an average of the weights beside them. Evaluation and the
// finished model use the average.
type Averager interface {
	// SwapAverage exchanges weights and average, if there is an average yet;
	// calling it again exchanges them back.
	SwapAverage()
}

// An Observer receives the validation loss, in nats a target, after each evaluation.
type Observer interface{ Observe(nll float64) }

// A Stateful optimizer has scalars that a checkpoint must hold, beside its moments.
type Stateful interface {
	// State returns a pointer to a struct that JSON can hold.
	State() any
}

// Optimizers is the table of optimizers: name → settings with their defaults.
func Optimizers() map[string]func() OptimizerSettings {
	return map[string]func() OptimizerSettings{
		"adamw":     func() OptimizerSettings { return &AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Decay: 0.1} },
		"sgd":       func() OptimizerSettings { return &SGD{Momentum: 0.9} },
		"asgd":      func() OptimizerSettings { return &ASGD{Patience: 5} },
		"adafactor": func() OptimizerSettings { return &Adafactor{Decay2: 0.8, Clip: 1, Floor: 1e-3} },
		"muon": func() OptimizerSettings {
			return &Muon{Momentum: 0.95, Iterations: 5, AdamW: AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Decay: 0.1}}
		},
	}
}

// decayOf is the weight decay of a parameter: biases, norms and gains have none.
func decayOf(s *Slab, i int, decay float64) float32 {
	if s.Params[i].Decay {
		return float32(decay)
	}
	return 0
}
