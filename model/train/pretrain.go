package train

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"fragua/model"
	"fragua/model/ngram"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
	"fragua/tokenize/blocks"
)

// Pretrain is the stage that trains a language model on packed blocks. It
// begins with fresh weights, or with those of the model it is given. In its
// directory it leaves config.json, model.safetensors, tokenizer.json,
// MODEL_CARD.md and metrics.json.
type Pretrain struct {
	Arch ArchChoice `yaml:"arch" doc:"Architecture and its settings; left out: gpt, or that of the model given."`

	Steps   int64   `yaml:"steps" doc:"Optimizer steps; the same steps give the same bytes. 0, without minutes: 1000."`
	Minutes float64 `yaml:"minutes" doc:"Instead of steps: as many as this machine does in this many minutes. With schedule wsd the clock says when the decay begins; with others the steps are counted once, at the start. What is measured at the end comes on top."`

	Budget Budget `yaml:"budget" doc:"Instead of arch, length, rates and batch: what training may cost, and these are chosen for it."`

	Batch       int `yaml:"batch" doc:"Rows in memory at once."`
	Accumulate  int `yaml:"accumulate" doc:"Batches whose gradients make one step."`
	BatchTokens int `yaml:"batch_tokens" doc:"Ids in a step, rounded up to whole batches, instead of accumulate."`

	LR          float64         `yaml:"lr" doc:"Learning rate at its highest."`
	EmbeddingLR float64         `yaml:"embedding_lr" doc:"Rate of the embeddings, which one optimizer moves much and another little; 0: lr."`
	HeadLR      float64         `yaml:"head_lr" doc:"Rate of the output layer, if it is not the embedding; 0: lr."`
	LayerDecay  float64         `yaml:"layer_decay" doc:"Each group of layers learns this many times slower than the one above it, where a model goes on learning (ULMFiT: 2.6); 1: all alike."`
	Warmup      float64         `yaml:"warmup" doc:"Share of the steps in which the rate rises."`
	Schedule    ScheduleChoice  `yaml:"schedule" doc:"How the rate goes on."`
	Optimizer   OptimizerChoice `yaml:"optimizer" doc:"What turns gradients into steps."`
	Clip        float64         `yaml:"clip" doc:"Greatest norm of the gradient; 0: any."`
	Spike       float64         `yaml:"spike" doc:"Skip steps whose gradient is this many times the usual; 0: never."`
	EMA         float64         `yaml:"ema" doc:"Share that a moving average of the weights keeps at each step; 0: no average."`
	Order       blocks.RowOrder `yaml:"order" doc:"The order of the rows: shuffle, or stream for models that carry a state."`
	Floats      Floats          `yaml:"precision" doc:"What linear layers multiply: f32; bf16, which is faster on AMD's CPUs since Zen 4 and Intel's with AMX; or auto, bf16 where it is faster."`

	EvalEvery    int64         `yaml:"eval_every" doc:"Steps between validations; 0: a tenth of all."`
	EvalRows     int           `yaml:"eval_rows" doc:"Rows scored in validations during training (at the end all are); 0: what costs a twentieth of training, at most 200."`
	Keep         KeepWeights   `yaml:"keep" doc:"Which weights are kept. best: those with the best validation; last: those of the last step."`
	SampleEvery  int64         `yaml:"sample_every" doc:"Steps between samples; 0: a quarter of all."`
	Prompts      []string      `yaml:"prompts" doc:"What samples begin with; none: beginnings of validation documents."`
	SampleTokens int           `yaml:"sample_tokens" doc:"Ids in a sample."`
	Sampler      model.Sampler `yaml:"sampler" doc:"How samples are drawn."`
	Baseline     int           `yaml:"baseline" doc:"Order of the n-gram model beside it; 0: none."`

	CheckpointEvery time.Duration `yaml:"checkpoint_every" doc:"Time between checkpoints; it changes no result."`
}

