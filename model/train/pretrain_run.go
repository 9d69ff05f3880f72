package train

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
	"fragua/model/mpi"
	"fragua/model/nn"
	"fragua/model/xla"
	"fragua/pipeline"
	"fragua/pipeline/store"
	"fragua/tokenize/blocks"
)

// pretraining is the stage at work.
type pretraining struct {
	*Pretrain
	env     *pipeline.Env
	data    *data
	lm      model.LanguageModel
	loop    *Loop
	steps   int64   // by the clock, what was planned; at the end, those taken
	clock   *clock  // nil: the number of steps is fixed
	chosen  *choice // nil: there is no budget
	prompts []string
	history history
	log     progressLog
}

// history is what the stage records during training; checkpoints hold it.
type history struct {
	Tokens     int64             `json:"tokens"` // targets trained on
	Train      [][2]float64      `json:"train"`  // step, bits per byte: means since the point before
	Rate       [][2]float64      `json:"rate"`
	Norm       [][2]float64      `json:"norm"`
	Validation [][2]float64      `json:"validation"`
	Samples    []pipeline.Sample `json:"samples"`

	Seconds float64 `json:"seconds"` // that training has taken
	Steps   int64   `json:"steps"`   // in all, once the clock has said so; else 0

	NLL   float64 `json:"nll"` // since the last point
	Bytes int64   `json:"bytes"`
}

