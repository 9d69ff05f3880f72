package finetune

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// Finetune is the stage that fits a model to labelled examples: a pretrained one, or with Arch
// one that begins with fresh weights.
type Finetune struct {
	Goal       GoalChoice            `yaml:"goal" doc:"What the model is to do: sentiment (or any classes), labels (several a text), regression (a number, such as stars), translation or instruction (answers in conversations)."`
	Arch       train.AnyArchChoice   `yaml:"arch" doc:"Train this architecture from scratch, from a tokenizer instead of a model; encdec is for translation."`
	Context    int                   `yaml:"context" doc:"With arch: tokens that the model sees at once, of source and target each where it has an encoder."`
	Strategy   Strategy              `yaml:"strategy" doc:"What answers: finetuned, frozen (features of the pretrained network and logistic regression), ngrams, finetuned+ngrams, frozen+ngrams or prompted (the pretrained network, asked as prompt says); best: the one with the least log loss on validation, so that no baseline beats the model there. Goals whose answers are texts have the fine-tuned network alone."`
	Prompt     Prompt                `yaml:"prompt" doc:"How the pretrained network is asked for a class, before it learns: a figure beside the others, and a strategy. For goals with classes."`
	Adapt      AdaptChoice           `yaml:"adapt" doc:"Which weights learn: full, all of them; head, the classification head alone; lora, small matrices beside the linear layers (rank, alpha, dropout, targets, rslora, dora), which are merged into the weights and kept in adapter/ as PEFT reads them."`
	Share      float64               `yaml:"train_share" doc:"Share of the training examples that are learned from, of each class the same, drawn by the seed: of two shares the smaller one is part of the larger. The report draws the curve of several; 1: all."`
	Epochs     int                   `yaml:"epochs" doc:"How often each example is seen."`
	Steps      int64                 `yaml:"steps" doc:"Steps instead of epochs; 0: as many as the epochs have."`
	Batch      int                   `yaml:"batch" doc:"Examples a step."`
	Tokens     int                   `yaml:"batch_tokens" doc:"Instead of batch: tokens a step, source and target, padding included; 0: as batch says."`
	Accumulate int                   `yaml:"accumulate" doc:"Parts that a step's batch is computed in, to save memory."`
	LR         float64               `yaml:"lr" doc:"Highest learning rate, of the last group."`
	Schedule   train.ScheduleChoice  `yaml:"schedule" doc:"How the rate goes up and down."`
	Warmup     float64               `yaml:"warmup" doc:"Share of the steps in which the rate rises."`
	Optimizer  train.OptimizerChoice `yaml:"optimizer" doc:"What makes of gradients a step."`
	Clip       float64               `yaml:"clip" doc:"Greatest norm of the gradient; 0: any."`
	Floats     train.Floats          `yaml:"precision" doc:"What linear layers multiply in training: f32; bf16, which is faster on AMD's CPUs since Zen 4 and Intel's with AMX; or auto, bf16 where it is faster."`
	Weights    Weights               `yaml:"weights" doc:"What the finished translator's weights are kept in: f32; or int8, a quarter of the size, which other programs do not open and which cannot learn any more."`
	EMA        float64               `yaml:"ema" doc:"Share that a moving average of the weights keeps at each step, and validations and the finished model use it: .999; 0: no average."`
	LayerDecay float64               `yaml:"layer_decay" doc:"Each group learns this many times slower than the one above it (ULMFiT: 2.6); 1: all alike."`
	Unfreeze   Unfreezing            `yaml:"unfreeze" doc:"Which groups of layers learn. gradual: the last group first, one more each epoch."`
	Freeze     int                   `yaml:"freeze" doc:"This many groups, from the embeddings up, stay frozen: 1 is the embeddings."`
	Average    float64               `yaml:"average_last" doc:"Share of the steps, at the end, whose weights are averaged; the average is validated and saved. 0: off."`
	Seed       uint64                `yaml:"seed" doc:"Seed of fresh weights, order and dropout; 0: the configuration's."`
	Evaluate   int64                 `yaml:"evaluate" doc:"Steps between two validations; 0: an epoch."`
	Stop       Stop                  `yaml:"stop" doc:"When to stop early, and which weights to keep."`
}

// Stop says which figure chooses the best weights, and when to stop early.
type Stop struct {
	Metric   string `yaml:"metric" doc:"What is watched: loss; accuracy or macro F1; BLEU, chrF2 or exact match. Empty: the goal's own."`
	Patience int    `yaml:"patience" doc:"Stop after this many validations without a better figure; 0: never."`
	Most     int    `yaml:"most" doc:"Score at most this many validation examples, spread evenly; 0: all."`
}

