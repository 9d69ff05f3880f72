package train

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// A clock makes minutes mean minutes, where the schedule has a part at constant
// rate whose length may be left open: wsd. The decay begins when what is left of
// the time is as long as the decay that belongs to the steps taken so far, but not
// before the warm-up is over: on a machine that became far slower than it was when
// that was planned, the minutes grow longer. From then on the number of steps is
// fixed, and it stands in the history: a resumed run takes it from there, and a run
// of this many steps gives the same weights.
type clock struct {
	seconds float64 // that training may take
	decay   float64 // share of the steps
	warmup  int64
	floor   float64
	every   int64 // steps between validations, a share of the steps that were planned

	last time.Time
	step float64 // seconds that one takes, of late
}

// mostDecay is the largest share of the steps that leaves the clock a part to lengthen.
const mostDecay = .99

// startClock gives training a clock, if it lasts minutes and the schedule allows it.
func (t *pretraining) startClock(began time.Time) {
	shape, ok := t.Schedule.Value.(*wsdShape)
	if !ok || t.Minutes == 0 || shape.Decay > mostDecay {
		return
	}
	c := &clock{seconds: t.Minutes * 60, decay: shape.Decay, floor: shape.Floor, every: t.every(t.EvalEvery, 10),
		warmup: int64(math.Round(t.Warmup * float64(t.steps))), last: began}
	t.clock = c
	t.loop.Length = func() int64 { return t.history.Steps }
	last := lastGroup(t.lm.Params())
	t.loop.Rate = func(step int64, group int) float64 {
		return t.peak(group, last) * c.factor(step, t.history.Steps)
	}
}

// factor is that of the rate at a step. steps is 0 while the decay has not begun.
func (c *clock) factor(step, steps int64) float64 {
	if steps == 0 {
		return Constant(c.warmup)(step)
	}
	return WSD(c.warmup, decaySteps(c.decay, steps), steps, c.floor)(step)
}

// decaySteps is how many of all steps a share of them is.
func decaySteps(share float64, steps int64) int64 { return int64(math.Round(share * float64(steps))) }

// tick notes the time that a step took, and fixes the number of steps when the
// decay is due. A nil clock does nothing.
func (c *clock) tick(h *history, done int64) {
	if c == nil {
		return
	}
	now := time.Now()
	took := now.Sub(c.last).Seconds()
	c.last = now
	c.take(h, done, took)
}

// take is tick for a step that took this many seconds.
func (c *clock) take(h *history, done int64, took float64) {
	const memory = 50 // steps
	h.Seconds += took
	c.step = cmp.Or(c.step, took)
	c.step += (took - c.step) / memory
	steps := stepsWith(c.decay, done)
	if h.Steps == 0 && done >= c.warmup && float64(steps-done)*c.step >= c.seconds-h.Seconds {
		h.Steps = max(steps, done+1)
	}
}

// stepsWith is how many steps a run has whose decay, a share of them, begins
// after so many.
func stepsWith(decay float64, constant int64) int64 {
	n := int64(float64(constant) / (1 - decay))
	for n > constant && n-decaySteps(decay, n) > constant {
		n--
	}
	for n-decaySteps(decay, n) < constant {
		n++
	}
	return n
}

// again is the settings that give the same weights without a clock.
func (c *clock) again(steps int64) string {
	return fmt.Sprintf("steps: %d, warmup: %.8g, eval_every: %d", steps, float64(c.warmup)/float64(steps), c.every)
}

// inAll is how many steps there are, as far as is known.
func (t *pretraining) inAll(s Step) string {
	if s.Steps == 0 {
		return fmt.Sprintf("about %d", t.steps)
	}
	return fmt.Sprint(s.Steps)
}
