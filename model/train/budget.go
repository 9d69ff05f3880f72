package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize/blocks"
)

// A Budget is what training may cost, in one of three ways. What is trained is
// chosen for it: by the speed of this machine, the size of the corpus, and lines
// fitted to runs of ours (scaling.go).
type Budget struct {
	Minutes float64 `yaml:"minutes" doc:"Minutes of training on this machine."`
	Tokens  int64   `yaml:"tokens" doc:"Ids to train on, each time they are seen."`
	FLOPs   float64 `yaml:"flops" doc:"Floating-point operations of forward and backward: 6 a parameter and id, and those of attention."`
}

func (b Budget) given() bool { return b != Budget{} }

// Check implements settings.Checker.
func (b Budget) Check() []fault.Fault {
	var f faults
	f.atLeast("minutes", b.Minutes, 0)
	f.atLeast("tokens", float64(b.Tokens), 0)
	f.atLeast("flops", b.FLOPs, 0)
	if b.Tokens > 0 && b.Minutes > 0 || b.Tokens > 0 && b.FLOPs > 0 || b.Minutes > 0 && b.FLOPs > 0 {
		f.add("minutes", "it stands beside another way to say what training may cost", "give minutes, tokens or flops")
	}
	return f
}

// checkBudget finds settings that stand beside a budget, which chooses them.
func (p *Pretrain) checkBudget(f *faults) {
	f.of("budget", p.Budget.Check())
	if !p.Budget.given() {
		return
	}
	fresh := NewPretrain()
	for name, changed := range map[string]bool{
		"arch": p.Arch.Value != nil, "steps": p.Steps != 0, "minutes": p.Minutes != 0, "batch": p.Batch != fresh.Batch,
		"accumulate": p.Accumulate != fresh.Accumulate, "batch_tokens": p.BatchTokens != 0, "lr": p.LR != fresh.LR,
		"embedding_lr": p.EmbeddingLR != 0, "head_lr": p.HeadLR != 0, "warmup": p.Warmup != fresh.Warmup,
		"schedule": p.Schedule.Name != fresh.Schedule.Name, "optimizer": p.Optimizer.Name != fresh.Optimizer.Name,
	} {
		if changed {
			f.add(name, "budget chooses it", "leave out "+name+", or budget")
		}
	}
}

// choiceFile keeps, in the scratch folder and beside the model, what was chosen.
const choiceFile = "choice.json"

// A choice is what a budget came to.
type choice struct {
	Layers  int     `json:"layers"`
	Width   int     `json:"width"`
	Heads   int     `json:"heads"`
	Dropout float32 `json:"dropout"`
	Batch   int     `json:"batch"`
	LR      float64 `json:"lr"`
	Minutes float64 `json:"minutes,omitempty"`
	Steps   int64   `json:"steps,omitempty"` // 0: by the clock

	Epochs    float64 `json:"epochs"`    // expected
	Speed     float64 `json:"speed"`     // ids a second, expected; 0: not measured
	Level     float64 `json:"level"`     // bits per byte of the yardstick; 0: there is no text to measure on
	Predicted float64 `json:"predicted"` // bits per byte
	PlusMinus float64 `json:"plus_minus"`
}

// apply is the stage with what was chosen in place of the budget.
func (c *choice) apply(p *Pretrain) *Pretrain {
	q := *p
	q.Budget = Budget{}
	q.Arch = Architecture("llama")
	*q.Arch.Value.(*model.Llama) = c.arch()
	q.Optimizer, q.LR, q.Batch = Optimizing("muon"), c.LR, c.Batch
	q.Minutes, q.Steps = c.Minutes, c.Steps
	q.Schedule = Scheduling("wsd")
	q.Schedule.Value.(*wsdShape).Decay = chosenDecay
	return &q
}

const chosenDecay = 0.6

func (c *choice) arch() model.Llama {
	a := *model.LanguageArchs()["llama"]().(*model.Llama)
	a.Layers, a.Width, a.Heads, a.Dropout = c.Layers, c.Width, c.Heads, c.Dropout
	return a
}

// String is the choice as YAML that takes the place of the budget.
func (c *choice) String() string {
	arch := fmt.Sprintf("layers: %d, width: %d, heads: %d", c.Layers, c.Width, c.Heads)
	if c.Dropout > 0 {
		arch += fmt.Sprintf(", dropout: %g", c.Dropout)
	}
	length := fmt.Sprintf("steps: %d", c.Steps)
	if c.Steps == 0 {
		length = fmt.Sprintf("minutes: %g", c.Minutes)
	}
	return fmt.Sprintf("arch: {llama: {%s}}, optimizer: muon, lr: %g, batch: %d, schedule: {wsd: {decay: %g}}, %s", arch, c.LR, c.Batch, chosenDecay, length)
}

