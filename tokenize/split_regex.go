package tokenize

import (
	"strings"
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

// A span is a part of a text, in bytes; matched tells the pattern's own matches
// from what lies between them.
type span struct {
	start, end int
	matched    bool
}

// splitRegex cuts a text into matches and what lies between them. Bytes that are
// not UTF-8 are characters of their own, of no class.
func splitRegex(re *regexp2.Regexp, text string) []span {
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
	m, err := re.FindRunesMatch(runes)
	for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
		if m.Length == 0 {
			continue
		}
		start := pass(m.Index)
		end := pass(m.Index + m.Length)
		if start > last {
			out = append(out, span{last, start, false})
		}
		out = append(out, span{start, end, true})
		last = end
	}
	if last < len(text) {
		out = append(out, span{last, len(text), false})
	}
	return out
}

// compileRegex translates what Oniguruma (Ruby syntax) and .NET write
// differently: possessive `x?+ x*+ x++` become atomic groups, `x{m,n}+` repeats
// the repetition, and ^ and $ stand at every line.
func compileRegex(expr string) (*regexp2.Regexp, error) {
	return regexp2.Compile(possessive(expr), regexp2.Multiline)
}

// possessive rewrites possessive quantifiers. It reads the expression once,
// remembering where the atom before each quantifier began.
func possessive(expr string) string {
	var out []byte
	var groups []int // where open groups began in out
	atom := -1       // where the last atom began in out; -1: none
	for i := 0; i < len(expr); {
		switch c := expr[i]; c {
		case '\\':
			n := 2
			if i+2 < len(expr) && (expr[i+1] == 'p' || expr[i+1] == 'P') && expr[i+2] == '{' {
				if k := strings.IndexByte(expr[i:], '}'); k > 0 {
					n = k + 1
				}
			}
			n = min(n, len(expr)-i)
			atom = len(out)
			out = append(out, expr[i:i+n]...)
			i += n
		case '[':
			n := classEnd(expr, i)
			atom = len(out)
			out = append(out, expr[i:n]...)
			i = n
		case '(':
			groups = append(groups, len(out))
			out = append(out, c)
			atom = -1
			i++
		case ')':
			if len(groups) > 0 {
				atom = groups[len(groups)-1]
				groups = groups[:len(groups)-1]
			}
			out = append(out, c)
			i++
		case '?', '*', '+', '{':
			n := 1
			if c == '{' {
				if k := strings.IndexByte(expr[i:], '}'); k > 0 {
					n = k + 1
				}
			}
			out = append(out, expr[i:i+n]...)
			i += n
			if i < len(expr) && expr[i] == '+' && atom >= 0 {
				open, shut := "(?>", ")"
				if c == '{' {
					open, shut = "(?:", ")+"
				}
				out = append(out[:atom], open+string(out[atom:])+shut...)
				i++
			} else if i < len(expr) && expr[i] == '?' {
				out = append(out, '?')
				i++
			}
		case '|':
			out = append(out, c)
			atom = -1
			i++
		default:
			_, w := utf8.DecodeRuneInString(expr[i:])
			atom = len(out)
			out = append(out, expr[i:i+w]...)
			i += w
		}
	}
	return string(out)
}

// classEnd returns the end of the bracket expression at i; brackets nest in
// Oniguruma.
func classEnd(expr string, i int) int {
	depth := 0
	for ; i < len(expr); i++ {
		switch expr[i] {
		case '\\':
			i++
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(expr)
}
