package linear

import (
	"unicode"
	"unicode/utf8"
)

// Words splits a text as the n-grams of words see it: runs of letters, digits and
// apostrophes in lower case, and every other visible character by itself.
func Words(text string) []string {
	var out []string
	start := -1 // of the run under way
	lower := make([]rune, 0, 16)
	flush := func() {
		if start >= 0 {
			out = append(out, string(lower))
			lower, start = lower[:0], -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '\'' || r == '’':
			if start < 0 {
				start = i
			}
			lower = append(lower, unicode.ToLower(r))
		case unicode.IsSpace(r) || r == utf8.RuneError:
			flush()
		default:
			flush()
			out = append(out, string(r))
		}
	}
	flush()
	return out
}
