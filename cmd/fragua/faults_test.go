package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// sound is a configuration without a fault; each case below breaks it in one place.
const sound = `seed: 7
max_failures: 0.02
stages:
  - name: corpus
    use: ingest
    with:
      sources:
        - books: {path: "*.txt", chapters: true}
      steps:
        - repair
        - length: {min_words: 2}
        - gopher_quality: {min_words: 10, max_words: 0}
  - {name: unique, use: dedup, from: [corpus], with: {match: text}}
  - {name: split, use: mix, from: [unique], with: {validation: 0.1, test: 0}}
  - {name: bpe, use: tokenizer, from: [split], with: {vocab_size: 512, pattern: gpt2}}
  - {name: blocks, use: pack, from: [split, bpe], with: {context: 32, packing: cut}}
  - name: base
    use: pretrain
    from: {blocks: blocks}
    with:
      arch: {gpt: {layers: 2, width: 32, heads: 2}}
      steps: 5
      batch: 2
      lr: 0.001
      warmup: 0.1
  - name: reviews
    use: label
    with:
      data: [{table: {path: r.csv}}]
      text: review
      label: stars
      labels: {neg: [1, 2], pos: [4, 5]}
      split: {validation: 0.1, test: 0.1}
  - name: sentiment
    use: finetune
    from: {model: base, examples: reviews}
    with:
      goal: {sentiment: {too_long: keep_ends}}
      epochs: 2
      batch: 8
`

// faults has one fault a row: what is replaced by what, the words that the message must
// hold, and the words of its remedy.
var faults = []struct{ old, new, says, hint string }{
	// The file.
	{"seed: 7", "sede: 7", `sede`, `did you mean "seed"?`},
	{"seed: 7", "seed: many", "must be a whole number", ""},
	{"seed: 7", "seed: -1", "-1", ""},
	{"seed: 7", "seed: 7\nseed: 8", "seed", ""},
	{"max_failures: 0.02", "max_failures: 2", "between 0 and 1", "0.01"},
	{"max_failures: 0.02", "max_failure: 0.02", "max_failure", "max_failures"},
	{"stages:", "stagse:", "stagse", "stages"},
	{"seed: 7", "seed: [7", "", ""},
	{"seed: 7", "\tseed: 7", "tab", ""},
	{"seed: 7", "seed: 7\n---\nseed: 8", "document", ""},
	// Entries.
	{"name: unique, use: dedup", "nmae: unique, use: dedup", "nmae", "name"},
	{"name: unique,", "name: corpus,", "corpus", ""},
	{"name: unique,", "name: Corpus,", "case", ""},
	{"name: unique,", "name: uni/que,", "uni/que", "letters"},
	{"name: unique,", "", "no name", "name:"},
	{"use: dedup", "use: dedupe", "dedupe", `did you mean "dedup"?`},
	{"use: dedup, ", "", "use", ""},
	{"use: tokenizer", "use: tokeniser", "tokeniser", `did you mean "tokenizer"?`},
	{"with: {match: text}", "match: text", "match", "with"},
	{"with: {match: text}", "with: text", "text", ""},
	// From.
	{"from: [corpus]", "from: [corpse]", "corpse", `did you mean "corpus"?`},
	{"from: [corpus]", "from: [split]", "split", ""},
	{"from: [split, bpe]", "from: [split]", "", ""},
	{"from: [split, bpe]", "from: [split, unique]", "", ""},
	{"from: [split, bpe]", "from: [split, bpe, bpe]", "bpe", ""},
	{"from: {blocks: blocks}", "from: {block: blocks}", "block", "blocks"},
	{"from: {blocks: blocks}", "from: {blocks: bpe}", "bpe", ""},
	{"from: {model: base, examples: reviews}", "from: {model: reviews, examples: base}", "reviews", ""},
	{"from: {model: base, examples: reviews}", "from: {model: base}", "examples", ""},
	{"from: [corpus]", "from: corpus: x", "", ""},
	// Sources and steps.
	{`books: {path: "*.txt"`, `boks: {path: "*.txt"`, "boks", `did you mean "books"?`},
	{`path: "*.txt"`, `paht: "*.txt"`, "paht", `did you mean "path"?`},
	{`path: "*.txt"`, `path: "*.text"`, "*.text", ""},
	{`path: "*.txt", `, "", "path", ""},
	{"chapters: true", "chapters: maybe", "must be true or false", ""},
	{"- repair", "- repiar", "repiar", `did you mean "repair"?`},
	{"min_words: 2}", "min_word: 2}", "min_word", `did you mean "min_words"?`},
	{"min_words: 2}", "min_words: -2}", "min_words", ""},
	{"min_words: 2}", "min_words: two}", "must be a whole number", ""},
	{"min_words: 2}", "min_words: 2, min_words: 3}", "min_words", ""},
	{"- length: {min_words: 2}", "- length: {}", "length", ""},
	{"min_words: 10, max_words: 0", "min_words: 10, max_words: 5", "max_words", ""},
	{"match: text", "match: texts", "texts", `did you mean "text"?`},
	{"validation: 0.1, test: 0}", "validation: 1.1, test: 0}", "validation", ""},
	{"validation: 0.1, test: 0}", "validation: 0.6, test: 0.6}", "", ""},
	// Tokenizer and blocks.
	{"vocab_size: 512", "vocab_size: 12", "vocab_size", ""},
	{"vocab_size: 512", "vocab_sise: 512", "vocab_sise", `did you mean "vocab_size"?`},
	{"vocab_size: 512", "vocab_size: 5.5", "5.5", ""},
	{"pattern: gpt2", "pattern: '(['", "(", ""},
	{"context: 32", "context: 0", "context", ""},
	{"packing: cut", "packing: cutt", "cutt", `did you mean "cut"?`},
	// Training.
	{"gpt: {layers", "gtp: {layers", "gtp", `did you mean "gpt"?`},
	{"heads: 2}", "heads: 3}", "heads", ""},
	{"layers: 2", "layers: 0", "layers", ""},
	{"steps: 5", "steps: -5", "steps", ""},
	{"steps: 5", "steps: 5\n      minutes: 3", "minutes", ""},
	{"batch: 2\n", "batch: 0\n", "batch", ""},
	{"lr: 0.001", "lr: -1", "lr", ""},
	{"warmup: 0.1", "warmup: 3", "warmup", ""},
	{"lr: 0.001", "lr: 0.001\n      precision: fp8", "fp8", ""},
	// Fine-tuning.
	{"too_long: keep_ends", "too_long: keep", "keep", "keep_"},
	{"{too_long: keep_ends}", "{}", "too_long", ""},
	{"sentiment: {too_long", "sentimant: {too_long", "sentimant", `did you mean "sentiment"?`},
	{"epochs: 2", "epochs: 0", "epochs", ""},
	{"path: r.csv", "path: q.csv", "q.csv", ""},
	{"      text: review\n", "", "text", ""},
	{"labels: {neg: [1, 2], pos: [4, 5]}", "labels: {neg: [1, 2], pos: [2, 5]}", "2", ""},
	{"split: {validation: 0.1, test: 0.1}", "split: {validation: 0.9, test: 0.9}", "", ""},
}

