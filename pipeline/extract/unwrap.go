package extract

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unwrap joins the lines of a text that was wrapped at a fixed width into
// paragraphs. A line break is the typesetter's if the next word had no room on
// the line; a block most of whose breaks are his is prose. Verse, tables,
// addresses and indented blocks are left as they are, apart from the indent that
// all their lines share.
func Unwrap(text string) string {
	blocks := Blocks(text)
	width := wrapWidth(blocks)
	for i, b := range blocks {
		blocks[i] = unwrapBlock(b, width)
	}
	return strings.Join(blocks, "\n\n")
}

// Widths of wrapped text, in characters. What is wider is one line per paragraph.
const minWrap, maxWrap, wrapSlack = 40, 100, 12

// wrapWidth returns the width that the text was wrapped at, or 0: the 95th
// percentile of the lines that are followed by another one in their block.
func wrapWidth(blocks []string) int {
	var widths []int
	for _, b := range blocks {
		lines := strings.Split(b, "\n")
		for _, line := range lines[:len(lines)-1] {
			widths = append(widths, utf8.RuneCountInString(line))
		}
	}
	if len(widths) < 3 {
		return 0
	}
	slices.Sort(widths)
	w := widths[len(widths)*95/100]
	if w < minWrap || w > maxWrap {
		return 0
	}
	return w
}

func unwrapBlock(block string, width int) string {
	lines := strings.Split(block, "\n")
	if len(lines) == 1 {
		return strings.TrimSpace(block)
	}
	if width > 0 && wrapped(lines, width) {
		return joinLines(lines)
	}
	if width == 0 {
		lines = mendBreaks(lines)
	}
	return strings.Join(dedent(lines), "\n")
}

// wrapped reports whether most breaks of a block are the typesetter's.
func wrapped(lines []string, width int) bool {
	indented, forced := 0, 0
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t") {
			indented++
		}
		if i+1 < len(lines) && breakForced(line, lines[i+1], width) {
			forced++
		}
	}
	return indented*2 <= len(lines) && forced*5 >= (len(lines)-1)*3
}

// breakForced reports whether the first word of next had no room on line.
func breakForced(line, next string, width int) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(next), " ")
	return utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width-wrapSlack
}

// joinLines makes one line. A line that ends in a dash or a hyphen takes the
// next one without a space: "well-" + "known", "so--" + "and then".
func joinLines(lines []string) string {
	var s strings.Builder
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if i > 0 {
			if prev := s.String(); !endsInDash(prev) {
				s.WriteByte(' ')
			}
		}
		s.WriteString(line)
	}
	return s.String()
}

func endsInDash(s string) bool {
	if strings.HasSuffix(s, "—") {
		return true
	}
	if !strings.HasSuffix(s, "-") {
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(s, "-"))
	return unicode.IsLetter(r) || unicode.IsPunct(r)
}

// mendBreaks joins lines that were broken in mid-sentence in a text that is not
// wrapped: the next one goes on in lower case after no end of a sentence.
func mendBreaks(lines []string) []string {
	out := lines[:1:1]
	for _, next := range lines[1:] {
		last := &out[len(out)-1]
		first, _ := utf8.DecodeRuneInString(strings.TrimSpace(next))
		end, _ := utf8.DecodeLastRuneInString(*last)
		if unicode.IsLower(first) && (unicode.IsLetter(end) || end == ',') && utf8.RuneCountInString(*last) > maxWrap {
			*last += " " + strings.TrimSpace(next)
		} else {
			out = append(out, next)
		}
	}
	return out
}

// dedent removes the indent that all lines share.
func dedent(lines []string) []string {
	shared := -1
	for _, line := range lines {
		n := len(line) - len(strings.TrimLeft(line, " \t"))
		if shared < 0 || n < shared {
			shared = n
		}
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = line[shared:]
	}
	return out
}