// Unfreezing is how the groups of a model begin to learn.
type Unfreezing string

// The ways.
const (
	UnfreezeAll     Unfreezing = "off"
	UnfreezeGradual Unfreezing = "gradual" // Howard and Ruder 2018, section 3.3
)

// Values lists the ways.
func (Unfreezing) Values() []string { return []string{string(UnfreezeAll), string(UnfreezeGradual)} }

// Weights is what the weights of a finished model are kept in.
type Weights string

// The kinds.
const (
	WeightsF32  Weights = "f32"
	WeightsInt8 Weights = "int8" // model.Quantize
)

// Values lists the kinds.
func (Weights) Values() []string { return []string{string(WeightsF32), string(WeightsInt8)} }

// NewFinetune returns the stage with its defaults.
func NewFinetune() *Finetune {
	f := &Finetune{
		Strategy: Best, Share: 1,
		Epochs: 3, Batch: 32, Accumulate: 1, LR: 1e-3, Schedule: train.Scheduling("linear"), Warmup: 0.1,
		Optimizer: train.Optimizing("adamw"), Clip: 1, Floats: train.F32, Weights: WeightsF32, LayerDecay: 1, Unfreeze: UnfreezeAll,
		Stop: Stop{Most: 2000},
	}
	f.Adapt.Choose("full", &Full{})
	return f
}

// Version is raised when the same settings and inputs give other bytes.
func (f *Finetune) Version() int { return 9 }

// Makes a model.
func (f *Finetune) Makes() pipeline.Kind { return pipeline.Model }

// Precision of the products in training.
func (f *Finetune) Precision() string { return string(f.Floats.Resolve()) }

// OnDevice says that it trains on the run's device.
func (f *Finetune) OnDevice() {}

// Phases is one: training cannot be cut into tasks.
func (f *Finetune) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "finetune", Exclusive: true, Tasks: pipeline.Single("finetune"), Do: f.do}}
}

// Check finds faults that types cannot show.
func (f *Finetune) Check() []fault.Fault {
	var faults []fault.Fault
	add := func(path, hint, format string, args ...any) {
		faults = append(faults, fault.Fault{Path: path, Err: fmt.Sprintf(format, args...), Hint: hint})
	}
	if f.Goal.Goal == nil {
		add("goal", "goal: {sentiment: {too_long: keep_ends}} or goal: {translation: {too_long: drop}}", "no goal")
	} else if m := f.Stop.Metric; m != "" && !slices.Contains(f.Goal.Metrics(), m) {
		add("stop.metric", "one of "+strings.Join(f.Goal.Metrics(), ", "), "%s is not measured by %q", f.Goal.Name, m)
	}
	if f.Epochs < 1 && f.Steps < 1 {
		add("epochs", "3 is usual", "neither epochs nor steps: nothing would be learned")
	}
	if f.Batch < 1 {
		add("batch", "32 is usual", "a batch of %d examples", f.Batch)
	}
	if f.Tokens < 0 {
		add("batch_tokens", "4096 is usual; 0 counts examples", "a step of %d tokens", f.Tokens)
	}
	if f.EMA < 0 || f.EMA >= 1 {
		add("ema", "0.999 is usual, 0 is off", "%v is not in [0, 1)", f.EMA)
	}
	if !(f.Share > 0 && f.Share <= 1) {
		add("train_share", "0.1 is a tenth of the training examples", "%v is not in (0, 1]", f.Share)
	}
	if f.Accumulate < 1 || f.Batch > 0 && f.Batch%f.Accumulate != 0 {
		add("accumulate", "a divisor of batch", "a batch of %d cannot be computed in %d parts", f.Batch, f.Accumulate)
	}
	if f.LR <= 0 {
		add("lr", "1e-4 to 1e-3 for small models", "a learning rate of %v", f.LR)
	}
	if f.Warmup < 0 || f.Warmup > 1 {
		add("warmup", "0.1 is a tenth of the steps", "%v is not a share", f.Warmup)
	}
	if f.Average < 0 || f.Average > 1 {
		add("average_last", "0.2 is the last fifth of the steps", "%v is not a share", f.Average)
	}
	if f.EMA > 0 && f.Average > 0 {
		add("average_last", "keep one of them", "ema is an average of the weights already")
	}
	if f.Weights == WeightsInt8 && f.Goal.Name != translationGoal {
		add("weights", "leave it out; fragua generate and fragua serve round the weights of other models as they read them", "only translators are kept in int8")
	}
	if f.LayerDecay < 1 {
		add("layer_decay", "1 is off, 2.6 is ULMFiT's", "%v would let lower groups learn faster", f.LayerDecay)
	}
	if f.Clip < 0 || f.Freeze < 0 || f.Evaluate < 0 || f.Steps < 0 || f.Stop.Patience < 0 || f.Stop.Most < 0 {
		add("", "0 switches them off", "clip, freeze, evaluate, steps, stop.patience and stop.most are not below 0")
	}
	return append(faults, f.checkScratch()...)
}

