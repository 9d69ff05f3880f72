package finetune

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// A job is one fine-tuning under way.
type job struct {
	*Finetune
	seed   uint64
	begins string                        // what training begins with
	sets   map[string][]examples.Example // by split
	tuned  *Tuned                        // what is trained
	loop   train.Loop

	answers   *Tuned   // what is scored and saved
	untrained Baseline // of what is scored, before training; its Name is empty where it is not asked for

	candidates []Strategy
	trained    bool // a network is fine-tuned
	chosen     choice

	rows, validation []sequence
	watched          []examples.Example // of validation, those scored during training
	trainLengths     lengths
	seen             history
	predictions      []Prediction // the answers behind the figures
}

// history is what a checkpoint remembers of a job.
type history struct {
	Train      [][2]float64 `json:"train"`      // step, mean loss since the last point
	Validation [][2]float64 `json:"validation"` // step, loss
	Metric     [][2]float64 `json:"metric"`     // step, the figure that chooses the best
	Stale      int          `json:"stale"`      // validations without a better figure
	NLL        float64      `json:"nll"`        // since the last point
	Targets    int64        `json:"targets"`
}

// prepare opens the model, encodes the examples, and refuses what cannot be
// learned from.
func (f *Finetune) prepare(dir string, sets map[string][]examples.Example, seed uint64) (*job, error) {
	if len(sets[examples.Train]) == 0 {
		return nil, fault.Hintf(errors.New("there are no training examples"), "the label stage writes train-*.parquet")
	}
	classes, err := f.Goal.Classes(sets[examples.Train])
	if err != nil {
		return nil, err
	}
	j := &job{Finetune: f, seed: seed, sets: sets, tuned: &Tuned{Goal: f.Goal, Classes: classes}}
	j.answers = j.tuned
	j.candidates, j.trained = []Strategy{Finetuned}, true
	if j.ensembles() {
		j.candidates, j.trained = f.Strategy.candidates(dir != "", f.Prompt.Template != ""), f.Strategy.trains(dir != "")
	}
	if err := j.checkStrategy(dir != ""); err != nil {
		return nil, err
	}
	if err := j.checkLabels(); err != nil {
		return nil, err
	}
	if dir == "" {
		return j, nil
	}
	if j.tuned.LM, j.tuned.Tokenizer, err = f.open(dir, seed); err != nil {
		return nil, err
	}
	if err := f.checkModel(j.tuned.LM); err != nil {
		return nil, err
	}
	if j.tuned.Model, err = f.Goal.Build(j.tuned.LM, classes, sets[examples.Train], seed); err != nil {
		return nil, err
	}
	if j.trained {
		if err := j.adapt(); err != nil {
			return nil, err
		}
	}
	if err := openGoal(f.Goal.Goal, dir, j.tuned.Tokenizer); err != nil {
		return nil, err
	}
	enc := j.tuned.encoder()
	if j.rows, j.trainLengths, err = encodeAll(enc, f.Goal.Goal, sets[examples.Train], classes); err != nil {
		return nil, fmt.Errorf("training examples: %w", err)
	}
	j.watched = spread(sets[examples.Validation], f.Stop.Most)
	if j.validation, _, err = encodeAll(enc, f.Goal.Goal, j.watched, classes); err != nil {
		return nil, fmt.Errorf("validation examples: %w", err)
	}
	if f.Stop.Patience > 0 && len(j.validation) == 0 {
		return nil, fault.Hintf(errors.New("stop.patience needs validation examples, and there are none"), "give label a share: split: {validation: 0.1}")
	}
	return j, j.validate()
}

// ensembles reports whether other models may answer beside the network or instead of it: where a
// text has one class.
func (j *job) ensembles() bool {
	_, ok := j.Goal.Goal.(*Sentiment)
	return ok
}

