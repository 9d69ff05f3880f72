package tokenize

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/pipeline"
	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
)

// textsStage makes documents in two languages, in three shards and a validation
// split; without Split it makes parts instead.
type textsStage struct {
	Split bool `yaml:"split"`
	Empty bool `yaml:"empty"`
}

func (*textsStage) Version() int             { return 1 }
func (*textsStage) Inputs() []pipeline.Input { return nil }
func (*textsStage) Makes() pipeline.Kind     { return pipeline.Documents }
func (s *textsStage) Phases() []pipeline.Phase {
	type row struct {
		ID       string `parquet:"id"`
		Text     string `parquet:"text"`
		Language string `parquet:"language"`
	}
	return []pipeline.Phase{{Name: "write",
		Tasks: func(context.Context, *pipeline.Env) (tasks []pipeline.Task, err error) {
			for i := range 3 {
				tasks = append(tasks, pipeline.Task{ID: fmt.Sprint(i)})
			}
			return tasks, nil
		},
		Do: func(_ context.Context, env *pipeline.Env, task pipeline.Task) (c pipeline.Counts, err error) {
			names := []string{"part-%s.parquet"}
			if s.Split {
				names = []string{"train-%s.parquet", "validation-%s.parquet"}
			}
			for k, name := range names {
				if s.Empty {
					continue
				}
				shard, err := shard.Write(filepath.Join(env.Out, fmt.Sprintf(name, task.ID)), func(yield func(row, error) bool) {
					for i, line := range strings.SplitAfter(sample, "\n") {
						language := "en"
						if i == 1 {
							language = "es"
						}
						text := strings.Repeat(line, 1+i%2+int(task.ID[0]-'0'))
						if k == 1 {
							text = strings.ToUpper(text) // the validation split is other text
						}
						c.Read++
						c.Kept++
						if !yield(row{fmt.Sprint(task.ID, k, i), text, language}, nil) {
							return
						}
					}
				})
				if err != nil {
					return c, err
				}
				c.Shards = append(c.Shards, shard)
			}
			return c, nil
		}}}
}

func runLearn(t *testing.T, documents, with string, workers int) (pipeline.Dir, error) {
	t.Helper()
	table := pipeline.Table{
		"texts":     func() pipeline.Stage { return &textsStage{} },
		"tokenizer": func() pipeline.Stage { return NewLearn() },
	}
	config := `
stages:
  - {name: docs, use: texts, with: {` + documents + `}}
  - {name: bpe, use: tokenizer, from: docs, with: {` + with + `}}
`
	c, err := pipeline.Parse("test.yaml", []byte(config), t.TempDir(), table, nil)
	if err != nil {
		return pipeline.Dir{}, err
	}
	res, err := pipeline.Run(t.Context(), c, pipeline.Options{Out: t.TempDir(), Workers: workers})
	if err != nil {
		return pipeline.Dir{}, err
	}
	return res.Stages[1].Dir, nil
}

