package embed

import (
	"iter"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/words"
)

// Words yields the words of a text in lower case: what UAX #29 takes for a word, if a letter is in
// it, without the underscores that mark italics in plain text and without the English 's of
// possession.
func Words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		segments := words.FromString(strings.ToLower(text))
		for segments.Next() {
			w := strings.Trim(segments.Value(), "_")
			w = strings.TrimSuffix(strings.TrimSuffix(w, "'s"), "’s")
			if strings.IndexFunc(w, unicode.IsLetter) >= 0 && !yield(w) {
				return
			}
		}
	}
}
