package train

import "math"

// A Schedule gives the factor of the learning rate at a step, counted from 0.
// It is a pure function, so a resumed run needs no state for it.
type Schedule func(step int64) float64

// warm rises from 1/warmup at step 0 to 1 at step warmup-1, and so the first
// step already moves.
func warm(step, warmup int64) (factor float64, rising bool) {
	if step < warmup {
		return float64(step+1) / float64(warmup), true
	}
	return 1, false
}

// progress is the share done between two steps, in 0 … 1.
func progress(step, from, to int64) float64 {
	if to <= from {
		return 1
	}
	return min(max(float64(step-from)/float64(to-from), 0), 1)
}

// Constant rises for warmup steps and stays at 1.
func Constant(warmup int64) Schedule {
	return func(step int64) float64 {
		f, _ := warm(step, warmup)
		return f
	}
}

// Linear rises for warmup steps and then falls in a straight line, to floor at
// the step after the last.
func Linear(warmup, steps int64, floor float64) Schedule {
	return func(step int64) float64 {
		if f, rising := warm(step, warmup); rising {
			return f
		}
		return 1 - (1-floor)*progress(step, warmup, steps)
	}
}

// Cosine rises for warmup steps and then falls along half a cosine to floor
// (Loshchilov and Hutter 2017, SGDR, eq. 5, without restarts).
func Cosine(warmup, steps int64, floor float64) Schedule {
	return func(step int64) float64 {
		if f, rising := warm(step, warmup); rising {
			return f
		}
		return floor + (1-floor)*0.5*(1+math.Cos(math.Pi*progress(step, warmup, steps)))
	}
}

// InverseSqrt rises for warmup steps and then falls with the square root of the
// step (Vaswani et al. 2017, section 5.3), scaled to 1 at its peak.
func InverseSqrt(warmup int64) Schedule {
	warmup = max(warmup, 1)
	return func(step int64) float64 {
		if f, rising := warm(step, warmup); rising {
			return f
		}
		return math.Sqrt(float64(warmup) / float64(step+1))
	}
}

// WSD warms up, stays, and decays over its last steps as one minus a square
// root (Hägele et al. 2024, section 3): a run can be prolonged from any point
// of the middle part.
func WSD(warmup, decay, steps int64, floor float64) Schedule {
	return func(step int64) float64 {
		if f, rising := warm(step, warmup); rising {
			return f
		}
		if step < steps-decay {
			return 1
		}
		return floor + (1-floor)*(1-math.Sqrt(progress(step, steps-decay, steps)))
	}
}

// SlantedTriangular rises in a straight line over the first cut of the steps
// and falls over the rest, between 1/ratio and 1 (Howard and Ruder 2018, eq. 3;
// there cut is .1 and ratio 32).
func SlantedTriangular(steps int64, cut, ratio float64) Schedule {
	top := max(math.Floor(float64(steps)*cut), 1)
	return func(step int64) float64 {
		t := float64(step)
		p := t / top
		if t >= top {
			p = max(0, 1-(t-top)/(top*(1/cut-1)))
		}
		return (1 + p*(ratio-1)) / ratio
	}
}

// OneCycle rises along half a cosine from start to 1 over the share peak of the
// steps, then falls along another to end (Smith and Topin 2017; fastai's
// fit_one_cycle has peak .25, start 1/25 and end 1/25e4).
func OneCycle(steps int64, peak, start, end float64) Schedule {
	top := int64(math.Round(float64(steps) * peak))
	between := func(from, to, p float64) float64 {
		return from + (to-from)*0.5*(1-math.Cos(math.Pi*p))
	}
	return func(step int64) float64 {
		if step < top {
			return between(start, 1, progress(step, 0, top))
		}
		return between(1, end, progress(step, top, steps))
	}
}