func TestFaultsAreRefusedWithPlaceAndRemedy(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "A book of a few words.\n", "r.csv": "review,stars\nfine,5\npoor,1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(src string) error {
		cfg, err := pipeline.Parse("c.yaml", []byte(src), dir, stages, nil)
		if err == nil {
			err = cfg.CheckFiles()
		}
		return err
	}
	if err := check(sound); err != nil {
		t.Fatalf("the sound configuration is refused:\n%v", err)
	}
	if len(faults) < 60 {
		t.Errorf("%d faults, want 60", len(faults))
	}
	for _, f := range faults {
		t.Run(strings.NewReplacer("/", "|", "\n", " ").Replace(f.new), func(t *testing.T) {
			if strings.Count(sound, f.old) != 1 {
				t.Fatalf("%q stands %d times in the sound configuration", f.old, strings.Count(sound, f.old))
			}
			err := check(strings.Replace(sound, f.old, f.new, 1))
			var usage *fault.UsageError
			var config *fault.ConfigError
			if !errors.As(err, &usage) || !errors.As(err, &config) {
				t.Fatalf("got %v, want a usage error that tells faults", err)
			}
			first := config.Faults[0]
			if first.File != "c.yaml" || first.Line == 0 || first.Column == 0 {
				t.Errorf("no place: %+v", first)
			}
			all, hints := err.Error(), ""
			for _, f := range config.Faults {
				hints += f.Hint + "\n"
			}
			if !strings.Contains(all, fmt.Sprintf("c.yaml:%d:%d: ", first.Line, first.Column)) || !strings.Contains(all, "^") {
				t.Errorf("no place or caret in\n%s", all)
			}
			if !strings.Contains(all, f.says) {
				t.Errorf("%q is not said in\n%s", f.says, all)
			}
			if !strings.Contains(hints, f.hint) {
				t.Errorf("no remedy %q in\n%s", f.hint, all)
			}
			if strings.TrimSpace(hints) == "" && !strings.Contains(all, "must be") {
				t.Errorf("no remedy at all:\n%s", all)
			}
		})
	}
}
