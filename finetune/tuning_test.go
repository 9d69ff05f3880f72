package finetune

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
	"fragua/tokenize"
)

// byteTokenizer is a tokenizer.json of the 256 bytes and a few special tokens.
func byteTokenizer(t testing.TB) []byte {
	t.Helper()
	// The characters that stand for bytes in byte-level BPE (Radford et al. 2019).
	vocab, next := map[string]int{}, rune(256)
	for b := range 256 {
		r := rune(b)
		if !('!' <= b && b <= '~' || 0xa1 <= b && b <= 0xac || 0xae <= b && b <= 0xff) {
			r = next
			next++
		}
		vocab[string(r)] = b
	}
	var added []map[string]any
	for i, s := range []string{tokenize.EndOfText, "<|pad|>", "<|translate|>"} {
		vocab[s] = 256 + i
		added = append(added, map[string]any{"id": 256 + i, "content": s, "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
	}
	b, err := json.Marshal(map[string]any{
		"version": "1.0", "added_tokens": added,
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
		"decoder":       map[string]any{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model":         map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// baseModel writes a small pretrained model's directory.
func baseModel(t testing.TB, context int) pipeline.Dir {
	t.Helper()
	dir := t.TempDir()
	arch := &model.GPT{Layers: 2, Heads: 2, Width: 32}
	lm, err := arch.Build(260, context, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := model.Save(dir, lm, model.Extra{End: 256}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, tokenizerFile), byteTokenizer(t), 0o666); err != nil {
		t.Fatal(err)
	}
	return pipeline.Dir{Path: dir, Manifest: &pipeline.Manifest{}}
}

// examplesDir writes examples as the label stage does.
func examplesDir(t testing.TB, set []examples.Example) pipeline.Dir {
	t.Helper()
	d := pipeline.Dir{Path: t.TempDir(), Manifest: &pipeline.Manifest{}}
	for _, split := range examples.Splits {
		name := split + "-00000.parquet"
		s, err := shard.Write(d.File(name), func(yield func(examples.Example, error) bool) {
			for _, e := range set {
				if e.Split == split && !yield(e, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.Rows > 0 {
			d.Manifest.Shards = append(d.Manifest.Shards, shard.File{Name: name, Rows: s.Rows})
		}
	}
	return d
}

// moods are short texts whose class one letter tells.
func moods(n int) []examples.Example {
	rng := rand.New(rand.NewPCG(3, 4))
	var out []examples.Example
	for i := range n {
		class := []string{"mal", "bien"}[i%2]
		text := make([]byte, 3+rng.IntN(8))
		for k := range text {
			text[k] = "abcd"[rng.IntN(4)]
		}
		text[rng.IntN(len(text))] = "xy"[i%2]
		out = append(out, examples.Example{ID: fmt.Sprint(i), Text: string(text), Labels: []string{class}, Split: []string{examples.Train, examples.Train, examples.Train, examples.Validation, examples.Test}[i/2%5]})
	}
	return out
}

// mirrors are pairs whose target is the source in capitals.
func mirrors(n int) []examples.Example {
	rng := rand.New(rand.NewPCG(5, 6))
	var out []examples.Example
	for i := range n {
		text := make([]byte, 1+rng.IntN(3))
		for k := range text {
			text[k] = "abc"[rng.IntN(3)]
		}
		out = append(out, examples.Example{ID: fmt.Sprint(i), Text: string(text), Target: strings.ToUpper(string(text)), Split: []string{examples.Train, examples.Train, examples.Train, examples.Validation, examples.Test}[i%5]})
	}
	return out
}

func tune(goal Goal) *Finetune {
	f := NewFinetune()
	f.Goal = GoalChoice{Name: goalName(goal), Goal: goal}
	f.Strategy, f.LR, f.Batch = Finetuned, 3e-3, 16
	return f
}

func sentiment(long TooLong) *Sentiment {
	g := NewSentiment()
	g.TooLong = long
	return g
}

func translation() *Translation {
	g := NewTranslation()
	g.TooLong = LongDrop
	return g
}

// run carries the stage's one task out and returns its folder.
func run(t testing.TB, f *Finetune, base, set pipeline.Dir) (string, pipeline.Counts) {
	t.Helper()
	if faults := f.Check(); len(faults) > 0 {
		t.Fatalf("%+v", faults)
	}
	env := testEnv(t)
	env.In = map[string][]pipeline.Dir{"model": {base}, "examples": {set}}
	c, err := f.do(context.Background(), env, pipeline.Task{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return env.Out, c
}

func figure(t testing.TB, m pipeline.Metrics, name, note string) pipeline.Figure {
	t.Helper()
	for _, f := range m.Figures {
		if f.Name == name && strings.HasPrefix(f.Note, note) {
			return f
		}
	}
	t.Fatalf("no figure %q of %q in %+v", name, note, m.Figures)
	return pipeline.Figure{}
}

func TestPredictionSchema(t *testing.T) {
	var columns []string
	for _, c := range parquet.SchemaOf(Prediction{}).Columns() {
		columns = append(columns, c[0])
	}
	if want := []string{"id", "input", "want", "got", "probs"}; !slices.Equal(columns, want) {
		t.Errorf("predictions: %q", columns)
	}
}

// goalName is the goal's name in the table.
func goalName(g Goal) string {
	switch g.(type) {
	case *Sentiment:
		return "sentiment"
	case *Labels:
		return "labels"
	case *Regression:
		return "regression"
	case *Instruction:
		return "instruction"
	}
	return "translation"
}

// collect reads a sequence into memory.
func collect[T any](rows iter.Seq2[T, error]) (all []T, err error) {
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// quiet is a Progress that hears nothing.
type quiet struct{}

func (quiet) Expect(int64, string)   {}
func (quiet) Measure(pipeline.Point) {}
func (quiet) Advance(int64)          {}
func (quiet) Say(string)             {}

func testEnv(t testing.TB) *pipeline.Env {
	out := t.TempDir()
	return &pipeline.Env{Out: out, Home: out, Scratch: t.TempDir(), Seed: 7, Workers: 1, Progress: quiet{}, Log: slog.New(slog.DiscardHandler)}
}

func file(t testing.TB, dir, name string, content []byte) settings.Path {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return settings.Path{Written: name, Abs: p}
}

// The whole road of sentiment: it learns, beats the majority, is saved, opened,
// and answers the same.
func TestSentimentLearns(t *testing.T) {
	base, set := baseModel(t, 16), moods(400)
	for _, pool := range []Pool{PoolLast, PoolConcat} {
		g := sentiment(KeepEnds)
		g.Pool, g.ClassWeights = pool, WeightsBalanced
		f := tune(g)
		f.Epochs = 12
		dir, counts := run(t, f, base, examplesDir(t, set))
		if counts.Read != 240 || counts.Kept != 240 {
			t.Errorf("%s: counts %+v", pool, counts)
		}
		m, err := pipeline.ReadMetrics(dir)
		if err != nil {
			t.Fatal(err)
		}
		acc := figure(t, m, "accuracy", examples.Test)
		if acc.Value < 0.9 || acc.N != 80 || acc.PlusMinus <= 0 || figure(t, m, "accuracy", MajorityName).Value != 0.5 || figure(t, m, "accuracy", NBLRName).N != 80 {
			t.Errorf("%s: %+v", pool, m.Figures)
		}
		p, err := OpenPredictor(dir)
		if err != nil {
			t.Fatal(err)
		}
		hits := 0
		for _, e := range set {
			if e.Split != examples.Test {
				continue
			}
			label, probs, err := p.Predict(context.Background(), e.Text)
			if err != nil {
				t.Fatal(err)
			}
			if label == e.Labels[0] {
				hits++
			}
			if len(probs) != 2 || math.Abs(float64(probs[0]+probs[1])-1) > 1e-5 {
				t.Fatalf("probabilities %v", probs)
			}
		}
		if float64(hits)/80 != acc.Value {
			t.Errorf("%s: opened again it is right %d times, before %v", pool, hits, acc.Value*80)
		}
		if _, err := p.TranslateAll(context.Background(), []string{"x"}); err == nil {
			t.Error("a model for sentiment translated")
		}
		var config map[string]any
		b, _ := os.ReadFile(filepath.Join(dir, model.ConfigFile))
		if err := json.Unmarshal(b, &config); err != nil || config["id2label"].(map[string]any)["0"] != "bien" {
			t.Errorf("%v %s", err, b)
		}
		if isHF := strings.Contains(string(b), "GPT2ForSequenceClassification"); isHF != (pool == PoolLast) {
			t.Errorf("%s: config.json %s", pool, b)
		}
		if card, err := os.ReadFile(filepath.Join(dir, "MODEL_CARD.md")); err != nil || !strings.Contains(string(card), NBLRName) {
			t.Errorf("%v\n%s", err, card)
		}
	}
}

// The whole road of translation: it learns to write, and to stop.
func TestTranslationLearnsAndStops(t *testing.T) {
	set := mirrors(500)
	f := tune(translation())
	f.Epochs = 20
	dir, _ := run(t, f, baseModel(t, 16), examplesDir(t, set))
	m, err := pipeline.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := figure(t, m, "chrF2", examples.Test); got.Value < 90 {
		t.Errorf("chrF2 %+v", got)
	}
	if got := figure(t, m, "chrF2", CopyName); got.Value > 5 || len(m.Translations) == 0 {
		t.Errorf("copy %+v", got)
	}
	p, err := OpenPredictor(dir)
	if err != nil {
		t.Fatal(err)
	}
	long := 0
	for _, e := range set[:50] {
		got, err := p.Reply(context.Background(), e.Text)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > len(e.Target) {
			long++
		}
	}
	if long > 2 {
		t.Errorf("%d of 50 translations do not stop where they should", long)
	}
}

func weightsOf(t testing.TB, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, model.WeightsFile))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Early stopping ends a run that no longer gets better, and the best weights
// are those saved.
func TestEarlyStop(t *testing.T) {
	noisy := moods(200)
	for i := range noisy {
		if i%5 < 2 { // labels that no rule tells: they can only be learned by heart
			noisy[i].Labels = []string{[]string{"bien", "mal"}[i%2]}
		}
	}
	f := tune(sentiment(KeepEnds))
	f.Epochs, f.LR, f.Stop = 40, 3e-3, Stop{Metric: "loss", Patience: 1}
	dir, _ := run(t, f, baseModel(t, 16), examplesDir(t, noisy))
	m, err := pipeline.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	var validation []float64
	for _, c := range m.Curves {
		if c.Name == examples.Validation {
			for _, p := range c.Points {
				validation = append(validation, p[1])
			}
		}
	}
	best := figure(t, m, "best loss", examples.Validation)
	if len(validation) >= 40 || best.Value != slices.Min(validation) {
		t.Errorf("best %v of %v", best.Value, validation)
	}
}

// Evaluate and predict give the figures and answers that finetune gave.
func TestEvaluateAndPredict(t *testing.T) {
	set := examplesDir(t, moods(100))
	dir, _ := run(t, tune(sentiment(KeepEnds)), baseModel(t, 16), set)
	env := testEnv(t)
	env.In = map[string][]pipeline.Dir{"model": {{Path: dir}}, "examples": {set}}
	counts, err := NewEvaluate().do(context.Background(), env, pipeline.Task{})
	if err != nil || counts.Check() != nil || counts.Kept != 20 {
		t.Fatal(err, counts)
	}
	m, _ := pipeline.ReadMetrics(dir)
	again, _ := pipeline.ReadMetrics(env.Out)
	for _, note := range []string{examples.Test, MajorityName, NBLRName} {
		if a, b := figure(t, m, "macro F1", note), figure(t, again, "macro F1", note); a != b {
			t.Errorf("%+v, then %+v", a, b)
		}
	}
	p := NewPredict()
	tasks, err := p.tasks(context.Background(), env)
	if err != nil || len(tasks) != 3 {
		t.Fatal(err, tasks)
	}
	env.Out = t.TempDir()
	counts, err = p.do(context.Background(), env, tasks[0])
	if err != nil || counts.Kept != 60 {
		t.Fatal(err, counts)
	}
	got, err := collect(shard.Read[Prediction](filepath.Join(env.Out, "predictions-00000.parquet")))
	if err != nil || len(got) != 60 || got[0].Want == "" || len(got[0].Probs) != 2 {
		t.Error(err, len(got))
	}
	env.In = map[string][]pipeline.Dir{}
	if _, err := p.tasks(context.Background(), env); err == nil {
		t.Error("nothing to answer, and no error")
	}
}