// metric is the figure that chooses the best weights.
func (f *Finetune) metric() string {
	if f.Stop.Metric != "" {
		return f.Stop.Metric
	}
	return f.Goal.Metrics()[0]
}

// rate returns the learning rate of every group at every step; top is the last
// group, perEpoch the steps of an epoch.
func (f *Finetune) rate(steps, perEpoch int64, top int) func(step int64, group int) float64 {
	schedule := f.Schedule.Value.Schedule(int64(f.Warmup*float64(steps)), steps)
	return func(step int64, group int) float64 {
		if group < f.Freeze || f.Unfreeze == UnfreezeGradual && int64(top-group) > step/perEpoch {
			return 0
		}
		r := f.LR * schedule(step)
		for range top - group {
			r /= f.LayerDecay
		}
		return r
	}
}

// optimizer is the optimizer, with the average of weights that is asked for.
func (f *Finetune) optimizer(steps int64) train.OptimizerSettings {
	switch {
	case f.EMA > 0:
		return &train.Averaged{OptimizerSettings: f.Optimizer.Value, Keep: f.EMA}
	case f.Average > 0:
		return &train.Averaged{OptimizerSettings: f.Optimizer.Value, Keep: 0, Alike: true, From: steps - int64(f.Average*float64(steps))}
	}
	return f.Optimizer.Value
}

// seed of all that training draws.
func (f *Finetune) seed(env *pipeline.Env) uint64 { return cmp.Or(f.Seed, env.Seed) }

// do trains, scores and saves.
func (f *Finetune) do(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (pipeline.Counts, error) {
	if w := f.Floats.Warning(); w != "" && env.Device == nil {
		env.Progress.Say(w)
	}
	base := f.given(env)
	sets, err := f.read(env)
	if err != nil {
		return pipeline.Counts{}, err
	}
	j, err := f.prepare(base.Path, sets, f.seed(env))
	if err != nil {
		return pipeline.Counts{}, err
	}
	j.begins = f.begins(base)
	p := j.preflight(shownExamples)
	for _, line := range p.Lines() {
		env.Progress.Say(line)
	}
	for _, s := range p.Shown {
		env.Progress.Say("learned in brackets: " + s.String())
	}
	if err := j.answerUntrained(ctx); err != nil {
		return pipeline.Counts{}, err
	}
	if j.ensembles() {
		if err := j.fitLinear(ctx); err != nil {
			return pipeline.Counts{}, err
		}
	}
	if j.trained {
		if err := j.train(ctx, env); err != nil {
			return pipeline.Counts{}, err
		}
		if err := j.mergeAdapters(env.Scratch, base.Path, env.Home); err != nil {
			return pipeline.Counts{}, err
		}
		if err := j.finish(); err != nil {
			return pipeline.Counts{}, err
		}
	}
	if j.ensembles() {
		if err := j.choose(ctx, env, base.Path); err != nil {
			return pipeline.Counts{}, err
		}
	}
	if err := j.chooseThresholds(ctx); err != nil {
		return pipeline.Counts{}, err
	}
	metrics, err := j.score(ctx)
	if err != nil {
		return pipeline.Counts{}, err
	}
	if err := j.answers.save(env.Out, base.File(tokenizerFile)); err != nil {
		return pipeline.Counts{}, err
	}
	if err := j.saveAdapter(env.Scratch, env.Out); err != nil {
		return pipeline.Counts{}, err
	}
	if err := writeCard(env.Out, j, metrics); err != nil {
		return pipeline.Counts{}, err
	}
	for _, line := range summary(metrics) {
		env.Progress.Say(line)
	}
	counts := j.counts()
	if len(j.predictions) > 0 { // what the figures were computed of, to look at
		written, err := writePredictions(env, "predictions-00000.parquet", j.predictions)
		if err != nil {
			return counts, err
		}
		counts.Shards = append(counts.Shards, written)
	}
	return counts, pipeline.WriteMetrics(env.Out, metrics)
}
