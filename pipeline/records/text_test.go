package records

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func textPieces(t testing.TB, f File, max, size int64) (offsets []int64, texts []string) {
	t.Helper()
	x := Text{Max: max}
	ranges, err := x.Divide(context.Background(), f, size)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges {
		for p, err := range x.Read(context.Background(), f, r, func(b, _ []byte) (string, string, error) { return string(b), "", nil }) {
			if err != nil {
				t.Fatal(err)
			}
			offsets, texts = append(offsets, p.Offset), append(texts, p.Text)
		}
	}
	return offsets, texts
}

// TestTextPieces: a long text is cut between paragraphs, or else lines, words,
// characters; the pieces are the text, and the same however the file is divided
// and packed.
func TestTextPieces(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                 {""},
		"short":                            {"short"},
		"one one\n\ntwo two\n\nthree":      {"one one\n\n", "two two\n\n", "three"},
		"one one\ntwo two\nthree\n":        {"one one\n", "two two\n", "three\n"},
		"one two three four five":          {"one two three", " four five"},
		"ñññññññññññ":                      {"ñññññ", "ñññññ", "ñ"},
		"a\r\n\r\nbbbbbbbbbbb\r\n \r\nccc": {"a\r\n\r\nbbbbbbbbbbb\r\n \r\n", "ccc"},
	} {
		_, got := textPieces(t, rawFile(t, "a.txt", text), 8, 1<<40)
		if strings.Join(got, "") != text || len(got) < len(want) && len(text) > 20 {
			t.Errorf("%q: %q, want something like %q", text, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"word", " ", "\n", "\n\n", "ñ", "\r\n", "longer words without a space"})).Draw(rt, "text"), "")
		max := rapid.Int64Range(8, 60).Draw(rt, "max")
		offsets, want := textPieces(t, rawFile(t, "a.txt", text), max, 1<<40)
		if strings.Join(want, "") != text {
			rt.Fatalf("pieces %q are not %q", want, text)
		}
		size := rapid.Int64Range(1, 200).Draw(rt, "size")
		again, got := textPieces(t, rawFile(t, "a.txt", text), max, size)
		if diff := cmp.Diff(want, got); diff != "" || cmp.Diff(offsets, again) != "" {
			rt.Fatalf("ranges of %d: %s", size, diff)
		}
		if _, got := textPieces(t, rawFile(t, "a.txt.gz", gz(t, text)), max, size); cmp.Diff(want, got) != "" {
			rt.Fatalf("packed: %s", cmp.Diff(want, got))
		}
	})
}
