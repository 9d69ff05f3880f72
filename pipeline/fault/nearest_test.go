package fault

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	known := []string{"min_words", "max_words", "steps", "seed"}
	for name, want := range map[string]string{
		"min_word": "min_words", "minwords": "min_words", "Min-Words": "min_words", "mni_words": "min_words",
		"step": "steps", "sedd": "seed", "x": "", "colour": "", "": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := []rune(rapid.StringN(0, 12, -1).Draw(t, "a"))
		b := []rune(rapid.StringN(0, 12, -1).Draw(t, "b"))
		d := editDistance(a, b)
		if d != editDistance(b, a) || (d == 0) != slices.Equal(a, b) || d > max(len(a), len(b)) {
			t.Errorf("distance of %q and %q: %d", string(a), string(b), d)
		}
	})
}
