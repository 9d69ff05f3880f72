package fault

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Printable makes a text harmless for a terminal. What would steer it is shown
// instead of obeyed: control characters of ASCII as their pictures (U+2400 and
// on), C1 and bidirectional controls as \u009b, bytes that are not UTF-8 as \xff.
// Line feeds and tabs stay.
func Printable(s string) string {
	clean := true
	for i, r := range s {
		if steers(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r < ' ' && steers(r):
			b.WriteRune('\u2400' + r)
		case r == 0x7f:
			b.WriteRune('\u2421')
		case steers(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// steers says whether a terminal may obey a character instead of showing it: C0,
// DEL and C1 controls (ECMA-48), line and paragraph separators, and the
// bidirectional controls of Unicode (UAX #9, section 2).
func steers(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < ' ' || r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}
