package corpus

import (
	"fmt"
	"strings"
	"testing"

	"fragua/pipeline"
)

// TestReview: what a run should be asked about is said, and nothing else.
func TestReview(t *testing.T) {
	var long, short, mixed strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&long, `{"text":"The houses of the town number %d were built with stone."}`+"\n", i)
		if i < 100 {
			short.WriteString(`{"text":"Short."}` + "\n")
			mixed.WriteString(`{"text":"Short."}` + "\n" + `{"text":"The houses of the town were built with stone and with wood."}` + "\n")
		}
	}
	dir := write(t, map[string]string{"long.jsonl": long.String(), "short.jsonl": short.String(), "mixed.jsonl": mixed.String()})
	r := run(t, dir, `
stages:
  - name: r
    use: ingest
    with:
      sources: [{jsonl: {path: long.jsonl, name: long}}, {jsonl: {path: short.jsonl, name: short}}, {jsonl: {path: mixed.jsonl, name: mixed}}]
      steps: [length: {min_words: 5, max_words: 1000}]
  - {name: f, use: filter, from: [r], with: {steps: [length: {max_words: 11}]}}
`, pipeline.Options{})
	want := [][]string{
		{"never fired: length.max_words", "length.min_words alone drops 13 % of the documents; read some in rejects/", "of source short 100 documents of 100 are dropped"},
		{"of source mixed 100 documents of 100 are dropped"},
	}
	for i, stage := range r.Stages {
		if got := strings.Join(stage.Notes, "\n"); got != strings.Join(want[i], "\n") {
			t.Errorf("%s: %s\nwant\n%s", stage.Name, got, strings.Join(want[i], "\n"))
		}
	}
	m := NewMix()
	if notes := m.Review(pipeline.Counts{Sums: map[string]int64{"leaks": 3}}); len(notes) != 1 || !strings.Contains(notes[0], "3 training documents") {
		t.Error(notes)
	}
}
