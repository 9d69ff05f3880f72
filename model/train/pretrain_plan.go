package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
	"fragua/tokenize/blocks"
)

// stepsFile keeps, in the scratch folder, how many steps the minutes were
// found to be worth, so that a resumed run does not count again.
const stepsFile = "steps.json"

// fixSteps returns how many steps to take. With minutes it measures this
// machine once: the same minutes give other steps elsewhere, and the metrics
// say how many they were.
func (t *pretraining) fixSteps(ctx context.Context) (steps int64, err error) {
	if t.Minutes == 0 {
		return t.wanted(), nil
	}
	name := filepath.Join(t.env.Scratch, stepsFile)
	b, err := os.ReadFile(name)
	if err == nil {
		if err := json.Unmarshal(b, &steps); err != nil || steps < 1 {
			return 0, fault.Hintf(&fault.RowError{File: name, Row: -1, Err: errors.New("it holds no number of steps")}, "remove it")
		}
		return steps, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if steps, err = t.measure(ctx); err != nil {
		return 0, err
	}
	t.env.Progress.Say(fmt.Sprintf("%g minutes are %d steps on this machine", t.Minutes, steps))
	return steps, store.WriteFile(name, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, steps)
		return err
	})
}

// measure takes a few steps and one validation with a model that is then
// thrown away. What comes after the last step is not part of the minutes.
func (t *pretraining) measure(ctx context.Context) (int64, error) {
	const warm, timed, validations, scored = 2, 3, 10, 2 * scoredRows
	began := time.Now()
	lm, err := t.build(t.env, t.data.tok, t.data.train.Context())
	if err != nil {
		return 0, err
	}
	var at [warm + timed]time.Time
	l := t.newLoop(lm, warm+timed)
	l.After = func(_ context.Context, s Step) error { at[s.Done-1] = time.Now(); return nil }
	if err := l.Run(ctx); err != nil {
		return 0, err
	}
	step := at[warm+timed-1].Sub(at[warm-1]).Seconds() / timed

	left := t.Minutes*60 - time.Since(began).Seconds()
	if rows := t.data.validation.Len(); rows > 0 {
		start := time.Now()
		if _, err := BitsPerByte(ctx, model.Score(lm), t.data.validation, t.data.tok, scored); err != nil {
			return 0, err
		}
		row := time.Since(start).Seconds() / float64(min(scored, rows))
		switch {
		case t.EvalRows == 0:
			left *= 0.95
		case t.EvalEvery == 0:
			left -= validations * row * float64(min(rows, t.EvalRows))
		default:
			step += row * float64(min(rows, t.EvalRows)) / float64(t.EvalEvery)
		}
	}
	return max(1, int64(left/step)), nil
}

// Estimate implements pipeline.Estimator: it takes a few small steps to learn
// how long one lasts.
func (p *Pretrain) Estimate(env *pipeline.Env) (e pipeline.Estimate, err error) {
	defer func() {
		if env.Device == nil {
			e.Note = p.Floats.Noted(e.Note)
		}
	}()
	dir := env.One("blocks")
	if dir.Manifest == nil {
		e.Note = "known once the blocks are there"
		return e, nil
	}
	d, err := openData(dir)
	if err != nil {
		return e, err
	}
	defer d.close()
	if err := d.learnable(dir, p.Batch, p.Order == blocks.Stream); err != nil {
		return e, err
	}
	if m := env.One("model"); m.Path != "" && m.Manifest == nil {
		e.Note = "known once the model is there"
		return e, nil
	}
	p, chosen, err := p.choose(context.Background(), env, d)
	if err != nil {
		return e, err
	}
	context := d.train.Context()
	lm, err := p.build(env, d.tok, context)
	if err != nil {
		return e, err
	}
	if env.Device != nil {
		e.Note = "how long a step lasts on " + env.Device.String() + " is known once it runs"
		return e, nil
	}
	slab, err := NewSlab(lm.Params())
	if err != nil {
		return e, err
	}
	optimizer := p.optimizer().New(slab)

	const rows = 2
	tape := tensor.NewTape(env.Seed)
	tape.BF16 = p.Floats.Resolve() == BF16
	var b model.Batch
	var took time.Duration
	source := &Shuffled{Rows: d.train, Size: rows, Seed: env.Seed}
	for pass := range 4 { // the first is slower, and others may be disturbed
		if err := source.Batch(0, &b); err != nil {
			return e, err
		}
		start := time.Now()
		tape.Backward(lm.Loss(tape, &b).Total)
		if d := time.Since(start); pass == 0 || d < took {
			took = d
		}
	}
	passes := int64(p.accumulate(context))
	weights := int64(nn.Count(lm.Params()))
	e.Memory = weights*4 + int64(len(slab.Grad))*4 + model.SizeOf(lm, context, p.Batch).Tape
	for _, m := range optimizer.Moments() {
		e.Memory += int64(len(m.Data)) * 4
	}
	if p.Keep == KeepBest {
		e.Memory += int64(len(slab.Grad)) * 4
	}
	e.Disk = weights * 4
	e.Time = time.Duration(p.Minutes * float64(time.Minute))
	steps := fmt.Sprintf("%g minutes", p.Minutes)
	if p.Minutes == 0 {
		e.Time = took / rows * time.Duration(int64(p.Batch)*passes*p.wanted())
		steps = fmt.Sprintf("%d steps", p.wanted())
	}
	ids := int64(p.Batch) * passes * int64(context)
	e.Note = fmt.Sprintf("%s parameters, %s of %s ids, %.3g FLOP a step",
		inWords(weights), steps, inWords(ids), flops(lm, context, ids))
	if chosen != nil {
		e.Note += "; budget: " + chosen.String() + "; " + chosen.why()
	}
	return e, nil
}

// flops is the floating-point operations of a training step of this many ids:
// 6 a parameter and id, and 12·layers·width·context for attention, counted
// without the mask (Kaplan et al. 2020, section 2.1).
func flops(m model.LanguageModel, context int, ids int64) float64 {
	params := m.Params()
	last := 0
	for _, q := range params {
		last = max(last, q.Group)
	}
	return float64(ids) * (6*float64(nn.Count(params)) + 12*float64(last-1)*float64(m.Width())*float64(context))
}

// inWords writes a large number shortly: 13.9M.
func inWords(n int64) string {
	switch x := float64(n); {
	case n >= 1e9:
		return fmt.Sprintf("%.3gB", x/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.3gM", x/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.3gK", x/1e3)
	}
	return fmt.Sprint(n)
}