// why says what the choice rests on.
func (c *choice) why() string {
	s := fmt.Sprintf("%.2g epochs expected", c.Epochs)
	if c.Speed > 0 {
		s += fmt.Sprintf(", at %.0f ids a second", c.Speed)
	}
	if c.Level > 0 {
		s += fmt.Sprintf("; predicted %.3f ± %.3f bits per byte", c.Predicted, c.PlusMinus)
	}
	return s
}

// figures sets what was predicted beside what was measured.
func (c *choice) figures(e Evaluation) []pipeline.Figure {
	if c == nil {
		return nil
	}
	return []pipeline.Figure{{Name: "predicted bits per byte", Value: c.Predicted, PlusMinus: c.PlusMinus, Better: "lower",
		Note: fmt.Sprintf("before training, by scaling lines; measured less predicted %+.3f. The budget chose %s", e.BitsPerByte()-c.Predicted, c)}}
}

// choose returns the stage with its budget turned into settings, and the choice;
// without a budget it returns the stage as it is. What was chosen once, keep leaves
// in the scratch folder, so that a resumed run goes on with it.
func (p *Pretrain) choose(ctx context.Context, env *pipeline.Env, d *data) (*Pretrain, *choice, error) {
	if !p.Budget.given() {
		return p, nil, nil
	}
	if env.One("model").Path != "" {
		return nil, nil, fault.Hintf(errors.New("budget chooses an architecture, and a model is given that has its own"), "leave out budget, or the model in from")
	}
	if env.Scratch != "" {
		name := filepath.Join(env.Scratch, choiceFile)
		b, err := os.ReadFile(name)
		if err == nil {
			c := new(choice)
			if err := json.Unmarshal(b, c); err != nil {
				return nil, nil, fault.Hintf(&fault.RowError{File: name, Row: -1, Err: err}, "remove it")
			}
			return c.apply(p), c, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	c, err := p.spend(ctx, env, d)
	if err != nil {
		return nil, nil, err
	}
	return c.apply(p), c, nil
}

// Chosen implements pipeline.Chooser.
func (p *Pretrain) Chosen(dir pipeline.Dir) (string, error) {
	if !p.Budget.given() {
		return "", nil
	}
	b, err := os.ReadFile(dir.File(choiceFile))
	if err != nil {
		return "", err
	}
	var c choice
	err = json.Unmarshal(b, &c)
	return c.String(), err
}

// keep writes the choice into a folder. A nil choice writes nothing.
func (c *choice) keep(dir string) error {
	if c == nil {
		return nil
	}
	return writeJSON(filepath.Join(dir, choiceFile), c)
}

// spend chooses what the budget buys.
func (p *Pretrain) spend(ctx context.Context, env *pipeline.Env, d *data) (*choice, error) {
	const rows = 8
	length, vocab := d.train.Context(), d.tok.VocabSize()
	level, err := yardstick(ctx, d)
	if err != nil {
		return nil, err
	}
	text := corpusText(d)
	lines := fitScaling(scalingRuns)
	base := choice{Batch: max(1, rows*256/length), LR: 0.005, Minutes: p.Budget.Minutes, Level: level}
	speed := func(model.Llama) float64 { return 0 }
	if p.Budget.Minutes > 0 {
		if speed, err = p.speeds(env, d, base); err != nil {
			return nil, err
		}
	}
	var best *choice
	least := 0.0
	for _, size := range sizes {
		c := base
		c.Layers, c.Width = size.layers, size.width
		c.Heads = max(1, c.Width/64)
		a := c.arch()
		ids := float64(p.Budget.Tokens)
		switch c.Speed = speed(a); {
		case p.Budget.Minutes > 0:
			ids = c.Speed * 60 * p.Budget.Minutes
		case p.Budget.FLOPs > 0:
			ids = p.Budget.FLOPs / a.Size(vocab, length, c.Batch).FLOPs
		}
		ids = max(ids, 1)
		if p.Budget.Minutes == 0 {
			c.Steps = max(1, int64(ids)/int64(c.Batch*length))
		}
		c.Epochs = ids / text.ids
		c.Dropout = dropoutFor(c.Epochs)
		seen := ids * text.perID
		bits := lines.bits(trunk(c.Layers, c.Width), seen, text.bytes())
		c.Predicted, c.PlusMinus = level*bits, level*lines.error
		better := best == nil || bits < least
		if p.Budget.Tokens > 0 { // what is larger is better; up to where more ids would pay more than more parameters
			better = best == nil || lines.balanced(trunk(c.Layers, c.Width), seen)
		}
		if better {
			best, least = &c, bits
		}
	}
	return best, nil
}

// sizes are the models to choose from, from the smallest. With one layer attention cannot compose
// (Elhage et al. 2021), and no run of ours had one.
var sizes = []struct{ layers, width int }{
	{2, 128}, {2, 192}, {2, 256}, {3, 256}, {4, 256}, {3, 320}, {4, 320}, {4, 384}, {6, 384}, {6, 512}, {8, 512}, {8, 640}, {12, 768},
}

// trunk is the parameters between embedding and head: 4·width² of attention and 8·width² of the
// feed-forward in each layer.
func trunk(layers, width int) float64 { return 12 * float64(layers) * float64(width) * float64(width) }

// dropoutFor is the dropout for this many epochs: text that is seen a few times is hardly learned by heart
// (Muennighoff et al. 2023), and then dropout only costs.
func dropoutFor(epochs float64) float32 {
	switch {
	case epochs > 10:
		return 0.2
	case epochs > 4:
		return 0.1
	}
	return 0
}

// speeds measures two models, and returns how many ids a second one of any size takes: what a step
// costs beside its operations grows with the ids, too.
func (p *Pretrain) speeds(env *pipeline.Env, d *data, base choice) (func(model.Llama) float64, error) {
	length, vocab := d.train.Context(), d.tok.VocabSize()
	var flops, seconds [2]float64 // an id
	for i, size := range []struct{ layers, width int }{{2, 128}, {4, 256}} {
		c := base
		c.Layers, c.Width, c.Heads, c.Minutes, c.Steps = size.layers, size.width, size.width/64, 0, 1
		a := c.arch()
		flops[i] = a.Size(vocab, length, c.Batch).FLOPs
		t := &pretraining{Pretrain: c.apply(p), env: env, data: d}
		step, err := t.timeSteps()
		if err != nil {
			return nil, err
		}
		seconds[i] = step / float64(c.Batch*length)
	}
	each := max((seconds[1]-seconds[0])/(flops[1]-flops[0]), 0)
	fixed := max(seconds[0]-each*flops[0], 0)
	return func(a model.Llama) float64 {
		return 1 / (fixed + each*a.Size(vocab, length, base.Batch).FLOPs)
	}, nil
}

// timeSteps returns the seconds of a step: the fastest of some, for others may be disturbed.
func (t *pretraining) timeSteps() (float64, error) {
	const warm, timed = 2, 5
	lm, err := t.build(t.env, t.data.tok, t.data.train.Context())
	if err != nil {
		return 0, err
	}
	fastest, last := math.Inf(1), time.Now()
	l := t.newLoop(lm, warm+timed)
	l.After = func(_ context.Context, s Step) error {
		now := time.Now()
		if s.Done > warm {
			fastest = min(fastest, now.Sub(last).Seconds())
		}
		last = now
		return nil
	}
	err = l.Run(context.Background())
	return fastest, err
}

// A corpusSize is how much there is to train on.
type corpusSize struct{ ids, perID float64 } // UTF-8 bytes an id

func (c corpusSize) bytes() float64 { return c.ids * c.perID }

// corpusText measures the training rows; bytes an id by some of them.
func corpusText(d *data) corpusSize {
	rows, length := d.train.Len(), d.train.Context()
	var ids []int32
	n, bytes := 0, 0
	for i := range min(rows, 200) {
		row, _, filled, err := d.train.Row(i*rows/min(rows, 200), ids[:0])
		if err != nil {
			break // training will say what is wrong
		}
		for _, id := range row[:filled] {
			bytes += d.tok.ByteLen(id)
			n++
		}
	}
	return corpusSize{float64(rows * length), float64(bytes) / float64(max(n, 1))}
}

// yardstick is how hard the text is to predict: the bits per byte of a 4-gram model of about 4 MB
// of it. 0: there is no validation split.
func yardstick(ctx context.Context, d *data) (float64, error) {
	const order, bytes, scored = 4, 4e6, 400
	if d.validation.Len() == 0 {
		return 0, nil
	}
	text := corpusText(d)
	rows := someRows{d.train, int(math.Ceil(bytes / text.perID / float64(d.train.Context())))}
	m, err := learnNgram(ctx, order, 0, d.tok, rows)
	if err != nil {
		return 0, err
	}
	e, err := BitsPerByte(ctx, ScoreNgram(m), d.validation, d.tok, scored)
	return e.BitsPerByte(), err
}

// someRows are at most this many rows of a set, spread evenly.
type someRows struct {
	*blocks.Set
	most int
}

// Len implements Rows.
func (s someRows) Len() int { return min(s.most, s.Set.Len()) }

// Row implements Rows.
func (s someRows) Row(i int, dst []int32) (ids, starts []int32, length int, err error) {
	return s.Set.Row(i*s.Set.Len()/s.Len(), dst)
}
