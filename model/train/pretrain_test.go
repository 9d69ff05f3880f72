package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/pipeline"
	"fragua/pipeline/shard"
	"fragua/tokenize"
	"fragua/tokenize/blocks"
)

// texts is a stage that makes documents of the books in configs/sample.
type texts struct {
	Text string `yaml:"text"` // instead of the books
}

type document struct {
	ID    string `parquet:"id"`
	Text  string `parquet:"text"`
	Split string `parquet:"split"`
}

func (*texts) Version() int             { return 1 }
func (*texts) Inputs() []pipeline.Input { return nil }
func (*texts) Makes() pipeline.Kind     { return pipeline.Documents }
func (x *texts) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "read", Tasks: pipeline.Single("books"), Do: x.do}}
}

func (x *texts) do(_ context.Context, env *pipeline.Env, _ pipeline.Task) (c pipeline.Counts, err error) {
	paragraphs := strings.Split(x.Text, "|")
	if x.Text == "" {
		names, _ := filepath.Glob("../../configs/sample/books/*.txt")
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				return c, err
			}
			paragraphs = append(paragraphs, strings.Split(string(b), "\n\n")...)
		}
	}
	var rows iter.Seq2[document, error] = func(yield func(document, error) bool) {
		for i, p := range paragraphs {
			split := "train"
			if i%8 == 7 {
				split = "validation"
			}
			if p = strings.TrimSpace(p); p != "" && !yield(document{fmt.Sprint(i), p, split}, nil) {
				return
			}
		}
	}
	written, err := shard.Write(filepath.Join(env.Out, "train-00000.parquet"), rows)
	c.Read, c.Kept, c.Shards = written.Rows, written.Rows, []shard.File{written}
	return c, err
}

var testTable = pipeline.Table{
	"texts":     func() pipeline.Stage { return new(texts) },
	"tokenizer": func() pipeline.Stage { return tokenize.NewLearn() },
	"pack":      func() pipeline.Stage { return blocks.NewPack() },
	"pretrain":  func() pipeline.Stage { return NewPretrain() },
	"generate":  func() pipeline.Stage { return NewGenerate() },
	"ngram":     func() pipeline.Stage { return NewNgram() },
	"mixture":   func() pipeline.Stage { return NewMixture() },
}

const road = `
seed: 7
stages:
  - {name: texts, use: texts}
  - {name: bpe, use: tokenizer, from: [texts], with: {vocab_size: 400}}
  - {name: blocks, use: pack, from: [texts, bpe], with: {context: 32}}
  - name: base
    use: pretrain
    from: [blocks]
    with:
      arch: {gpt: {layers: 2, width: 32, heads: 2, dropout: 0.1}}
      steps: 20
      batch: 4
      lr: 0.01
      eval_every: 8
      eval_rows: 20
      sample_every: 10
      sample_tokens: 8
      prompts: ["The light", "La luz"]
`