func TestLearnStage(t *testing.T) {
	for _, documents := range []string{"split: true", "split: false"} {
		dir, err := runLearn(t, documents, "vocab_size: 400", 1)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, s := range dir.Manifest.Shards {
			names = append(names, s.Name)
		}
		if want := []string{"merges.txt", "metrics.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"}; !slices.Equal(names, want) {
			t.Errorf("files %q, want %q", names, want)
		}
		other, err := runLearn(t, documents, "vocab_size: 400", 4)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(dir.Manifest.Shards, other.Manifest.Shards) {
			t.Errorf("other bytes with 4 workers: %v, %v", dir.Manifest.Shards, other.Manifest.Shards)
		}
		tok, err := Load(dir.Path)
		if err != nil || tok.VocabSize() != 400 {
			t.Fatalf("%d tokens, %v", tok.VocabSize(), err)
		}
		// The files without a run give the same.
		l := NewLearn()
		l.VocabSize = 400
		in := filepath.Join(filepath.Dir(dir.Path), "docs")
		shards, _ := filepath.Glob(filepath.Join(in, "train-*.parquet"))
		parts, _ := filepath.Glob(filepath.Join(in, "part-*.parquet"))
		tr, err := l.Files(t.Context(), Files{Paths: append(shards, parts...), Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		same, err := tr.Tokenizer(0)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := same.JSON()
		if saved, err := os.ReadFile(dir.File("tokenizer.json")); err != nil || string(saved) != string(data) {
			t.Errorf("Files gives another tokenizer.json, %v", err)
		}
		m, err := pipeline.ReadMetrics(dir.Path)
		if err != nil {
			t.Fatal(err)
		}
		notes := ""
		for _, f := range m.Figures {
			if f.Name == "bytes per token" && f.Value >= 1 {
				notes += f.Note + ";"
			}
		}
		if want := map[bool]string{true: "validation;validation, en;validation, es;", false: "train;train, en;train, es;"}[documents == "split: true"]; notes != want {
			t.Errorf("bytes per token of %q, want %q", notes, want)
		}
		if err := dir.Manifest.Counts.Check(); err != nil || dir.Manifest.Counts.Read == 0 {
			t.Error(dir.Manifest.Counts, err)
		}
	}
}

func TestLearnStageRefuses(t *testing.T) {
	for with, want := range map[string]string{
		"vocab_size: 200":               "at least 261",
		"pattern: gtp2, unit: doc":      "", // a valid regular expression
		"pattern: '('":                  "pattern",
		"unit: word":                    "unit",
		"ties: first":                   "ties",
		"min_frequency: -1":             "min_frequency",
		"special: [a, '<|pad|>']":       "<|endoftext|> is missing",
		"special: ['<|endoftext|>', x]": "a byte of its own",
		"max_token_length: 1":           "max_token_length",
		"extend: nowhere.json":          "nowhere.json",
		"vocabsize: 400":                "vocab_size",
	} {
		_, err := runLearn(t, "split: true", with, 1)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", with, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not tell of %q", with, err, want)
		}
	}
	if _, err := runLearn(t, "split: true, empty: true", "vocab_size: 400", 1); err == nil || !strings.Contains(err.Error(), "no documents") {
		t.Errorf("no documents: %v", err)
	}
}

// A vocabulary learned on is the one learned at once, and every smaller one is
// its beginning.
func TestExtendAndSizes(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat(sample, 2)), 0o666); err != nil {
		t.Fatal(err)
	}
	learn := func(size int, extend string) *Trained {
		l := NewLearn()
		l.VocabSize = size
		l.Extend = settings.Path{Written: extend, Abs: extend}
		tr, err := l.Files(t.Context(), Files{Paths: []string{text}})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	bytesOf := func(tr *Trained, size int) string {
		tok, err := tr.Tokenizer(size)
		if err != nil {
			t.Fatal(err)
		}
		data, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	whole := learn(500, "")
	small := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(small, []byte(bytesOf(whole, 350)), 0o666); err != nil {
		t.Fatal(err)
	}
	if bytesOf(learn(350, ""), 0) != bytesOf(whole, 350) {
		t.Error("the smaller vocabulary is not the beginning of the larger")
	}
	if bytesOf(learn(500, small), 0) != bytesOf(whole, 0) {
		t.Error("an extended vocabulary is not that learned at once")
	}
	if _, err := whole.Tokenizer(260); err == nil {
		t.Error("260 tokens: no error")
	}
}

func TestFilesKinds(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	l := NewLearn()
	l.Unit = UnitLine
	var sizes []int64
	for _, f := range []Files{
		{Paths: []string{write("a.txt", "one two\nthree")}},
		{Paths: []string{write("a.jsonl", `{"text":"one two\n","language":"en"}`+"\n\n"+`{"text":"three"}`)}},
		{Paths: []string{write("b.jsonl", `{"body":"one two\n"}`+"\n"+`{"body":"three"}`)}, Column: "body"},
		{Paths: []string{"-"}, Stdin: strings.NewReader("one two\nthree")},
	} {
		tr, err := l.Files(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, tr.Bytes)
	}
	if !slices.Equal(sizes, []int64{13, 13, 13, 13}) {
		t.Errorf("bytes read: %v", sizes)
	}
	for _, f := range []Files{
		{Paths: []string{write("bad.jsonl", "{\"text\":\"a\"}\n{")}},
		{Paths: []string{write("none.jsonl", `{"txt":"a"}`)}},
		{Paths: []string{write("number.jsonl", `{"text":1}`)}},
		{Paths: []string{write("empty.txt", "")}},
		{Paths: []string{filepath.Join(dir, "missing.txt")}},
		{Paths: []string{write("bad.txt.gz", "not gzip")}},
		{Paths: []string{write("bad.parquet", "not parquet")}},
		{Paths: []string{"-"}},
	} {
		if _, err := l.Files(t.Context(), f); err == nil {
			t.Errorf("%v: no error", f.Paths)
		}
	}
}
