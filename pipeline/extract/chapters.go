package extract

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Chapter is a part of a book between two headings.
type Chapter struct {
	Part  string // heading of the part or volume it stands in; may be empty
	Title string // its own heading; "" for what comes before the first one
	Text  string // with its headings
}

// A heading is a block that opens a chapter or a part.
type heading struct {
	block int
	level int    // 0: part, 1: chapter by name, 2: bare numeral
	label string // kind and number, to find the same heading in a table of contents
	title string
	value int  // of a numeral, or 0
	named bool // a word after the numeral: "VII. The Adventure of …"
	alone bool // a word without a number: "Epilogue"
}

const (
	roman   = `(?:[MDCLXVI]+)`
	ordinal = `(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|last|` +
		`one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|` +
		`primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|sext[oa]|s[ée]ptim[oa]|octav[oa]|noven[oa]|d[ée]cim[oa]|` +
		`und[ée]cim[oa]|duod[ée]cim[oa]|[úu]ltim[oa]|[úu]nic[oa]|un[oa]|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez)`
	number = `(?:(?:the\s+|el\s+|la\s+)?(?:(?-i:` + roman + `)|\d{1,3}|` + ordinal + `)(?:\s+(?:y\s+)?` + ordinal + `)?)`
	tail   = `(?:\s*$|[.:,;)\]º°ª*_-]|\s*[—–-]|\s{2,}|\s+[\p{Lu}¿¡«“"'])`
)

var (
	partHead = regexp.MustCompile(`(?i)^[#*_\s\[-]*((?:book|part|volume|libro|parte|tomo|volumen|act|acto|jornada)\s+` + number +
		`|(?:primera|segunda|tercera|cuarta|quinta|[úu]ltima)\s+parte)` + tail)
	chapterHead = regexp.MustCompile(`(?i)^[#*_\s\[-]*((?:chapter|cap[íi]tulo|cap\.|letter|carta|adventure|stave|tratado|scene|escena|canto|section|secci[óo]n)\s+` +
		number + `)` + tail)
	namedHead = regexp.MustCompile(`^[#*_\s\[-]*((?:PREFACE|FOREWORD|PROLOGUE|EPILOGUE|INTRODUCTION|CONCLUSION|AFTERWORD|APPENDIX|` +
		`PR[ÓO]LOGO|EP[ÍI]LOGO|INTRODUCCI[ÓO]N|CONCLUSI[ÓO]N|ADVERTENCIA|AP[ÉE]NDICE|` +
		`Preface|Prologue|Epilogue|Introduction|Conclusion|Pr[óo]logo|Ep[íi]logo|Introducci[óo]n|Conclusi[óo]n))[.:*_#\]\s]*$`)
	numeralHead = regexp.MustCompile(`^[#*_\s\[-]*(` + roman + `|\d{1,3})(?:[.:)\]*_#\s-]*$|\s*(?:\.|\.?\s*-+|—|:)\s*(\p{Lu}))`)
)

// Short is how little text, in bytes, may stand between two entries of a table
// of contents, and how long a heading may be.
const tocGap, longHeading = 300, 240