// runRoad runs the road in a directory and returns what it says.
func runRoad(t *testing.T, dir, yaml string, o pipeline.Options, watch func(line string)) ([]string, error) {
	t.Helper()
	c, err := pipeline.Parse("road.yaml", []byte(yaml), ".", testTable, nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	o.Out, o.CPU = dir, kernel.Level()
	o.Observe = func(e pipeline.Event) {
		if e.Kind == pipeline.EventSay {
			said = append(said, e.Line)
			if watch != nil {
				watch(e.Line)
			}
		}
	}
	_, err = pipeline.Run(context.Background(), c, o)
	return said, err
}

func TestPretrain(t *testing.T) {
	dir := t.TempDir()
	said, err := runRoad(t, dir, road, pipeline.Options{Workers: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "base")
	lm, err := model.OpenLanguageModel(base)
	if err != nil {
		t.Fatal(err)
	}
	if lm.Vocab() != 400 || lm.Context() != 32 {
		t.Errorf("the model has %d ids and context %d", lm.Vocab(), lm.Context())
	}
	m, err := pipeline.ReadMetrics(base)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Looks) != 2 || len(m.Looks[0].Rows) < 3 || m.Looks[0].Rows[0][0] != 1 || m.Looks[0].Rows[0][1] != 0 {
		t.Errorf("where heads look: %+v", m.Looks)
	}
	var memory pipeline.Curve
	for _, c := range m.Curves {
		if c.Y == pipeline.BitsByContext {
			memory = c
		}
	}
	// Rows of 32 ids: 1, 2, 4, 8, 16 and, where a document begins with the row, 32 of them stand before a target.
	if n := len(memory.Points); n < 5 || !memory.Log || memory.Points[0][0] != 1 || memory.Points[4][0] != 16 || memory.Points[4][1] >= memory.Points[0][1] {
		t.Errorf("bits per byte by context: %v", memory.Points)
	}
	figures := map[string]float64{}
	for _, f := range m.Figures {
		if _, has := figures[f.Name]; !has {
			figures[f.Name] = f.Value
		}
	}
	if b := figures["bits per byte"]; b < 1 || b > 4.5 {
		t.Errorf("bits per byte: %.3f", b)
	}
	for name, want := range map[string]float64{"steps": 20, "steps skipped": 0} {
		if figures[name] != want {
			t.Errorf("%s: %g, want %g", name, figures[name], want)
		}
	}
	for i, want := range []int{20, 3} { // train; validation at 8, 16 and the end
		if got := len(m.Curves[i].Points); got != want {
			t.Errorf("curve %s has %d points, want %d", m.Curves[i].Name, got, want)
		}
	}
	if len(m.Samples) != 3 || !strings.HasPrefix(m.Samples[1].Text, "The light") || !strings.HasPrefix(m.Samples[2].Text, "La luz") {
		t.Errorf("samples: %q", m.Samples)
	}
	card, err := os.ReadFile(filepath.Join(base, "MODEL_CARD.md"))
	if err != nil || !strings.Contains(string(card), "bits per byte") {
		t.Errorf("card: %s, error %v", card, err)
	}
	if !strings.HasPrefix(said[1], "step 1/20") {
		t.Errorf("first lines: %q", said[:2])
	}

	again := t.TempDir()
	if _, err := runRoad(t, again, road, pipeline.Options{Workers: 3}, nil); err != nil {
		t.Fatal(err)
	}
	same(t, dir, again)
}

// same compares the manifests of base, which hold every file's checksum.
func same(t *testing.T, a, b string) {
	t.Helper()
	x, err := pipeline.ReadManifest(filepath.Join(a, "base"))
	if err != nil {
		t.Fatal(err)
	}
	y, err := pipeline.ReadManifest(filepath.Join(b, "base"))
	if err != nil {
		t.Fatal(err)
	}
	if x.Key != y.Key || !slices.Equal(x.Shards, y.Shards) {
		t.Errorf("two runs differ:\n%v\n%v", x.Shards, y.Shards)
	}
}

// TestPretrainInterrupted: cancelled again and again, a run ends in the same bytes.
func TestPretrainInterrupted(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	if _, err := runRoad(t, whole, road, pipeline.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	c, err := pipeline.Parse("road.yaml", []byte(road), ".", testTable, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		if i == 50 {
			t.Fatal("it never ends")
		}
		ctx, cancel := context.WithCancel(context.Background())
		lines := 0
		_, err := pipeline.Run(ctx, c, pipeline.Options{Out: parts, CPU: kernel.Level(), Workers: 1 + i%3, Observe: func(e pipeline.Event) {
			if e.Kind == pipeline.EventSay && strings.Contains(e.Line, "step") {
				if lines++; lines == 2+i%3 {
					cancel()
				}
			}
		}})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	same(t, whole, parts)
}

func TestPretrainChecks(t *testing.T) {
	for _, c := range []struct{ with, want string }{
		{"{steps: -1}", "steps"},
		{"{arch: {gpt: {heads: 3}}}", "heads"},
		{"{arch: {gru: {}}}", "gpt"},
		{"{lr: -1}", "no learning rate"},
		{"{warmup: 100}", "share of the steps"},
		{"{precision: fp8}", "bf16"},
		{"{schedule: cosin}", "cosine"},
		{"{optimizer: {adamw: {beta3: 1}}}", "beta3"},
		{"{optimizer: asgd, ema: 0.9}", "average of its own"},
		{"{batch_tokens: 100, accumulate: 2}", "leave one of them out"},
		{"{baseline: 9}", "n-gram"},
		{"{prompts: [\"\"]}", "empty"},
		{"{sampler: {top_p: 2}}", "top_p"},
		{"{order: random}", "shuffle"},
		{"{keep: first}", "best"},
		{"{schedule: {cosine: {floor: 2}}}", "floor"},
		{"{schedule: {slanted_triangular: {cut: 1}}}", "cut"},
		{"{schedule: {wsd: {decay: -1}}}", "decay"},
		{"{schedule: {one_cycle: {peak: 3}}}", "peak"},
		{"{optimizer: {adamw: {beta1: 1}}}", "beta1"},
		{"{optimizer: {muon: {iterations: 0}}}", "iterations"},
		{"{optimizer: {sgd: {momentum: 1.5}}}", "momentum"},
		{"{optimizer: {asgd: {patience: -1}}}", "patience"},
		{"{optimizer: {adafactor: {clip: 0}}}", "clip"},
	} {
		yaml := "stages:\n  - {name: texts, use: texts}\n  - {name: bpe, use: tokenizer, from: [texts]}\n" +
			"  - {name: blocks, use: pack, from: [texts, bpe]}\n  - {name: base, use: pretrain, from: [blocks], with: " + c.with + "}\n"
		_, err := pipeline.Parse("road.yaml", []byte(yaml), ".", testTable, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q in it", c.with, err, c.want)
		}
	}
}
