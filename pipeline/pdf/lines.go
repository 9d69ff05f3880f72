package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A page is its lines, in the order in which the file writes them. Lengths are in points,
// of 1/72 inch, from the lower left corner.
type page struct {
	height float64
	lines  []line
}

// A line of text.
type line struct {
	left, right float64
	y           float64 // of the base line
	size        float64 // of its first letter
	edge        float64 // where the column ends on the right
	text        string
}

func abs(x float64) float64 { return math.Abs(x) }

// dropFurniture removes running heads and page numbers: lines in the uppermost or the
// lowest eighth of a page which, numbers apart, stand at the same height on three pages
// or more and on a twentieth of all, and numbers alone.
func dropFurniture(pages []page) {
	type place struct {
		text string
		y    int // in units of 4 points
	}
	count := map[place]int{}
	placeOf := func(p *page, l *line) (place, bool) {
		if l.y < p.height*7/8 && l.y > p.height/8 {
			return place{}, false
		}
		return place{strings.ToLower(number.ReplaceAllString(l.text, "#")), int(l.y / 4)}, true
	}
	for i := range pages {
		for k := range pages[i].lines {
			if at, ok := placeOf(&pages[i], &pages[i].lines[k]); ok {
				count[at]++
			}
		}
	}
	for i := range pages {
		p := &pages[i]
		p.lines = slices.DeleteFunc(p.lines, func(l line) bool {
			at, ok := placeOf(p, &l)
			if !ok {
				return false
			}
			n := count[at] + count[place{at.text, at.y - 1}] + count[place{at.text, at.y + 1}]
			return n >= max(3, len(pages)/20) || len(pages) > 1 && at.text != "" && strings.Trim(at.text, " -–—.#[]()|/") == ""
		})
	}
}

// number is a page number, also in Roman numerals, or one out of many.
var number = regexp.MustCompile(`\d+|\b[ivxlcIVXLC]+\b`)

// A block is a run of lines without a wider gap.
type block struct {
	lines  []line
	broken bool // its last line is the last of a page or of a column
}

// paragraphs joins the lines of pages.
func paragraphs(pages []page) string {
	blocks := cutBlocks(pages)
	var out []string
	for i := 0; i < len(blocks); i++ {
		b := blocks[i]
		for b.broken && i+1 < len(blocks) && goesOn(b.lines[len(b.lines)-1].text, blocks[i+1].lines[0].text) {
			i++
			b = block{append(slices.Clip(b.lines), blocks[i].lines...), blocks[i].broken}
		}
		out = append(out, b.paragraphs()...)
	}
	return strings.Join(out, "\n\n")
}

// goesOn reports whether the second line continues a sentence of the first.
func goesOn(first, second string) bool {
	end, _ := utf8.DecodeLastRuneInString(first)
	begin, _ := utf8.DecodeRuneInString(second)
	return (unicode.IsLetter(end) || strings.ContainsRune(",-\u00ad;", end)) && unicode.IsLower(begin)
}

func cutBlocks(pages []page) (blocks []block) {
	for _, p := range pages {
		findEdges(p.lines)
		pitch := pitchOf(p.lines)
		for i, l := range p.lines {
			if i == 0 {
				blocks = append(blocks, block{lines: []line{l}})
				continue
			}
			before := p.lines[i-1]
			gap := before.y - l.y
			switch b := &blocks[len(blocks)-1]; {
			case gap < -l.size/2: // upwards: the next column
				b.broken = true
				blocks = append(blocks, block{lines: []line{l}})
			case gap > 1.35*max(pitch, l.size), l.size > 1.15*before.size, before.size > 1.15*l.size && before.size > 0:
				blocks = append(blocks, block{lines: []line{l}})
			default:
				b.lines = append(b.lines, l)
			}
		}
		if len(p.lines) > 0 {
			blocks[len(blocks)-1].broken = true
		}
	}
	return blocks
}

// pitchOf is the usual distance between lines.
func pitchOf(lines []line) float64 {
	var gaps []float64
	for i := 1; i < len(lines); i++ {
		if gap := lines[i-1].y - lines[i].y; gap > lines[i].size*.8 && gap < lines[i].size*3 {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// paragraphs of a block: of prose one or more, each a line; verse, lists and tables keep
// their lines.
func (b *block) paragraphs() []string {
	full := make([]bool, len(b.lines)) // the next word had no room
	count := 0
	for i := range full[:len(full)-1] {
		full[i] = b.full(i)
		if full[i] {
			count++
		}
	}
	if count*5 < (len(b.lines)-1)*3 {
		texts := make([]string, len(b.lines))
		for i, l := range b.lines {
			texts[i] = l.text
		}
		return []string{strings.Join(texts, "\n")}
	}
	var out []string
	text := b.lines[0].text
	for i, next := range b.lines[1:] {
		before := b.lines[i]
		indented := next.left > before.left+next.size*.7 && abs(next.y-before.y) < 4*next.size && endsSentence(before.text)
		if startsItem(next.text) || leader.MatchString(before.text) {
			out = append(out, text)
			text = next.text
			continue
		}
		if !full[i] && !strings.HasSuffix(before.text, "-") && !goesOn(before.text, next.text) || indented {
			out = append(out, text)
			text = next.text
			continue
		}
		text = joinLines(text, next.text)
	}
	return append(out, text)
}

// findEdges tells where columns end: at the right end of the longest line near by that
// begins at about the same place.
func findEdges(lines []line) {
	const near = 60
	for i := range lines {
		l := &lines[i]
		l.edge = l.right
		for k := max(0, i-near); k < min(len(lines), i+near); k++ {
			if abs(lines[k].left-l.left) < 2*l.size {
				l.edge = max(l.edge, lines[k].right)
			}
		}
	}
}

// full reports whether the first word of the next line had no room on line i.
func (b *block) full(i int) bool {
	l, next := &b.lines[i], &b.lines[i+1]
	word, _, _ := strings.Cut(next.text, " ")
	letter := (next.right - next.left) / float64(max(1, utf8.RuneCountInString(next.text)))
	return l.right+letter*float64(utf8.RuneCountInString(word)+1) > l.edge-letter
}

// leader is how lines of a table of contents end.
var leader = regexp.MustCompile(`(\. ?){4,}\s*[0-9ivxlc]+$`)

// startsItem reports whether a line begins as an item of a list does.
func startsItem(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	return strings.ContainsRune("•◦▪‣·∙●○■–", r) && strings.HasPrefix(s[size:], " ")
}

func endsSentence(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(s, `"'”’»)`))
	return strings.ContainsRune(".!?:…", r)
}

// joinLines puts the next line behind a text. A hyphen between two small letters breaks a
// word, unless the word before it already holds one.
func joinLines(text, next string) string {
	cut, ok := strings.CutSuffix(strings.TrimSuffix(text, "\u00ad"), "-")
	if !ok && strings.HasSuffix(text, "\u00ad") {
		return strings.TrimSuffix(text, "\u00ad") + next
	}
	if !ok {
		return text + " " + next
	}
	word := cut[strings.LastIndexByte(cut, ' ')+1:]
	end, _ := utf8.DecodeLastRuneInString(cut)
	begin, _ := utf8.DecodeRuneInString(next)
	switch {
	case unicode.IsLower(end) && unicode.IsLower(begin) && !strings.Contains(word, "-"):
		return cut + next
	case unicode.IsLetter(end):
		return text + next
	}
	return text + " " + next
}