// Chapters splits a book at its headings, in English and Spanish: chapters by
// name or, where a book has none, by bare Roman or Arabic numerals, and inside
// parts, books and volumes. Tables of contents are not taken for chapters. The
// chapters' texts hold the whole text. A book without at least two headings is
// one chapter.
func Chapters(text string) []Chapter {
	blocks := Blocks(text)
	heads := headings(blocks)
	heads = onceEachPart(heads, blocks)
	heads = withoutContents(heads, blocks)
	heads = pickLevel(heads, blocks)
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
	part, from := "", heads[0].block
	for i, h := range heads {
		next := len(blocks)
		if i+1 < len(heads) {
			next = heads[i+1].block
		}
		if h.level == 0 {
			part = h.title
			// A part's heading goes with its first chapter, unless prose stands between.
			if i+1 < len(heads) && size(blocks[h.block+1:next]) < tocGap {
				continue
			}
			add(Chapter{Part: part, Title: part}, from, next)
		} else {
			add(Chapter{Part: part, Title: h.title}, from, next)
		}
		from = next
	}
	add(Chapter{Part: part, Title: part}, from, len(blocks))
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
		if _, again := parseHeading(rest); again { // two in one block: a table of contents
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

func parseHeading(line string) (heading, bool) {
	if m := partHead.FindStringSubmatch(line); m != nil {
		return heading{level: 0, label: fold(m[1])}, true
	}
	if m := chapterHead.FindStringSubmatch(line); m != nil {
		words := strings.Fields(m[1])
		return heading{level: 1, label: fold(m[1]), value: numeral(words[len(words)-1])}, true
	}
	if m := namedHead.FindStringSubmatch(line); m != nil {
		return heading{level: 1, label: fold(m[1]), alone: true}, true
	}
	if m := numeralHead.FindStringSubmatch(line); m != nil {
		if v := numeral(m[1]); v > 0 {
			return heading{level: 2, label: m[1], value: v, named: m[2] != ""}, true
		}
	}
	return heading{}, false
}

func fold(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// onceEachPart keeps, of the parts with one label, the one with most text up to
// the next part: the others stand in tables of contents.
func onceEachPart(heads []heading, blocks []string) []heading {
	most := map[string]int{} // label → index of the part to keep
	text := map[int]int{}
	for i, end := len(heads)-1, len(blocks); i >= 0; i-- {
		if h := heads[i]; h.level == 0 {
			text[i] = size(blocks[h.block+1 : end])
			end = h.block
			if j, ok := most[h.label]; !ok || text[i] > text[j] {
				most[h.label] = i
			}
		}
	}
	out := heads[:0:0]
	for i, h := range heads {
		if h.level > 0 || most[h.label] == i {
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
			if heads[j].level > 0 {
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
			for i = j; i > 0 && i > j-2 && heads[i-1].level == 0; i-- {
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

// pickLevel keeps parts, and chapters by name or else numerals. Numerals count
// only if they run 1, 2, 3 …, beginning anew after a part at most, and near the
// start of the book: otherwise they number the sections of stories whose titles
// we do not know. Beside chapters by name only those numerals count that carry
// a title and go on where the named ones stopped.
func pickLevel(heads []heading, blocks []string) []heading {
	named, numerals, before := 0, 0, -1
	for _, h := range heads {
		switch {
		case h.level == 1 && !h.alone:
			named++
		case h.level == 2:
			if numerals++; before < 0 {
				before = size(blocks[:h.block])
			}
		}
	}
	keepNumerals := named < 2 && numerals >= 2 && before < size(blocks)/10+tocGap*20 && inOrder(heads)
	out, last := heads[:0:0], 0
	for _, h := range heads {
		goesOn := named >= 2 && h.named && last > 0 && h.value == last+1
		if h.level < 2 || keepNumerals || goesOn {
			out = append(out, h)
			last = h.value
		}
	}
	return out
}

// inOrder reports whether nine in ten numerals follow the one before them, or
// are the first after a part.
func inOrder(heads []heading) bool {
	good, all, last := 0, 0, 0
	for _, h := range heads {
		switch h.level {
		case 0:
			last = 0
		case 2:
			all++
			if h.value == last+1 {
				good++
			} else if h.value == 1 {
				return false
			}
			last = h.value
		}
	}
	return good*10 >= all*9
}

// numeral returns the value of a Roman or Arabic numeral, or 0.
func numeral(s string) int {
	if c, _ := utf8.DecodeRuneInString(s); c >= '0' && c <= '9' {
		n := 0
		for _, c := range s {
			n = n*10 + int(c-'0')
		}
		return n
	}
	values := map[byte]int{'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
	total := 0
	for i := range len(s) {
		v := values[s[i]]
		if i+1 < len(s) && v < values[s[i+1]] {
			v = -v
		}
		total += v
	}
	if total > 0 && total < 400 && toRoman(total) == s || s == "IIII" {
		return max(total, 0)
	}
	return 0
}

func toRoman(n int) string {
	var s strings.Builder
	for _, d := range []struct {
		v int
		s string
	}{{100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; n >= d.v; n -= d.v {
			s.WriteString(d.s)
		}
	}
	return s.String()
}