// do carries out the one task of the stage.
func (p *Pretrain) do(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (pipeline.Counts, error) {
	var counts pipeline.Counts
	if err := level(env); err != nil {
		return counts, err
	}
	if w := p.Floats.Warning(); w != "" && env.Device == nil {
		env.Progress.Say(w)
	}
	par.SetWorkers(env.Workers)
	dir := env.One("blocks")
	d, err := openData(dir)
	if err != nil {
		return counts, err
	}
	defer d.close()
	if err := d.learnable(dir, p.Batch, p.Order == blocks.Stream); err != nil {
		return counts, err
	}
	p, chosen, err := p.choose(ctx, env, d)
	if err == nil {
		err = chosen.keep(env.Scratch)
	}
	if err != nil {
		return counts, err
	}
	if chosen != nil {
		env.Progress.Say("budget: " + chosen.String() + "; " + chosen.why())
	}
	t := &pretraining{Pretrain: p, env: env, data: d, chosen: chosen}
	began := time.Now()
	if t.steps, err = t.fixSteps(ctx); err != nil {
		return counts, err
	}
	if t.lm, err = p.build(env, d.tok, d.train.Context()); err != nil {
		return counts, err
	}
	if t.prompts, err = t.samplePrompts(); err != nil {
		return counts, err
	}
	t.loop = t.newLoop(t.lm, t.steps)
	t.loop.Checkpoint = Checkpoint{Dir: env.Scratch, Every: p.CheckpointEvery}
	t.loop.History = &t.history
	t.loop.After = t.after
	t.startClock(began)
	if t.loop.World, _ = env.World.(*mpi.World); t.loop.World != nil {
		if err := t.loop.canShare(); err != nil {
			return counts, err
		}
		if err := t.loop.World.Tell(newShared(env, t.steps)); err != nil {
			return counts, err
		}
	}

	env.Progress.Expect(t.steps, "steps")
	env.Progress.Say(t.describe())
	t.log.start()
	if err := t.loop.Run(ctx); err != nil {
		return counts, err
	}
	if t.clock != nil {
		t.steps = t.history.Steps
	}
	report, err := t.measureFinal(ctx)
	if err != nil {
		return counts, err
	}
	counts.Sum("steps", t.steps)
	counts.Sum("tokens", t.history.Tokens)
	counts.Sum("parameters", int64(nn.Count(t.lm.Params())))
	return counts, t.write(report)
}

// level holds the run's word about the kernels, which stands in the key of what
// is about to be made, to what computes.
func level(env *pipeline.Env) error {
	if env.CPU != "" && env.CPU != kernel.Level() {
		return fmt.Errorf("the run says that its kernels are for %s, but they are for %s", env.CPU, kernel.Level())
	}
	return nil
}

// DeviceOf is what a stage is to compute on; nil: the CPU.
func DeviceOf(env *pipeline.Env) *xla.Client {
	c, _ := env.Device.(*xla.Client)
	return c
}

// newLoop returns the loop over the training split, without anything around it.
func (t *pretraining) newLoop(lm model.LanguageModel, steps int64) *Loop {
	l := &Loop{
		Model: lm, Optimizer: t.optimizer(), Rate: t.rates(lastGroup(lm.Params()), steps), Steps: steps,
		Accumulate: t.accumulate(t.data.train.Context()), Clip: t.Clip, Spike: t.Spike,
		Seed: t.env.Seed, Bytes: byteLens(t.data.tok), Floats: t.Floats, Device: DeviceOf(t.env),
	}
	if t.Order == blocks.Stream {
		l.Source = &Stream{Rows: t.data.train, Size: t.Batch}
	} else {
		l.Source = &Shuffled{Rows: t.data.train, Size: t.Batch, Seed: t.env.Seed}
	}
	return l
}

// every returns a period in steps: what was set, or a share of all steps.
func (t *pretraining) every(set, share int64) int64 {
	if set > 0 {
		return set
	}
	return max(1, (t.steps+share-1)/share) // by the clock, of the steps that were planned
}

// after notes what a step did; at times it validates and writes a sample.
func (t *pretraining) after(ctx context.Context, s Step) error {
	var err error
	var validation Evaluation
	pause := time.Now()
	t.clock.tick(&t.history, s.Done)
	last := s.Done == s.Steps
	evaluates := (s.Done%t.every(t.EvalEvery, 10) == 0 || last) && t.data.validation.Len() > 0
	if evaluates {
		if validation, err = t.validate(ctx); err != nil {
			return err
		}
	}
	var sample pipeline.Sample
	samples := s.Done%t.every(t.SampleEvery, 4) == 0 && !last && t.SampleTokens > 0 && len(t.prompts) > 0
	if samples {
		if err := t.loop.Fetch(); err != nil {
			return err
		}
		sample, err = t.sample(ctx, t.prompts[0], fmt.Sprintf("after %d steps", s.Done), uint64(s.Done))
		if err != nil {
			return err
		}
	}

	t.log.away += time.Since(pause)

	h := &t.history
	h.Tokens += s.Targets
	if s.Skipped == "" {
		h.NLL += s.NLL
		h.Bytes += s.Bytes
	}
	if s.Done%t.every(0, 200) == 0 || last {
		at := float64(s.Done)
		if h.Bytes > 0 {
			loss := Evaluation{NLL: h.NLL, Bytes: h.Bytes}.BitsPerByte()
			h.Train = append(h.Train, [2]float64{at, loss})
			t.env.Progress.Measure(pipeline.Point{Curve: "train", Unit: "bits per byte", Step: s.Done, Value: loss})
		}
		h.Rate = append(h.Rate, [2]float64{at, s.Rate})
		t.env.Progress.Measure(pipeline.Point{Curve: "learning rate", Unit: "learning rate", Step: s.Done, Value: s.Rate})
		if s.Skipped == "" {
			h.Norm = append(h.Norm, [2]float64{at, s.Norm})
			t.env.Progress.Measure(pipeline.Point{Curve: "gradient", Unit: "norm", Step: s.Done, Value: s.Norm})
		}
		h.NLL, h.Bytes = 0, 0
	}
	if evaluates {
		h.Validation = append(h.Validation, [2]float64{float64(s.Done), validation.BitsPerByte()})
		t.env.Progress.Measure(pipeline.Point{Curve: "validation", Unit: "bits per byte", Step: s.Done, Value: validation.BitsPerByte()})
		t.loop.Observe(validation.Loss())
		if t.Keep == KeepBest {
			t.loop.WithAverage(func() error { t.loop.Offer(-validation.BitsPerByte()); return nil })
		}
	}
	if samples {
		h.Samples = append(h.Samples, sample)
	}
	t.logStep(ctx, s, validation, sample)
	return nil
}

// evalRows is how many rows a validation during training scores: a row scored costs
// a third of a row trained on.
func (t *pretraining) evalRows() int {
	if t.EvalRows > 0 {
		return t.EvalRows
	}
	trained := t.every(t.EvalEvery, 10) * int64(t.Batch*t.accumulate(t.data.train.Context()))
	return int(min(max(trained*3/20, 2*scoredRows), 200))
}

// validate scores some rows with the weights that the model would be left with.
func (t *pretraining) validate(ctx context.Context) (e Evaluation, err error) {
	err = t.loop.WithAverage(func() error {
		e, err = BitsPerByte(ctx, t.loop.Scorer(t.lm), t.data.validation, t.data.tok, t.evalRows())
		return err
	})
	return e, err
}

// write fills the stage's directory.
func (t *pretraining) write(m pipeline.Metrics) error {
	if err := model.Save(t.env.Out, t.lm, model.Extra{End: t.data.tok.EndOfText()}); err != nil {
		return err
	}
	if err := t.chosen.keep(t.env.Out); err != nil {
		return err
	}
	from, to := t.env.One("blocks").File(tokenizerFile), filepath.Join(t.env.Out, tokenizerFile)
	if err := copyFile(to, from); err != nil {
		return err
	}
	err := store.WriteFile(filepath.Join(t.env.Out, "MODEL_CARD.md"), func(w io.Writer) error { return t.card(w, m) })
	if err != nil {
		return err
	}
	return pipeline.WriteMetrics(t.env.Out, m)
}

func copyFile(to, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return store.WriteFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// A progressLog decides when to print a line. It reads the clock; nothing in it
// goes into a result.
type progressLog struct {
	began, said time.Time
	tokens      int64         // since the last line
	spent       int64         // since the beginning
	away        time.Duration // since the last line, at other things than steps
	sampled     bool
}

func (w *progressLog) start() { w.began, w.said = time.Now(), time.Now() }

// due says that it is time for a line: every 3 seconds at first, every 30 later.
func (w *progressLog) due() bool {
	pause := min(max(time.Since(w.began)/10, 3*time.Second), 30*time.Second)
	return time.Since(w.said) >= pause
}

// logStep prints a line about a step where one is due.
func (t *pretraining) logStep(ctx context.Context, s Step, validation Evaluation, sample pipeline.Sample) {
	w := &t.log
	if w.spent == 0 { // the first step of this process: those of earlier ones are done too
		t.env.Progress.Advance(s.Done - 1)
	}
	t.env.Progress.Advance(1)
	w.tokens += s.Targets
	w.spent += s.Targets
	if s.Skipped != "" {
		t.env.Progress.Say(fmt.Sprintf("step %d: skipped, the weights stay as they are: %s", s.Done, s.Skipped))
	}
	if validation.Rows > 0 || s.Done == 1 || s.Done == s.Steps || w.due() {
		line := fmt.Sprintf("step %d/%s  loss %.3f", s.Done, t.inAll(s), s.Loss())
		if s.Bytes > 0 {
			line += fmt.Sprintf("  %.3f bits/byte", Evaluation{NLL: s.NLL, Bytes: s.Bytes}.BitsPerByte())
		}
		if validation.Rows > 0 {
			line += fmt.Sprintf("  validation %.3f ± %.3f", validation.BitsPerByte(), validation.PlusMinus())
		}
		speed := float64(w.tokens) / max((time.Since(w.said)-w.away).Seconds(), 1e-3)
		t.env.Progress.Say(line + fmt.Sprintf("  rate %.2g  norm %.2g  %.0f tokens/s", s.Rate, s.Norm, speed))
		w.said, w.tokens, w.away = time.Now(), 0, 0
	}
	const patience = 30 * time.Second // until the first sample
	if sample.Text == "" && !w.sampled && time.Since(w.began) > patience && t.SampleTokens > 0 && len(t.prompts) > 0 {
		if t.loop.Fetch() == nil {
			sample, _ = t.sample(ctx, t.prompts[0], fmt.Sprintf("after %d steps", s.Done), uint64(s.Done))
		}
	}
	if sample.Text != "" {
		w.sampled = true
		t.env.Progress.Say(sample.Title + ": " + oneLine(sample.Text))
	}
}