// NewPretrain returns the stage with its defaults.
func NewPretrain() *Pretrain {
	return &Pretrain{
		Batch: 16, Accumulate: 1,
		LR: 1e-3, LayerDecay: 1, Warmup: 0.05, Schedule: Scheduling("cosine"), Optimizer: Optimizing("adamw"), Clip: 1, Spike: 10,
		Order: blocks.Shuffle, Floats: Auto,
		Keep: KeepBest, SampleTokens: 60, Sampler: model.Sampler{Temperature: 0.8, TopP: 0.95}, Baseline: 3,
		CheckpointEvery: 60 * time.Second,
	}
}

// KeepWeights says which weights the finished model has.
type KeepWeights string

// With KeepBest a model that begins to learn its text by heart ends as it was
// before.
const (
	KeepBest KeepWeights = "best"
	KeepLast KeepWeights = "last"
)

// Values implements settings.Enum.
func (KeepWeights) Values() []string { return []string{string(KeepBest), string(KeepLast)} }

// Version implements pipeline.Stage.
func (*Pretrain) Version() int { return 7 }

// Inputs implements pipeline.Stage.
func (*Pretrain) Inputs() []pipeline.Input {
	return []pipeline.Input{{Name: "blocks", Kind: pipeline.Blocks}, {Name: "model", Kind: pipeline.Model, Optional: true}}
}

// Makes implements pipeline.Stage.
func (*Pretrain) Makes() pipeline.Kind { return pipeline.Model }

// Precision implements pipeline.FloatStage.
func (p *Pretrain) Precision() string { return string(p.Floats.Resolve()) }

// OnDevice implements pipeline.DeviceStage.
func (*Pretrain) OnDevice() {}

// Phases implements pipeline.Stage.
func (p *Pretrain) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "train", Exclusive: true, Tasks: pipeline.Single("train"), Do: p.do}}
}

// wanted is how long training lasts unless minutes say so.
func (p *Pretrain) wanted() int64 {
	if p.Steps == 0 {
		return 1000
	}
	return p.Steps
}

// Check implements settings.Checker.
func (p *Pretrain) Check() []fault.Fault {
	var f faults
	f.atLeast("steps", float64(p.Steps), 0)
	f.atLeast("minutes", p.Minutes, 0)
	if p.Steps > 0 && p.Minutes > 0 {
		f.add("minutes", "it stands beside steps, and both say how long training lasts", "leave one of them out; the same steps give the same bytes, minutes do not")
	}
	p.checkBudget(&f)
	f.atLeast("batch", float64(p.Batch), 1)
	f.atLeast("accumulate", float64(p.Accumulate), 1)
	f.atLeast("batch_tokens", float64(p.BatchTokens), 0)
	if p.BatchTokens > 0 && p.Accumulate > 1 {
		f.add("batch_tokens", "it stands beside accumulate, and both say how large a step is", "leave one of them out")
	}
	if !(p.LR > 0 && p.LR < 100) {
		f.add("lr", fmt.Sprintf("%g is no learning rate", p.LR), "1e-3 suits small models; larger ones want less")
	}
	if !(p.LayerDecay >= 1) {
		f.add("layer_decay", fmt.Sprintf("%g would let lower groups learn faster", p.LayerDecay), "1 is off, 2.6 is ULMFiT's")
	}
	f.atLeast("embedding_lr", p.EmbeddingLR, 0)
	f.atLeast("head_lr", p.HeadLR, 0)
	if !(p.Warmup >= 0 && p.Warmup < 1) {
		hint := "0.05 is usual"
		if n := p.wanted(); p.Warmup >= 1 && n > int64(p.Warmup) {
			hint = fmt.Sprintf("it is a share of the steps: %g of %d steps are %.4g", p.Warmup, n, p.Warmup/float64(n))
		}
		f.add("warmup", fmt.Sprintf("%g is not in [0, 1)", p.Warmup), hint)
	}
	f.atLeast("clip", p.Clip, 0)
	if p.Spike != 0 {
		f.atLeast("spike", p.Spike, 1)
	}
	if !(p.EMA >= 0 && p.EMA < 1) {
		f.add("ema", fmt.Sprintf("%g is not in [0, 1)", p.EMA), "0.999 is usual")
	}
	if p.EMA > 0 && p.Optimizer.Name == "asgd" {
		f.add("ema", "asgd keeps an average of its own", "leave ema out")
	}
	f.atLeast("eval_every", float64(p.EvalEvery), 0)
	f.atLeast("eval_rows", float64(p.EvalRows), 0)
	f.atLeast("sample_every", float64(p.SampleEvery), 0)
	f.atLeast("sample_tokens", float64(p.SampleTokens), 0)
	if p.Baseline < 0 || p.Baseline > ngram.MaxOrder {
		f.add("baseline", fmt.Sprintf("%d is not the order of an n-gram model, 1 to %d", p.Baseline, ngram.MaxOrder), "0 leaves the baseline out")
	}
	for i, s := range p.Prompts {
		if s == "" {
			f.add(fmt.Sprintf("prompts[%d]", i), "it is empty, and a model begins with something", "leave prompts out to take beginnings of validation documents")
		}
	}
	f.of("sampler", p.Sampler.Check())
	if p.Arch.Value != nil {
		f.of("arch."+p.Arch.Name, p.Arch.Value.Check())
	}
	f.atLeast("checkpoint_every", p.CheckpointEvery.Seconds(), 0)
	return f
}

