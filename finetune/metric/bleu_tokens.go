package metric

import (
	"strings"
	"unicode"
)

// tokens splits a sentence into the words that BLEU counts.
func (b BLEU) tokens(s string) []string {
	s = strings.TrimRightFunc(s, isSpace)
	switch b.tokenizer() {
	case "13a":
		s = tokenize13a(s)
	case "intl":
		s = tokenizeIntl(s)
	}
	return strings.FieldsFunc(s, isSpace)
}

// isSpace is white space as Python's str.split knows it: Unicode's, and the
// four ASCII separators.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// tokenize13a sets spaces as mteval-v13a.pl does. All its classes are ASCII,
// so bytes will do: every byte of a longer character counts as "no digit".
func tokenize13a(s string) string {
	// One after another, as the original does: what an earlier replacement
	// uncovers, a later one sees (&amp;lt; becomes <).
	s = strings.ReplaceAll(s, "<skipped>", "")
	s = strings.ReplaceAll(s, "-\n", "")
	s = strings.ReplaceAll(s, "\n", " ")
	if strings.Contains(s, "&") {
		s = strings.ReplaceAll(s, "&quot;", `"`)
		s = strings.ReplaceAll(s, "&amp;", "&")
		s = strings.ReplaceAll(s, "&lt;", "<")
		s = strings.ReplaceAll(s, "&gt;", ">")
	}
	s = " " + s + " "

	var b strings.Builder
	for i := range len(s) { // symbols and punctuation but . , - '
		if c := s[i]; isSymbol13a(c) {
			b.Write([]byte{' ', c, ' '})
		} else {
			b.WriteByte(c)
		}
	}
	s = pairs(b.String(), func(x, y byte) string { // . and , unless after a digit
		if !isDigit(x) && isStop(y) {
			return string([]byte{x, ' ', y, ' '})
		}
		return ""
	})
	s = pairs(s, func(x, y byte) string { // . and , unless before a digit
		if isStop(x) && !isDigit(y) {
			return string([]byte{' ', x, ' ', y})
		}
		return ""
	})
	return pairs(s, func(x, y byte) string { // a dash after a digit
		if isDigit(x) && y == '-' {
			return string([]byte{x, ' ', y, ' '})
		}
		return ""
	})
}

// pairs replaces two neighbouring bytes by what rule makes of them, from left
// to right and without overlap; "" leaves the first as it is.
func pairs(s string, rule func(x, y byte) string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+1 < len(s) {
			if with := rule(s[i], s[i+1]); with != "" {
				b.WriteString(with)
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isStop(c byte) bool  { return c == '.' || c == ',' }

func isSymbol13a(c byte) bool {
	return '{' <= c && c <= '~' || '[' <= c && c <= '`' || ' ' <= c && c <= '&' ||
		'(' <= c && c <= '+' || ':' <= c && c <= '@' || c == '/'
}

// tokenizeIntl sets spaces as mteval-v14.pl does: around punctuation unless it
// stands between digits, and around every symbol.
func tokenizeIntl(s string) string {
	digit := func(r rune) bool { return unicode.Is(unicode.N, r) }
	s = runePairs(s, func(x, y rune) []rune {
		if !digit(x) && unicode.Is(unicode.P, y) {
			return []rune{x, ' ', y, ' '}
		}
		return nil
	})
	s = runePairs(s, func(x, y rune) []rune {
		if unicode.Is(unicode.P, x) && !digit(y) {
			return []rune{' ', x, ' ', y}
		}
		return nil
	})
	var b strings.Builder
	for _, r := range s {
		if unicode.Is(unicode.S, r) {
			b.WriteString(" " + string(r) + " ")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// runePairs is pairs for characters.
func runePairs(s string, rule func(x, y rune) []rune) string {
	in := []rune(s)
	var b strings.Builder
	for i := 0; i < len(in); i++ {
		if i+1 < len(in) {
			if with := rule(in[i], in[i+1]); with != nil {
				b.WriteString(string(with))
				i++
				continue
			}
		}
		b.WriteRune(in[i])
	}
	return b.String()
}
