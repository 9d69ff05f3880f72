package tokenize

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

// The sizes for 30 thousand, half a million and a million pairs are Gowda and May's.
func TestVocabularyFor(t *testing.T) {
	for pairs, want := range map[int64]int{10: 1000, 30_000: 1000, 117_000: 2700, 500_000: 8000, 1_000_000: 8000} {
		if got := vocabularyFor(pairs); got != want {
			t.Errorf("%d pairs: %d tokens, want %d", pairs, got, want)
		}
	}
}

// pairsStage makes sentence pairs.
type pairsStage struct{}

func (*pairsStage) Version() int             { return 1 }
func (*pairsStage) Inputs() []pipeline.Input { return nil }
func (*pairsStage) Makes() pipeline.Kind     { return pipeline.Examples }
func (*pairsStage) Phases() []pipeline.Phase {
	type row struct {
		Text   string `parquet:"text"`
		Target string `parquet:"target"`
	}
	return []pipeline.Phase{{Name: "write", Tasks: pipeline.Single("write"), Do: func(_ context.Context, env *pipeline.Env, _ pipeline.Task) (c pipeline.Counts, err error) {
		s, err := shard.Write(filepath.Join(env.Out, "train-00000.parquet"), func(yield func(row, error) bool) {
			for range 20 {
				c.Read++
				c.Kept++
				if !yield(row{"the hammer strikes the anvil", "el martillo golpea el yunque"}, nil) {
					return
				}
			}
		})
		c.Shards = append(c.Shards, s)
		return c, err
	}}}
}

// TestLearnFromPairs: both sides are learned from, and the number of pairs decides the size.
func TestLearnFromPairs(t *testing.T) {
	table := pipeline.Table{
		"pairs":     func() pipeline.Stage { return &pairsStage{} },
		"texts":     func() pipeline.Stage { return &textsStage{} },
		"tokenizer": func() pipeline.Stage { return NewLearn() },
	}
	run := func(config string) (pipeline.Dir, error) {
		c, err := pipeline.Parse("test.yaml", []byte(config), t.TempDir(), table, nil)
		if err != nil {
			return pipeline.Dir{}, err
		}
		res, err := pipeline.Run(t.Context(), c, pipeline.Options{Out: t.TempDir(), Workers: 2})
		if err != nil {
			return pipeline.Dir{}, err
		}
		return res.Stages[1].Dir, nil
	}
	dir, err := run("stages:\n  - {name: pairs, use: pairs}\n  - {name: bpe, use: tokenizer, from: pairs, with: {vocab_size: 0}}\n")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Load(dir.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{" anvil", " yunque"} {
		if ids, err := tok.AppendIDs(nil, word); err != nil || len(ids) != 1 {
			t.Errorf("%q has %d tokens, %v", word, len(ids), err)
		}
	}
	if _, err := run("stages:\n  - {name: docs, use: texts}\n  - {name: bpe, use: tokenizer, from: docs, with: {vocab_size: 0}}\n"); err != nil {
		t.Errorf("documents without a size: %v", err)
	}
	_, err = run("stages:\n  - {name: pairs, use: pairs}\n  - {name: bpe, use: tokenizer}\n")
	if err == nil || !strings.Contains(err.Error(), "takes documents") {
		t.Errorf("an input of the other kind was guessed: %v", err)
	}
}

func TestVocabularyForText(t *testing.T) {
	for bytes, want := range map[int64]int{0: 1024, 1e6: 1024, 5e6: 2048, 46e6: 4096, 1e9: 16384, 1e15: 32768} {
		if got := vocabularyForText(bytes); got != want {
			t.Errorf("%d tokens for %d bytes, want %d", got, bytes, want)
		}
	}
}
