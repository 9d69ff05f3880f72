package extract

import "strings"

// A Chapter is a part of a book between two headings.
type Chapter struct {
	Part  string // heading of the part or volume it stands in; may be empty
	Title string // its own heading; "" for what comes before the first one
	Text  string // with its headings
}

// How little text, in bytes, may stand between two entries of a table
// of contents, and how long a heading may be.
const tocGap, longHeading = 300, 240

// Chapters splits a book at its headings, in English, Spanish and, where they have a
// number, other languages of Europe: chapters by name or, where a book has none, by bare Roman or Arabic numerals, and inside
// parts, books and volumes. Tables of contents are not taken for chapters. The
// chapters' texts hold the whole text. A book without at least two headings is
// one chapter.
func Chapters(text string) []Chapter {
	blocks := Blocks(text)
	heads := headings(blocks)
	heads = onceEachPart(heads, blocks)
	heads = withoutContents(heads, blocks)
	heads = pickLevel(heads, blocks)
	if !chaptered(heads) {
		if t := titles(blocks); len(t) > 0 {
			heads = merge(heads, t)
		}
	}
	if len(heads) < 2 {
		return []Chapter{{Text: strings.Join(blocks, "\n\n")}}
	}
	var out []Chapter
	add := func(c Chapter, from, to int) {
		if from < to {
			c.Text = strings.Join(blocks[from:to], "\n\n")
			out = append(out, c)
		}
	}
	add(Chapter{}, 0, heads[0].block)
	inside, from := "", heads[0].block
	for i, h := range heads {
		next := len(blocks)
		if i+1 < len(heads) {
			next = heads[i+1].block
		}
		if h.level == part {
			inside = h.title
			// A part's heading goes with its first chapter, unless prose or a title page stands between.
			between := blocks[h.block+1 : next]
			if i+1 < len(heads) && len(between) <= 3 && size(between) < tocGap {
				continue
			}
			c := Chapter{Part: inside}
			if i+1 == len(heads) || hasProse(between) {
				c.Title = inside
			}
			add(c, from, next)
		} else {
			add(Chapter{Part: inside, Title: h.title}, from, next)
		}
		from = next
	}
	add(Chapter{Part: inside, Title: inside}, from, len(blocks))
	return out
}

// hasProse reports whether there are paragraphs among blocks, and not short lines alone.
func hasProse(blocks []string) bool {
	n := 0
	for _, b := range blocks {
		if len(b) > 120 {
			n += len(b)
		}
	}
	return n >= tocGap
}

// chaptered reports whether there are chapters by name or number.
func chaptered(heads []heading) bool {
	n := 0
	for _, h := range heads {
		n += toInt(h.level > part && !h.alone)
	}
	return n >= 2
}

// merge puts titles among the headings found before.
func merge(heads, titles []heading) (out []heading) {
	for len(heads) > 0 || len(titles) > 0 {
		switch {
		case len(titles) == 0 || len(heads) > 0 && heads[0].block <= titles[0].block:
			if len(titles) > 0 && titles[0].block == heads[0].block {
				titles = titles[1:]
			}
			out, heads = append(out, heads[0]), heads[1:]
		default:
			out, titles = append(out, titles[0]), titles[1:]
		}
	}
	return out
}

func size(blocks []string) (n int) {
	for _, b := range blocks {
		n += len(b)
	}
	return n
}

// headings finds the blocks that look like headings.
func headings(blocks []string) (heads []heading) {
	for i, b := range blocks {
		if len(b) > longHeading || strings.Count(b, "\n") > 4 {
			continue
		}
		line, rest, _ := strings.Cut(b, "\n")
		h, ok := parseHeading(line)
		if !ok {
			continue
		}
		if _, again := parseHeading(rest); again || len(chapterNames.FindAllString(b, 3)) == 3 { // several in one block: a table of contents
			continue
		}
		if n := len(heads); h.alone && n > 0 && heads[n-1].block == i-1 {
			continue // the title of the chapter just opened
		}
		h.block = i
		h.title = strings.Trim(strings.Join(strings.Fields(b), " "), " #*_[]-")
		heads = append(heads, h)
	}
	return heads
}

// onceEachPart keeps, of the parts with one label, the one with most text up to
// the next part: the others stand in tables of contents.
func onceEachPart(heads []heading, blocks []string) []heading {
	most := map[string]int{} // label → index of the part to keep
	text := map[int]int{}
	for i, end := len(heads)-1, len(blocks); i >= 0; i-- {
		if h := heads[i]; h.level == part {
			text[i] = size(blocks[h.block+1 : end])
			end = h.block
			if j, ok := most[h.label]; !ok || text[i] > text[j] {
				most[h.label] = i
			}
		}
	}
	out := heads[:0:0]
	for i, h := range heads {
		if h.level > part || most[h.label] == i {
			out = append(out, h)
		}
	}
	return out
}

