package extract

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unwrap joins the lines of a text that was wrapped at a fixed width into
// paragraphs, and the words that were broken at line ends. A line break is the
// typesetter's if the next word had no room on the line; a block most of whose breaks
// are his is prose. Verse, tables, addresses and indented blocks are left as they are,
// apart from the indent that all their lines share.
func Unwrap(text string) string {
	blocks := Blocks(text)
	p := newPage(blocks)
	words := newHyphens(blocks)
	for i, b := range blocks {
		blocks[i] = p.unwrap(b, words)
	}
	return strings.Join(blocks, "\n\n")
}

// Widths of wrapped text, in characters. What is wider is one line per paragraph.
const minWrap, maxWrap, wrapSlack = 40, 100, 12

// A page is how a text was set.
type page struct {
	width  int     // at which it was wrapped, or 0
	forced float64 // share of the breaks in blocks of four lines or more that are the typesetter's
}

// newPage measures a text. The width is the 95th percentile of the lines that are
// followed by another one in their block.
func newPage(blocks []string) (p page) {
	var widths []int
	breaks, forced := 0, 0
	for _, b := range blocks {
		lines := strings.Split(b, "\n")
		for _, line := range lines[:len(lines)-1] {
			widths = append(widths, utf8.RuneCountInString(line))
		}
		if len(lines) >= 4 {
			f := forcedBreaks(dedent(lines))
			breaks, forced = breaks+len(lines)-1, forced+f
		}
	}
	if len(widths) < 3 {
		return page{}
	}
	p.forced = float64(forced) / float64(max(1, breaks))
	slices.Sort(widths)
	p.width = widths[len(widths)*95/100]
	least := minWrap
	if p.forced >= .85 && breaks >= 20 { // a narrow column
		least = minWrap / 2
	}
	if p.width < least || p.width > maxWrap {
		p.width = 0
	}
	return p
}

// forcedBreaks counts the breaks of a block where the next word does not fit into its
// longest line. In prose that is nearly every one, in verse one of three.
func forcedBreaks(lines []string) (n int) {
	longest := 0
	for _, line := range lines {
		longest = max(longest, utf8.RuneCountInString(line))
	}
	for i, line := range lines[:len(lines)-1] {
		n += toInt(breakForced(line, lines[i+1], longest))
	}
	return n
}

// breakForced reports whether the first word of next has no room on line.
func breakForced(line, next string, width int) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(next), " ")
	return utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width
}

func (p page) unwrap(block string, words *hyphens) string {
	lines := strings.Split(block, "\n")
	if len(lines) == 1 {
		return strings.TrimSpace(block)
	}
	lines = dedent(lines)
	if p.width > 0 && p.isProse(lines) {
		return words.join(lines)
	}
	if p.width == 0 {
		lines = joinBroken(lines)
	}
	return strings.Join(lines, "\n")
}

// isProse reports whether most breaks of a block are the typesetter's.
func (p page) isProse(lines []string) bool {
	indented, tabular, near := 0, 0, 0
	for i, line := range lines {
		body := strings.TrimLeft(line, " \t")
		indented += toInt(len(line)-len(body) >= 2 || strings.HasPrefix(line, "\t"))
		tabular += toInt(strings.Contains(body, "    "))
		if i+1 < len(lines) {
			near += toInt(breakForced(line, lines[i+1], p.width-wrapSlack))
		}
	}
	breaks := len(lines) - 1
	if indented*2 > len(lines) || tabular*2 > len(lines) || near*5 < breaks*3 {
		return false
	}
	capitals := capitalsInside(lines)
	forced := float64(forcedBreaks(lines)) / float64(breaks)
	switch {
	case breaks <= 2: // too few to tell: as the rest of the text, unless lines begin as verse does and have room
		return p.forced >= .6 && (capitals < breaks || p.forced >= .8 && near == breaks && forced == 1 && !endsLikeVerse(lines))
	case float64(capitals) >= .6*float64(breaks):
		return forced >= .95 && p.forced >= .8
	case p.forced >= .8:
		return forced >= .5
	case p.forced < .55: // a book of verse
		return breaks >= 5 && forced >= .9
	}
	return forced >= .7
}

// capitalsInside counts the lines that begin with a capital though the sentence goes on.
func capitalsInside(lines []string) (n int) {
	for i, line := range lines[1:] {
		first := firstLetter(strings.TrimLeft(line, " \t\"'“‘«¡¿—-(_*"))
		last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(lines[i], " \"'”’»)_*"))
		n += toInt(unicode.IsUpper(first) && !strings.ContainsRune(".!?:…", last))
	}
	return n
}

// endsLikeVerse reports whether a line ends in a comma or the like: the end of a verse.
func endsLikeVerse(lines []string) bool {
	last, _ := utf8.DecodeLastRuneInString(lines[0])
	return strings.ContainsRune(",;:", last) && unicode.IsUpper(firstLetter(lines[1]))
}

// joinBroken joins lines that were broken in mid-sentence in a text that is not
// wrapped: the next one goes on in lower case after no end of a sentence.
func joinBroken(lines []string) []string {
	out := lines[:1:1]
	for _, next := range lines[1:] {
		last := &out[len(out)-1]
		first := firstLetter(strings.TrimSpace(next))
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
