package extract

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Repair returns text in good order: mojibake undone, NFC, the line ends of
// Unix, no control or invisible characters, plain spaces, none at a line's end,
// at most one blank line in a row, none at either end. Quotes, dashes and other
// typography stay as they are; so do the joiners that Indic scripts, Persian and
// emoji need. Repairing twice is repairing once.
func Repair(text string) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	for {
		// One pass can bring forth what another must repair: an invisible character
		// that stood between the two halves of "Ã©", say. No pass makes the text
		// longer once it is NFC, so this ends.
		next := Whitespace(norm.NFC.String(Invisible(Mojibake(text))))
		if next == text {
			return text
		}
		text = next
	}
}

// Invisible removes control characters, soft hyphens, zero-width spaces and
// direction marks, and makes plain spaces of the others, and plain line ends.
func Invisible(text string) string {
	clean := true
	for i := 0; i < len(text); i++ {
		if c := text[i]; c >= 0x7f || c < 0x20 && c != '\n' {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	return strings.Map(visible, Lines(text))
}

// visible maps a character to what should stand in its place; -1: nothing.
func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return -1
	case r < 0x7f:
		return r
	case r == 0xa0, r >= 0x2000 && r <= 0x200a, r == 0x202f, r == 0x205f:
		return ' '
	case r == 0xad, r == 0x200b, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e,
		r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffc, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return -1
	}
	return r
}

// Whitespace removes spaces at line ends and surplus blank lines.
func Whitespace(text string) string {
	if !strings.Contains(text, " \n") && !strings.Contains(text, "\t\n") && !strings.Contains(text, "\n\n\n") {
		return trimBlank(text)
	}
	var s strings.Builder
	s.Grow(len(text))
	blank := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\n")
		if line == "" {
			blank++
			continue
		}
		if s.Len() > 0 {
			s.WriteByte('\n')
			if blank > 0 {
				s.WriteByte('\n')
			}
		}
		s.WriteString(line)
		blank = 0
	}
	return trimBlank(s.String())
}

// trimBlank removes blank lines before and after text, and the last line's
// trailing spaces; the first line keeps its indent.
func trimBlank(text string) string {
	text = strings.TrimRight(text, " \t\n")
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok || strings.TrimLeft(line, " \t") != "" {
			return text
		}
		text = rest
	}
}

// Tidy is Repair without undoing mojibake.
func Tidy(text string) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	for {
		next := Whitespace(norm.NFC.String(Invisible(text)))
		if next == text {
			return text
		}
		text = next
	}
}
