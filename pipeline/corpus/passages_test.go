package corpus

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline/textstat"
)

func TestCutText(t *testing.T) {
	for _, c := range []struct {
		text  string
		words int
		want  []string
	}{
		{"", 3, []string{""}},
		{"one two", 3, []string{"one two"}},
		{"a b c\n\nd e f", 3, []string{"a b c", "d e f"}},
		{"a b\n\nc d\n\ne f g h", 3, []string{"a b\n\nc d", "e f g h"}},
		{"a b c d\n\ne", 4, []string{"a b c d\n\ne"}}, // a short rest stays with the one before
	} {
		if got := cutText(c.text, c.words); !slices.Equal(got, c.want) {
			t.Errorf("%q by %d: got %q, want %q", c.text, c.words, got, c.want)
		}
	}
}

func TestPassagesLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paragraphs := rapid.SliceOf(rapid.StringMatching(`[a-z]{1,4}( [a-z]{1,4}){0,9}`)).Draw(t, "paragraphs")
		words := rapid.IntRange(1, 30).Draw(t, "words")
		d := NewDocument("books", "a.txt", 0)
		d.Text = strings.Join(paragraphs, "\n\n")
		var texts []string
		ids := map[string]bool{}
		for i, p := range passages([]*Document{d}, words) {
			texts = append(texts, p.Text)
			ids[p.ID] = true
			if p.Offset != int64(i) {
				t.Fatalf("passage %d has offset %d", i, p.Offset)
			}
			if n := textstat.CountWords(p.Text); n < words/2 && len(paragraphs) > 0 && len(p.Text) < len(d.Text) {
				t.Fatalf("a passage of %d words, %d wanted", n, words)
			}
		}
		if got := strings.Join(texts, "\n\n"); got != d.Text {
			t.Fatalf("got %q, want %q", got, d.Text)
		}
		if len(ids) != len(texts) {
			t.Fatalf("%d passages have %d ids", len(texts), len(ids))
		}
	})
}
