package tokenize

import (
	"strings"
	"testing"
	"time"
)

// Ten times the text takes some ten times as long, never a hundred times,
// whatever it is; each part is one that some step could look at again and again.
func TestWorstCasesAreLinearithmic(t *testing.T) {
	parts := map[string]string{
		"one word": "a", "capitals": "A", "camel case": "aB", "no case, capital": "中A",
		"spaces": " ", "line ends": "\n", "line ends and spaces": "\n ", "no-break spaces": "\u00a0",
		"numbers": "1", "wide numbers": "½", "punctuation": "!", "slashes": "/\n", "suffixes": "'s", "apostrophes": "'",
		"marks": "\u0301", "joined emoji": "👩\u200d🏭", "invalid": "\xff", "prose without line ends": "the forge glows, ",
	}
	toks := perPattern(t)
	for name, part := range parts {
		for _, tok := range toks {
			took := func(size int) time.Duration {
				text := strings.Repeat(part, size/len(part))
				began := time.Now()
				tok.fast.fast(nil, &state{cache: newWordCache()}, asBytes(text))
				return time.Since(began)
			}
			// A busy machine disturbs one measurement, but not ten.
			for tries := 1; ; tries++ {
				short, long := took(20_000), took(200_000)
				if long < 40*short {
					break
				}
				if tries == 10 {
					t.Errorf("%s, %s: %v for 20 KB, %v for 200 KB", tok.Pattern().Name, name, short, long)
					break
				}
			}
		}
	}
}
