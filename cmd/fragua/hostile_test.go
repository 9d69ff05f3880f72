package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hostile are small inputs that once took gigabytes, minutes, or for ever. A file is
// either read or refused with a sentence, within 512 MB and ten seconds of CPU time.
var hostile = []struct {
	name, file, text string
	source           string // how ingest reads it
	stages           string // further stages
	says             string // what the refusal holds; "" where the file is read
}{
	{"elements that are opened anew in each paragraph", "a.html",
		"<html><body><p>" + numbered(10_000, "<b id=%d>") + strings.Repeat("<p>x", 10_000), "html: {path: a.html}", "", ""},
	{"elements nested deep", "a.html",
		strings.Repeat("<div>", 100_000) + "<p>The anvil stands in the middle of the forge.", "html: {path: a.html}", "", ""},
	{"a row of commas", "a.csv", "text,label\n" + strings.Repeat(",", 1_000_000), "csv: {path: a.csv, text: text}", "", "fields"},
	{"a quote that is never closed", "a.csv", "text\n\"" + strings.Repeat("x", 20_000_000), "csv: {path: a.csv, text: text}", "", "never closed"},
	{"objects nested deep", "a.jsonl", strings.Repeat(`{"text":`, 1_000_000), "jsonl: {path: a.jsonl}", "", "depth"},
	{"a string that is never closed", "a.jsonl", `{"text":"` + strings.Repeat("x", 20_000_000), "jsonl: {path: a.jsonl}", "", "a.jsonl"},
	{"XML entities that grow", "a.xml",
		"<!DOCTYPE TEI [<!ENTITY a \"" + strings.Repeat("x", 1000) + "\">\n" + entities(12) + "]><TEI xmlns=\"http://www.tei-c.org/ns/1.0\"><text><body><p>&e12;</p></body></text></TEI>",
		"books: {path: a.xml}", "", "a.xml"},
	{"a pattern that backtracks without end", "a.txt", strings.Repeat("a", 40) + "! The anvil and the forge.\n", "text: {path: a.txt}",
		"  - {name: bpe, use: tokenizer, from: [corpus], with: {vocab_size: 300, pattern: '(a+)+$'}}\n", "pattern"},
}

// numbered is n copies of a format, each with its number.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// entities are XML entities e1 … en, of which each holds the one before ten times.
func entities(n int) string {
	var b strings.Builder
	for i, last := 1, "&a;"; i <= n; i++ {
		fmt.Fprintf(&b, "<!ENTITY e%d \"%s\">\n", i, strings.Repeat(last, 10))
		last = fmt.Sprintf("&e%d;", i)
	}
	return b.String()
}

func TestHostile(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			dir := t.TempDir()
			config := "seed: 1\nstages:\n  - {name: corpus, use: ingest, with: {sources: [" + h.source + "], steps: [repair]}}\n" + h.stages
			for name, text := range map[string]string{h.file: h.text, "c.yaml": config} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := tell(t, dir, "run", "c.yaml", "--out", "out")
			got.mustBeCalm(t, h.name)
			if h.says == "" && got.code != 0 || h.says != "" && (got.code == 0 || !strings.Contains(got.errors, h.says)) {
				t.Errorf("exit code %d, want words %q\n%s", got.code, h.says, got.errors)
			}
			if got.time > 10*time.Second {
				t.Errorf("%v of CPU time", got.time)
			}
			t.Logf("%d MB, %v", got.memory>>20, got.time)
		})
	}
}
