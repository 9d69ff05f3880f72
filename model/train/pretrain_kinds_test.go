package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fragua/model"
	"fragua/model/nn"
	"fragua/pipeline"
	"fragua/pipeline/shard"
	"fragua/tokenize/blocks"
)

// TestPretrainKinds runs the stage in all its kinds, each to the end.
func TestPretrainKinds(t *testing.T) {
	for _, c := range []struct{ name, with, says string }{
		{"llama by muon, averaged", "{arch: {llama: {layers: 1, width: 16, heads: 2}}, optimizer: muon, ema: 0.9, steps: 6}", ""},
		{"tokens in a step", "{arch: {gpt: {layers: 1, width: 16, heads: 2}}, batch: 3, batch_tokens: 300, steps: 3}", "3 steps of 384 ids"},
		{"lstm on a stream", "{arch: {lstm: {layers: 1, width: 16}}, optimizer: asgd, order: stream, steps: 6, lr: 0.5, schedule: constant}", ""},
		{"adafactor, wsd", "{arch: {gpt: {layers: 1, width: 16, heads: 2}}, optimizer: adafactor, schedule: wsd, steps: 6}", ""},
		{"sgd, one cycle", "{arch: {gpt: {layers: 1, width: 16, heads: 2}}, optimizer: sgd, schedule: one_cycle, steps: 6, sample_tokens: 0}", ""},
	} {
		yaml := strings.Split(road, "  - name: base")[0] + "  - {name: base, use: pretrain, from: [blocks], with: " + c.with + "}\n"
		if c.name == "lstm on a stream" {
			yaml = strings.Replace(yaml, "context: 32", "context: 32, order: stream", 1)
		}
		dir := t.TempDir()
		said, err := runRoad(t, dir, yaml, pipeline.Options{}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.name == "tokens in a step" && !strings.Contains(said[0], c.says) {
			t.Errorf("%s: %q, want %q in it", c.name, said[0], c.says)
		}
		m, err := pipeline.ReadMetrics(filepath.Join(dir, "base"))
		if err != nil {
			t.Fatal(err)
		}
		if b := m.Figures[0].Value; b < 1 || b > 8 {
			t.Errorf("%s: %.3f bits per byte", c.name, b)
		}
		// With at most six steps each samples at every second, and then from three prompts.
		if want := !strings.Contains(c.with, "sample_tokens: 0"); want != (len(m.Samples) >= 4) {
			t.Errorf("%s: samples %q", c.name, m.Samples)
		}
		if _, err := model.OpenLanguageModel(filepath.Join(dir, "base")); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestStreamNeedsOrder: a state that goes on between rows of other texts is noise, so shuffled rows are refused.
func TestStreamNeedsOrder(t *testing.T) {
	yaml := strings.Split(road, "  - name: base")[0] + "  - {name: base, use: pretrain, from: [blocks], with: {arch: {lstm: {layers: 1, width: 16}}, order: stream, steps: 2}}\n"
	if _, err := runRoad(t, t.TempDir(), yaml, pipeline.Options{}, nil); err == nil || !strings.Contains(err.Error(), "does not go on from the one before") {
		t.Errorf("shuffled rows: error is %v", err)
	}
}

// TestLayerDecay: each group learns slower than the one above it.
func TestLayerDecay(t *testing.T) {
	p := NewPretrain()
	p.LR, p.LayerDecay, p.Warmup, p.Schedule = 8, 2, 0, Scheduling("constant")
	rate := p.rates(3, 10)
	for group, want := range []float64{1, 2, 4, 8} {
		if got := rate(5, group); got != want {
			t.Errorf("group %d: rate %v, want %v", group, got, want)
		}
	}
	if p.LayerDecay = 0.5; len(p.Check()) != 1 {
		t.Errorf("faults %v", p.Check())
	}
}

// TestMinutes: minutes become a number of steps, which the metrics tell and a
// resumed run keeps.
func TestMinutes(t *testing.T) {
	yaml := strings.Replace(road, "steps: 20", "minutes: 0.01", 1)
	dir := t.TempDir()
	said, err := runRoad(t, dir, yaml, pipeline.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var steps int
	if _, err := fmt.Sscanf(said[0], "0.01 minutes are %d steps", &steps); err != nil || steps < 1 {
		t.Errorf("first line: %q", said[0])
	}
	m, err := pipeline.ReadMetrics(filepath.Join(dir, "base"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Figures {
		if f.Name == "steps" && (f.Value != float64(steps) || !strings.Contains(f.Note, "0.01 minutes")) {
			t.Errorf("metrics have %v, want %d steps", f, steps)
		}
	}
	p := &pretraining{Pretrain: &Pretrain{Minutes: 1}, env: &pipeline.Env{Scratch: t.TempDir()}}
	name := filepath.Join(p.env.Scratch, stepsFile)
	for content, want := range map[string]int64{"123\n": 123, "many": 0, "-4": 0} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := p.fixSteps(t.Context()); got != want && err == nil || want == 0 && err == nil {
			t.Errorf("%q: %d steps, error %v", content, got, err)
		}
	}
}

// TestGoOn: training goes on from a model, and the generate stage uses it.
func TestGoOn(t *testing.T) {
	yaml := road + `
  - {name: more, use: pretrain, from: {blocks: blocks, model: base}, with: {steps: 20, batch: 4, lr: 0.01, prompts: [The]}}
  - {name: say, use: generate, from: [more], with: {prompts: [The light, El agua], samples: 2, tokens: 6}}
`
	dir := t.TempDir()
	if _, err := runRoad(t, dir, yaml, pipeline.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	bits := func(stage string) float64 {
		m, err := pipeline.ReadMetrics(filepath.Join(dir, stage))
		if err != nil {
			t.Fatal(err)
		}
		return m.Figures[0].Value
	}
	if a, b := bits("base"), bits("more"); b >= a {
		t.Errorf("bits per byte went from %.3f to %.3f", a, b)
	}
	var got []string
	for row, err := range shard.Read[generated](filepath.Join(dir, "say", "samples-00000.parquet")) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(row.Got, row.Input) {
			t.Errorf("%q does not begin with %q", row.Got, row.Input)
		}
		got = append(got, row.Got)
	}
	if len(got) != 4 || got[0] == got[1] {
		t.Errorf("samples: %q", got)
	}

	both := strings.Replace(yaml, "with: {steps: 20,", "with: {arch: llama, steps: 20,", 1)
	if _, err := runRoad(t, dir, both, pipeline.Options{}, nil); err == nil || !strings.Contains(err.Error(), "has its own") {
		t.Errorf("arch beside a model: error is %v", err)
	}
}

func TestEstimate(t *testing.T) {
	dir := t.TempDir()
	c, err := pipeline.Parse("road.yaml", []byte(road), ".", testTable, nil)
	if err != nil {
		t.Fatal(err)
	}
	var memory int64
	note := func() string {
		stages, err := pipeline.Plan(t.Context(), c, pipeline.Options{Out: dir})
		if err != nil {
			t.Fatal(err)
		}
		last := stages[len(stages)-1]
		if last.Estimate == nil {
			return "none"
		}
		if last.Estimate.Memory > 0 && (last.Estimate.Time <= 0 || last.Estimate.Disk <= 0) {
			t.Errorf("estimate: %+v", last.Estimate)
		}
		memory = last.Estimate.Memory
		return last.Estimate.Note
	}
	if got := note(); !strings.Contains(got, "once the blocks are there") {
		t.Errorf("before: %q", got)
	}
	if _, err := pipeline.Run(t.Context(), c, pipeline.Options{Out: dir, Only: []string{"texts", "bpe", "blocks"}}); err != nil {
		t.Fatal(err)
	}
	if got := note(); !strings.Contains(got, "39.3K parameters, 20 steps of 128 ids") {
		t.Errorf("after: %q", got)
	}

	// What such a training takes in fact.
	lm, err := (&model.GPT{Layers: 2, Width: 32, Heads: 2, Dropout: 0.1}).Build(400, 32, 7)
	if err != nil {
		t.Fatal(err)
	}
	l := &Loop{Model: lm, Source: &Shuffled{Rows: noise{400, 32}, Size: 4}, Optimizer: Optimizers()["adamw"](), Rate: constant(1e-3), Steps: 2}
	l.After = func(context.Context, Step) error { l.Offer(0); return nil }
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := l.steps.(*cpuSteps).tape.Bytes() + 4*int64(nn.Count(lm.Params())+len(l.slab.Grad)+len(l.best))
	for _, m := range l.state.Moments() {
		took += 4 * int64(len(m.Data))
	}
	if r := float64(memory) / float64(took); r < .95 || r > 1.05 {
		t.Errorf("%d bytes were foretold, it took %d", memory, took)
	}
}

func TestEvalRows(t *testing.T) {
	for _, c := range []struct {
		p     Pretrain
		steps int64
		want  int
	}{
		{Pretrain{EvalRows: 7, Batch: 16, Accumulate: 1}, 1000, 7},
		{Pretrain{Batch: 16, Accumulate: 1}, 300, 72},    // 30 steps of 16 rows, of which .15
		{Pretrain{Batch: 16, Accumulate: 1}, 10000, 200}, // at most
		{Pretrain{Batch: 1, Accumulate: 1}, 10, 16},      // at least
		{Pretrain{Batch: 8, Accumulate: 4, EvalEvery: 20}, 10000, 96},
	} {
		x := &pretraining{Pretrain: &c.p, steps: c.steps, data: &data{train: new(blocks.Set)}}
		if got := x.evalRows(); got != c.want {
			t.Errorf("%d steps of %d × %d rows: %d rows, want %d", c.steps, c.p.Batch, c.p.Accumulate, got, c.want)
		}
	}
}

func TestOneLine(t *testing.T) {
	if got, want := oneLine("a\n\n b\tc\x00\x1b[31m ñ"), "a b c\ufffd\ufffd[31m ñ"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWholeWords(t *testing.T) {
	for text, want := range map[string]string{
		"The light was dim and gr": "The light was dim and", " Chapter": "Chapter", "GREAT\nEXP": "GREAT", "": "", "  ": "",
	} {
		if got := wholeWords(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
