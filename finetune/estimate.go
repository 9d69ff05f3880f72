package finetune

import (
	"context"
	"fmt"
	"time"

	"fragua/model/nn"
	"fragua/model/train"
	"fragua/pipeline"
)

// timedSteps are taken to learn how long one lasts; the first is not counted.
const timedSteps = 3

// Estimate takes a few steps of the training and throws them away. Its note is the
// Preflight: a look at lengths and masks before anything is spent. It knows nothing
// before the model and the examples exist.
func (f *Finetune) Estimate(env *pipeline.Env) (e pipeline.Estimate, err error) {
	defer func() {
		if env.Device == nil {
			e.Note = f.Floats.Noted(e.Note)
		}
	}()
	for _, dirs := range env.In {
		for _, d := range dirs {
			if d.Manifest == nil {
				return e, nil
			}
		}
	}
	sets, err := f.read(env)
	if err != nil {
		return e, err
	}
	j, err := f.prepare(f.given(env).Path, sets, f.seed(env))
	if err != nil {
		return e, err
	}
	if !j.trained {
		e.Note = fmt.Sprintf("%s: no network is trained", f.Strategy)
		return e, nil
	}
	if env.Device != nil {
		e.Note = fmt.Sprintf("how long a step lasts on %s is known once it runs", env.Device)
		return e, nil
	}
	source, steps, _ := j.plan()
	var at [timedSteps]time.Time
	l := train.Loop{Model: j.tuned.Model, Source: source, Optimizer: f.optimizer(timedSteps), Steps: timedSteps, Accumulate: f.Accumulate, Seed: f.seed(env), Floats: f.Floats,
		Rate: func(int64, int) float64 { return f.LR }}
	l.After = func(_ context.Context, s train.Step) error { at[s.Done-1] = time.Now(); return nil }
	if err := l.Run(context.Background()); err != nil {
		return e, err
	}
	e.Time = time.Duration(float64(at[timedSteps-1].Sub(at[0])) / (timedSteps - 1) * float64(steps))
	e.Memory = j.memory()
	e.Disk = int64(nn.Count(j.tuned.Model.Params())) * 4
	p := j.preflight(shownExamples)
	e.Note = fmt.Sprintf("%d steps; what they learn of:", steps)
	for _, line := range p.Lines() {
		e.Note += "\n        " + line
	}
	for _, s := range p.Shown {
		e.Note += "\n        learned in brackets: " + s.String()
	}
	return e, nil
}

// shownExamples is how many training examples are shown before anything is spent.
const shownExamples = 3
