package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/configs"
	"fragua/pipeline"
)

// TestRecipes: every recipe opens with its command, what it needs and how long it takes,
// and is without a fault where what it needs is there.
func TestRecipes(t *testing.T) {
	if want := []string{"backtranslation", "books", "budget", "common-crawl", "distill", "domain", "epub", "fineweb", "fineweb2-es", "gutenberg", "ladder", "quickstart", "sentiment", "translation", "ulmfit", "web"}; !slices.Equal(recipeNames(), want) {
		t.Errorf("recipes are %v, want %v", recipeNames(), want)
	}
	dir := t.TempDir()
	if _, err := layInput(dir); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "runs", "books", "base")
	for name, text := range map[string]string{
		"books/a.txt":       "A book.",
		"books/a.epub":      "An e-book.",
		"crawl/a.warc.gz":   "An archive.",
		"pages/a.html":      "<p>A page.",
		"documents/a.jsonl": `{"text": "a document"}`,
		"reviews.csv":       "review,stars\nfine,5\n",
		"pairs.tsv":         "english\tspanish\nyes\tsí\n",
		"domain.tsv":        "english\tspanish\nopen\tabrir\n",
		"spanish/a.txt":     "Un texto.",
		"runs/translation/translator/" + pipeline.ManifestName: `{"stage": "translator", "use": "finetune", "kind": "model", "version": 1, "key": "0", "inputs": {}, "shards": [], "counts": {}}`,
		"runs/translation/pairs/" + pipeline.ManifestName:      `{"stage": "pairs", "use": "label", "kind": "examples", "version": 1, "key": "1", "inputs": {}, "shards": [], "counts": {}}`,
		"runs/translation/bpe/" + pipeline.ManifestName:        `{"stage": "bpe", "use": "tokenizer", "kind": "tokenizer", "version": 1, "key": "2", "inputs": {}, "shards": [], "counts": {}}`,
		"runs/books/base/" + pipeline.ManifestName:             `{"stage": "base", "use": "pretrain", "kind": "model", "version": 1, "key": "0", "inputs": {}, "shards": [], "counts": {}}`,
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(base); err != nil {
		t.Fatal(err)
	}
	for _, name := range recipeNames() {
		t.Run(name, func(t *testing.T) {
			src, err := fs.ReadFile(configs.Recipes(), name+".yaml")
			if err != nil {
				t.Fatal(err)
			}
			head, _, _ := strings.Cut(string(src), "\nstages:")
			for _, want := range []string{"#   fragua run " + name, "# needs ", "# takes ", "description: ", "# yaml-language-server: $schema=fragua.schema.json"} {
				if !strings.Contains(head, want) {
					t.Errorf("the recipe's head lacks %q", want)
				}
			}
			cfg, err := pipeline.Parse(name+".yaml", src, dir, stages, nil)
			if err == nil {
				err = cfg.CheckFiles()
			}
			if err != nil {
				t.Fatal(err)
			}
			// What is in force reads back as the same configuration.
			again, err := pipeline.Parse(name+".yaml", cfg.ResolvedYAML(), dir, stages, nil)
			if err != nil {
				t.Fatalf("resolved: %v", err)
			}
			if got, want := string(again.ResolvedYAML()), string(cfg.ResolvedYAML()); got != want {
				t.Errorf("resolved settings read back differ:\n%s\nwant\n%s", got, want)
			}
		})
	}
}