// withoutContents removes the entries of tables of contents: runs of three or
// more headings with hardly any text between, or of two that stand elsewhere
// too, and the last of such a run if the same heading stands elsewhere.
func withoutContents(heads []heading, blocks []string) []heading {
	seen := map[string]int{}
	for _, h := range heads {
		seen[h.label]++
	}
	gap := func(i int) int { // text after heading i, up to the next one
		if i+1 == len(heads) {
			return size(blocks[heads[i].block+1:])
		}
		return size(blocks[heads[i].block+1 : heads[i+1].block])
	}
	var out []heading
	for i := 0; i < len(heads); {
		j, entries, again := i, 0, 0
		for j < len(heads) && gap(j) < tocGap {
			if heads[j].level > part {
				entries++
				again += min(seen[heads[j].label]-1, 1)
			}
			j++
		}
		contents := entries >= 3 || entries == 2 && again == 2
		// heads[i:j] are followed by hardly any text; heads[j] ends the run.
		switch {
		case contents && j < len(heads) && seen[heads[j].label] > 1 && !firstAgain(heads, i, j):
			i = j + 1
		case contents:
			// Parts just before the first real chapter are its own.
			for i = j; i > 0 && i > j-2 && heads[i-1].level == part; i-- {
			}
			if j < len(heads) {
				out = append(out, heads[i:j+1]...)
			}
			i = j + 1
		default:
			out = append(out, heads[i:min(j+1, len(heads))]...)
			i = j + 1
		}
	}
	return out
}

// firstAgain reports whether heading j, the first with text behind it, begins
// the book: the run before it opened with the same label.
func firstAgain(heads []heading, i, j int) bool {
	for k := i; k < j; k++ {
		if heads[k].label == heads[j].label && heads[k].level == heads[j].level {
			return true
		}
	}
	return false
}

// pickLevel keeps parts, and chapters by name or else by bare numerals. Numerals
// count only if they run 1, 2, 3 …: those that do not, number the sections of
// stories. They may start again, as after a part without a heading. Beside chapters
// by name only those numerals count that carry a title and go on where the named
// ones stopped.
func pickLevel(heads []heading, blocks []string) []heading {
	named := 0
	for _, h := range heads {
		if h.level == chapter && !h.alone {
			named++
		}
	}
	bare := runs(heads, blocks, func(h heading) bool { return h.level == numbered && !h.named })
	withTitle := runs(heads, blocks, func(h heading) bool { return h.level == numbered && h.named })
	top := 0 // the greatest numeral so far
	var keep func(h heading, last int) bool
	switch {
	case named >= 2 && named*4 >= bare:
		keep = func(h heading, last int) bool { return h.named && last > 0 && h.value == last+1 }
	case bare >= 2 && bare*2 >= withTitle && (withTitle < 3 || restarts(heads)*2 < withTitle):
		keep = func(h heading, last int) bool {
			return !h.named && h.value <= top+mostSkipped || h.value == last+1
		}
	case withTitle >= 2:
		sections := restarts(heads) >= max(2, withTitle/2) // bare numerals number those of each chapter
		keep = func(h heading, last int) bool { return h.named || !sections && h.value == last+1 }
	default:
		keep = func(heading, int) bool { return false }
	}
	out, last := heads[:0:0], 0
	for _, h := range heads {
		if h.level < numbered || keep(h, last) {
			out = append(out, h)
			if h.level > part && !h.alone {
				last, top = h.value, max(top, h.value)
			}
		}
	}
	return out
}

// mostSkipped is by how much a numeral may run ahead, for those misprinted: what lies
// further on is a letter of a glossary, L or C.
const mostSkipped = 20

// restarts counts the bare numerals that start again: the sections of chapters.
func restarts(heads []heading) (n int) {
	for _, h := range heads {
		n += toInt(h.level == numbered && !h.named && h.value == 1)
	}
	return n
}

// runs counts the numerals that pass, if they run in order: seven in ten follow
// the one before them or start again with 1, they stand a page apart, and all over the
// book: those that number the sections of one story do not.
func runs(heads []heading, blocks []string, pass func(heading) bool) int {
	good, all, last, ones, first := 0, 0, 0, 0, -1
	longest, from := 0, 0 // text without one
	for _, h := range heads {
		if h.level == part {
			last = 0
		}
		if !pass(h) {
			continue
		}
		if first < 0 {
			first = h.block
		}
		longest, from = max(longest, size(blocks[from:h.block])), h.block
		all++
		ones += toInt(h.value == 1)
		if h.value == last+1 || h.value == 1 {
			good++
		}
		last = h.value
	}
	if first < 0 {
		return 0
	}
	longest = max(longest, size(blocks[from:]))
	if longest > longestStride*size(blocks)/all || ones == 0 || good*10 < all*7 || ones*2 > all+1 || size(blocks[first:]) < all*tocGap {
		return 0
	}
	return all
}
