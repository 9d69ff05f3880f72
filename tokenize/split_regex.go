package tokenize

import (
	"slices"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// regexPattern makes a pattern of any regular expression in Oniguruma's syntax.
// What it leaves unmatched becomes pieces too, as Split with behavior Isolated
// does. It is safe for concurrent use.
func regexPattern(expr string) (*Pattern, error) {
	re, err := compileRegex(expr)
	if err != nil {
		return nil, err
	}
	return &Pattern{Name: expr, Regex: expr, re: re}, nil
}

// A span is a part of a text, in bytes; matched tells the pattern's own matches,
// which may be empty, from what lies between them.
type span struct {
	start, end int
	matched    bool
}

// splitRegex cuts a text into matches and what lies between them.
func splitRegex(re *regexp2.Regexp, text string) []span {
	return slices.DeleteFunc(regexSpans(re, text), func(s span) bool { return s.start == s.end })
}

// regexSpans is splitRegex with the empty matches, at which a text is cut as
// well. Bytes that are not UTF-8 are characters of their own, of no class.
func regexSpans(re *regexp2.Regexp, text string) []span {
	runes := make([]rune, 0, len(text))
	for i := 0; i < len(text); {
		r, w := utf8.DecodeRuneInString(text[i:])
		runes = append(runes, r)
		i += w
	}
	var out []span
	at, bytes := 0, 0 // runes and bytes passed
	pass := func(to int) int {
		for ; at < to; at++ {
			_, w := utf8.DecodeRuneInString(text[bytes:])
			bytes += w
		}
		return bytes
	}
	last := 0
	watch := newStopwatch(re.String(), text)
	m, err := re.FindRunesMatch(runes)
	for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
		watch.check(nil)
		start := pass(m.Index)
		end := pass(m.Index + m.Length)
		if start > last {
			out = append(out, span{last, start, false})
		}
		out = append(out, span{start, end, true})
		last = end
	}
	watch.check(err)
	if last < len(text) {
		out = append(out, span{last, len(text), false})
	}
	return out
}

// compileRegex compiles an expression in Oniguruma's syntax, where ^ and $ match at
// every line.
func compileRegex(expr string) (*regexp2.Regexp, error) {
	expr, err := fromOniguruma(expr)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(expr, regexp2.Multiline)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = matchTimeout
	return re, nil
}
