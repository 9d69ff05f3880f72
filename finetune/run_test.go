package finetune

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// pretrained stands for the stages before ours.
type pretrained struct {
	Context int `yaml:"context"`
}

func (p *pretrained) Version() int             { return 1 }
func (p *pretrained) Inputs() []pipeline.Input { return nil }
func (p *pretrained) Makes() pipeline.Kind     { return pipeline.Model }
func (p *pretrained) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "pretrain", Tasks: pipeline.Single("one"), Do: func(_ context.Context, env *pipeline.Env, _ pipeline.Task) (pipeline.Counts, error) {
		lm, err := (&model.GPT{Layers: 1, Heads: 2, Width: 16}).Build(260, p.Context, env.Seed)
		if err != nil {
			return pipeline.Counts{}, err
		}
		if err := model.Save(env.Out, lm, model.Extra{End: 256}); err != nil {
			return pipeline.Counts{}, err
		}
		return pipeline.Counts{}, os.WriteFile(filepath.Join(env.Out, tokenizerFile), tokenizerJSON, 0o666)
	}}}
}

var tokenizerJSON []byte

// bytesOnly stands for the tokenizer stage.
type bytesOnly struct{}

func (*bytesOnly) Version() int             { return 1 }
func (*bytesOnly) Inputs() []pipeline.Input { return nil }
func (*bytesOnly) Makes() pipeline.Kind     { return pipeline.Tokenizer }
func (*bytesOnly) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "learn", Tasks: pipeline.Single("one"), Do: func(_ context.Context, env *pipeline.Env, _ pipeline.Task) (pipeline.Counts, error) {
		return pipeline.Counts{}, os.WriteFile(filepath.Join(env.Out, tokenizerFile), tokenizerJSON, 0o666)
	}}}
}

func stages() pipeline.Table {
	return pipeline.Table{
		"pretrain":  func() pipeline.Stage { return &pretrained{Context: 32} },
		"label":     func() pipeline.Stage { return examples.NewLabel() },
		"bytes":     func() pipeline.Stage { return &bytesOnly{} },
		"finetune":  func() pipeline.Stage { return NewFinetune() },
		"evaluate":  func() pipeline.Stage { return NewEvaluate() },
		"translate": func() pipeline.Stage { return NewTranslate() },
		"predict":   func() pipeline.Stage { return NewPredict() },
	}
}