const defaultArch = "gpt"

// build returns the model to be trained, for the blocks' tokenizer and context.
func (p *Pretrain) build(env *pipeline.Env, tok *tokenize.Tokenizer, context int) (model.LanguageModel, error) {
	given := env.One("model")
	if given.Path == "" {
		arch := p.Arch
		if arch.Value == nil {
			arch = Architecture(defaultArch)
		}
		return arch.Value.Build(tok.VocabSize(), context, env.Seed)
	}
	if p.Arch.Value != nil {
		return nil, fault.Hintf(errors.New("arch is set, and a model is given that has its own"), "leave out arch, or the model in from")
	}
	m, err := model.OpenLanguageModel(given.Path)
	if err != nil {
		return nil, err
	}
	if m.Vocab() != tok.VocabSize() {
		return nil, fault.Hintf(fmt.Errorf("the model %s has %d ids, the blocks' tokenizer %d", given.Path, m.Vocab(), tok.VocabSize()),
			"pack the text with the model's own tokenizer.json")
	}
	if m.Context() < context {
		return nil, fault.Hintf(fmt.Errorf("the model %s sees %d positions, the blocks have %d", given.Path, m.Context(), context),
			"pack the text with context: %d", m.Context())
	}
	return m, nil
}

// accumulate is how many batches make a step.
func (p *Pretrain) accumulate(context int) int {
	if p.BatchTokens > 0 {
		each := p.Batch * context
		return (p.BatchTokens + each - 1) / each
	}
	return p.Accumulate
}

func (p *Pretrain) optimizer() OptimizerSettings {
	if p.EMA > 0 {
		return &Averaged{OptimizerSettings: p.Optimizer.Value, Keep: p.EMA}
	}
	return p.Optimizer.Value
}

// rates is the learning rate of every parameter at every step: group 0 is the
// embeddings, and the last the final norm and the head.
func (p *Pretrain) rates(last int, steps int64) func(int64, int) float64 {
	schedule := p.Schedule.Value.Schedule(int64(math.Round(p.Warmup*float64(steps))), steps)
	return func(step int64, group int) float64 {
		return p.peak(group, last) / math.Pow(p.LayerDecay, float64(last-group)) * schedule(step)
	}
}

// peak is the highest rate of a group.
func (p *Pretrain) peak(group, last int) float64 {
	switch group {
	case 0:
		return cmp.Or(p.EmbeddingLR, p.LR)
	case last:
		return cmp.Or(p.HeadLR, p.LR)
	}
	return p.LR
}