// spread takes at most n examples, evenly from the whole; n = 0 takes all.
func spread(all []examples.Example, n int) []examples.Example {
	if n == 0 || n >= len(all) {
		return all
	}
	out := make([]examples.Example, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}

// plan returns the batches, how many steps are taken, and how many an epoch has.
func (j *job) plan() (source *batches, steps, perEpoch int64) {
	rows := j.rows
	if g, ok := j.Goal.Goal.(*Instruction); ok && g.Pack {
		rows = pack(rows, j.tuned.LM.Context())
	}
	source = &batches{rows: rows, size: j.Batch / j.Accumulate, tokens: j.Tokens / j.Accumulate, seed: j.seed, classes: len(j.tuned.Classes), goal: j.Goal}
	if g, ok := j.Goal.Goal.(*Translation); ok && g.Noise.any() {
		enc, set := j.tuned.encoder(), j.sets[examples.Train]
		if enc.long == LongError {
			enc.long = LongDrop // the pair itself fits: it is read as it is
		}
		source.noisy = func(i int, rng *rand.Rand) (sequence, bool) {
			e, changed := g.Noise.change(set[j.rows[i].row], rng)
			if !changed {
				return sequence{}, false
			}
			var tally lengths
			s, err := enc.encode(g.Segments(e), &tally)
			s.row = j.rows[i].row
			return s, err == nil && s.ids != nil
		}
	}
	perEpoch = (source.perEpoch() + int64(j.Accumulate) - 1) / int64(j.Accumulate)
	if steps = j.Steps; steps == 0 {
		steps = int64(j.Epochs) * perEpoch
	}
	return source, steps, perEpoch
}

// checkpointEvery is the most training that a crash can cost.
const checkpointEvery = time.Minute

// train runs the loop; at its end the model holds the best weights.
func (j *job) train(ctx context.Context, env *pipeline.Env) error {
	source, steps, perEpoch := j.plan()
	top := 0
	for _, p := range j.tuned.Model.Params() {
		top = max(top, p.Group)
	}
	every := j.Evaluate
	if every == 0 {
		every = perEpoch
	}
	if j.Freeze > top {
		return fault.Hintf(fmt.Errorf("freeze: %d groups of %d: nothing is left to learn", j.Freeze, top+1), "freeze at most %d", top)
	}
	if env.Device != nil {
		const width = 32 // a program is compiled for each width
		source.widen = width
	}
	env.Progress.Expect(steps, "steps")
	j.loop = train.Loop{
		Device: train.DeviceOf(env),
		Model:  j.tuned.Model, Source: source, Optimizer: j.optimizer(steps), Rate: j.rate(steps, perEpoch, top),
		Steps: steps, Accumulate: j.Accumulate, Clip: j.Clip, Seed: j.seed, Floats: j.Floats,
		Checkpoint: train.Checkpoint{Dir: env.Scratch, Every: checkpointEvery}, History: &j.seen,
	}
	point := max(1, steps/200)
	last := int64(-1)
	j.loop.After = func(ctx context.Context, s train.Step) error {
		if last < 0 {
			last = s.Done - 1
			env.Progress.Advance(last) // what an earlier attempt did
		}
		env.Progress.Advance(s.Done - last)
		last = s.Done
		// What may fail comes first: a step that is interrupted here is reported again.
		var seen *validation
		if len(j.validation) > 0 && (s.Done%every == 0 || s.Done == steps) {
			err := j.loop.WithAverage(func() (err error) {
				seen, err = j.evaluate(ctx)
				return err
			})
			if err != nil {
				return err
			}
		}
		if s.Skipped != "" {
			env.Progress.Say(fmt.Sprintf("step %d was skipped: %s", s.Done, s.Skipped))
		}
		j.seen.NLL += s.NLL
		j.seen.Targets += s.Targets
		if s.Done%point == 0 || s.Done == steps {
			loss := j.seen.NLL / float64(max(j.seen.Targets, 1))
			j.seen.Train = append(j.seen.Train, [2]float64{float64(s.Done), loss})
			env.Progress.Measure(pipeline.Point{Curve: examples.Train, Unit: j.lossUnit(), Step: s.Done, Value: loss})
			j.seen.NLL, j.seen.Targets = 0, 0
		}
		if seen == nil {
			return nil
		}
		return j.record(env, s, *seen)
	}
	return j.loop.Run(ctx)
}

// finish gives a translator what it translates with beside its weights, and rounds these.
func (j *job) finish() error {
	g, ok := j.Goal.Goal.(*Translation)
	if !ok {
		return nil
	}
	if g.Shortlist.Best > 0 {
		j.tuned.shortlist = newShortlist(g.Shortlist, j.rows, j.tuned.LM.Vocab())
	}
	return model.Quantize(j.tuned.LM.(model.LanguageModel), string(j.Weights))
}