// A whole configuration, through the engine: strict decoding, keys, phases.
func TestRun(t *testing.T) {
	tokenizerJSON = byteTokenizer(t)
	dir := t.TempDir()
	var csv, tsv strings.Builder
	csv.WriteString("texto,nota\n")
	for i, e := range moods(60) {
		fmt.Fprintf(&csv, "%s%d,%d\n", e.Text, i, 1+i%2*4)
	}
	for i, e := range mirrors(60) {
		fmt.Fprintf(&tsv, "%s%d\t%s%d\n", e.Text, i, e.Target, i)
	}
	file(t, dir, "notas.csv", []byte(csv.String()))
	file(t, dir, "pares.tsv", []byte(tsv.String()))
	yaml := `
seed: 7
stages:
  - {name: base, use: pretrain, with: {context: 48}}
  - name: moods
    use: label
    with:
      data: [{table: {path: notas.csv}}]
      text: texto
      label: nota
      labels: {mal: [1, 2], bien: [4, 5.0]}
      split: {validation: 0.1, test: 0.2}
  - name: mood
    use: finetune
    from: {model: base, examples: moods}
    with:
      goal: {sentiment: {too_long: keep_ends, pool: concat, class_weights: balanced}}
      epochs: 1
      layer_decay: 2.6
      unfreeze: gradual
      schedule: slanted_triangular
      stop: {metric: accuracy, patience: 3}
  - {name: judged, use: evaluate, from: [mood, moods]}
  - {name: said, use: predict, from: {model: mood, examples: moods}}
  - name: pairs
    use: label
    with: {data: [{table: {path: pares.tsv}}], source: 1, target: 2, pairs: {one_per_source: true}}
  - name: mirror
    use: finetune
    from: {model: base, examples: pairs}
    with:
      goal: {translation: {too_long: drop, search: {beams: 2, alpha: 0.6, penalty: gnmt}, label_smoothing: 0.1}}
      steps: 3
      accumulate: 2
      optimizer: {adamw: {decay: 0.01}}
`
	c, err := pipeline.Parse("moods.yaml", []byte(yaml), dir, stages(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckFiles(); err != nil {
		t.Fatal(err)
	}
	var said []string
	out := filepath.Join(dir, "run")
	res, err := pipeline.Run(context.Background(), c, pipeline.Options{Out: out, Workers: 2, Observe: func(e pipeline.Event) {
		if e.Kind == pipeline.EventSay {
			said = append(said, e.Line)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]int64{"moods": 60, "mood": 42, "judged": 12, "said": 60, "pairs": 60, "mirror": 48}
	for _, s := range res.Stages {
		if want, ok := kept[s.Name]; ok && s.Dir.Manifest.Counts.Kept != want {
			t.Errorf("stage %s kept %+v, want %d", s.Name, s.Dir.Manifest.Counts, want)
		}
	}
	if len(said) < 4 {
		t.Errorf("said %q", said)
	}
	p, err := OpenPredictor(filepath.Join(out, "mirror"))
	if err != nil {
		t.Fatal(err)
	}
	if g := p.tuned.Goal.Goal.(*Translation); g.Search.Beams != 2 || g.Search.Penalty != model.GNMT || g.TooLong != LongDrop || g.Separator != "<|translate|>" {
		t.Errorf("the goal's settings came back as %+v", g)
	}
	// A run again has nothing to do; the resolved settings mean the same.
	again, err := pipeline.Run(context.Background(), c, pipeline.Options{Out: out})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range again.Stages {
		if !s.Cached {
			t.Errorf("stage %s ran again: %s", s.Name, s.Why)
		}
	}
	if _, err := pipeline.Parse("resolved.yaml", c.ResolvedYAML(), dir, stages(), nil); err != nil {
		t.Errorf("%v\n%s", err, c.ResolvedYAML())
	}

	// The flags' form finds the model in a run, and makes a configuration that runs.
	quick := Quick{Model: filepath.Join(out, "base"), Data: filepath.Join(dir, "notas.csv"), Text: "texto", Label: "nota", Epochs: 1}
	config, decided, err := quick.Config()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(decided, "\n"), "too_long: keep_ends") {
		t.Errorf("decided %q", decided)
	}
	c, err = pipeline.Parse("quick.yaml", config, dir, stages(), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, config)
	}
	if _, err := pipeline.Run(context.Background(), c, pipeline.Options{Out: filepath.Join(dir, "quick")}); err != nil {
		t.Fatalf("%v\n%s", err, config)
	}
}

func TestQuickDecides(t *testing.T) {
	dir := t.TempDir()
	tokenizerJSON = byteTokenizer(t)
	c, err := pipeline.Parse("base.yaml", []byte("stages: [{name: base, use: pretrain}]"), dir, stages(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Run(context.Background(), c, pipeline.Options{Out: filepath.Join(dir, "run")}); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	csv := file(t, dir, "a.csv", []byte("en,es,stars\na,b,1\n")).Abs
	file(t, dir, "folders/good/1.txt", []byte("x"))
	for _, q := range []struct {
		quick Quick
		want  string // in the configuration, or in the error
		fails bool
	}{
		{Quick{Model: run, Data: csv, Source: "en", Target: "es"}, "translation: {too_long: drop}", false},
		{Quick{Model: run, Data: csv, Text: "en", Label: "stars", TooLong: "error", LR: 0.001, Batch: 4, Seed: 3}, "sentiment: {too_long: error}", false},
		{Quick{Model: run, Data: csv, Text: "en", Number: "stars"}, "regression: {too_long: keep_ends}", false},
		{Quick{Model: run, Data: csv, Text: "en", Number: "starz"}, `no column "starz"`, true},
		{Quick{Model: run, Data: csv, Text: "en", Number: "stars", Label: "stars"}, "give one of them", true},
		{Quick{Data: csv, Text: "en", Number: "stars"}, "regression needs a pretrained model", true},
		{Quick{Model: run, Data: filepath.Join(dir, "folders")}, "folders: {path:", false},
		{Quick{Model: run, Data: csv}, "say which columns", true},
		{Quick{Model: run, Data: csv, Text: "en", Label: "starz"}, `no column "starz"`, true},
		{Quick{Model: run, Data: csv, Text: "en", Target: "es"}, "give", true},
		{Quick{Model: run, Data: csv + "x", Text: "en", Label: "stars"}, "no such file", true},
		{Quick{Model: dir, Data: csv, Text: "en", Label: "stars"}, "holds no finished model", true},
		{Quick{Model: run}, "give data", true},
		{Quick{Data: csv, Text: "en", Label: "stars"}, "from: {examples: examples}", false},
		{Quick{Data: csv, Source: "en", Target: "es"}, "needs a pretrained model", true},
		{Quick{Model: run, Data: csv, Text: "en", Label: "stars", Strategy: "frozen+ngrams"}, `strategy: "frozen+ngrams"`, false},
	} {
		config, _, err := q.quick.Config()
		text := string(config)
		if err != nil {
			text = err.Error()
			var hint *fault.Hint
			if errors.As(err, &hint) {
				text += " " + hint.Fix
			}
			var usage *fault.UsageError
			if !errors.As(err, &usage) {
				t.Errorf("%+v: %T is no usage error", q.quick, err)
			}
		}
		if !strings.Contains(text, q.want) || (err != nil) != q.fails {
			t.Errorf("%+v:\n got %s\nwant %s", q.quick, text, q.want)
		}
		if err == nil {
			if _, err := pipeline.Parse("q.yaml", config, dir, stages(), nil); err != nil {
				t.Errorf("%v\n%s", err, config)
			}
		}
	}
}
