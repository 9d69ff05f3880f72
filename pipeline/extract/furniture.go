package extract

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PageFurniture removes what a scanned book repeats on its pages: page numbers, running
// heads and inline marks such as [Pg 12]. A sentence that a page break interrupts goes
// on. It returns the text and how many lines or marks it removed.
//
// A line is furniture by the company of its like, never alone: page numbers count up
// through the book and interrupt sentences; a running head stands on many pages, with
// numbers that count up or in the middle of sentences. Chapter numbers do neither.
func PageFurniture(text string) (body string, removed int) {
	if marks := pageMark.FindAllStringIndex(text, fewestPages); len(marks) >= fewestPages {
		removed += len(pageMark.FindAllStringIndex(text, -1))
		text = pageMark.ReplaceAllString(text, "")
	}
	lines := strings.Split(text, "\n")
	candidates := furnitureCandidates(lines)
	drop := map[int]bool{}
	groups := map[string][]pageLine{}
	var order []string
	for _, c := range candidates {
		if groups[c.head] == nil {
			order = append(order, c.head)
		}
		groups[c.head] = append(groups[c.head], c)
	}
	for _, head := range order {
		for _, c := range pageSequence(groups[head]) {
			drop[c.line] = true
		}
	}
	if len(drop) == 0 {
		return text, removed
	}
	return withoutLines(lines, drop), removed + len(drop)
}

const (
	fewestPages    = 5  // a shorter sequence proves nothing
	longHead       = 60 // characters of a running head, at most
	mostPagesApart = 9  // pages between two numbers of a sequence, at most
)

// pageMark is a page number inside the text, as transcribers mark it.
var pageMark = regexp.MustCompile(`[\[{](?:[Pp]g|[Pp]age|[Pp]ág|[Pp]ágina|[Pp])\.?\s*(?:\d{1,4}|[ivxlc]{1,8})[\]}] ?`)

// A pageLine is a line that may be furniture.
type pageLine struct {
	line       int
	head       string // its words without the number, in lower case; "" for a number alone
	number     int    // 0: none
	interrupts bool   // stands inside a sentence
}

var (
	numberAlone = regexp.MustCompile(`^[\s\[(*—–-]*(?:p(?:age|ág|\.)?\.?\s*)?(\d{1,4}|[ivxlc]{1,8}|[IVXLC]{1,8})[\s\])*.—–-]*$`)
	numberFirst = regexp.MustCompile(`^\s*[\[(]?(\d{1,4})[\])]?[\s.—–-]+(\p{L}.*)$`)
	numberLast  = regexp.MustCompile(`^\s*(.*\p{L}[.,;:!?'’]?)[\s.—–-]+[\[(]?(\d{1,4})[\])]?\s*$`)
)

func furnitureCandidates(lines []string) (out []pageLine) {
	before := "" // the last line of text
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			continue
		}
		c := pageLine{line: i}
		if m := aloneIn(trimmed); m != "" {
			c.number = numeral(strings.ToUpper(m))
		} else if utf8.RuneCountInString(trimmed) <= longHead {
			if strings.ContainsAny(trimmed, "0123456789") {
				if m := numberFirst.FindStringSubmatch(trimmed); m != nil {
					c.number, c.head = numeral(m[1]), headKey(m[2])
				} else if m := numberLast.FindStringSubmatch(trimmed); m != nil {
					c.number, c.head = numeral(m[2]), headKey(m[1])
				}
			}
			if c.number == 0 && mostlyCapitals(trimmed) {
				c.head = headKey(trimmed)
			}
		}
		if c.number == 0 && c.head == "" {
			before = trimmed
			continue
		}
		end, _ := utf8.DecodeLastRuneInString(before)
		c.interrupts = before != "" && (unicode.IsLetter(end) || end == ',' || end == '-' || end == '\u00ad') && unicode.IsLower(nextText(lines, i))
		out = append(out, c)
	}
	return out
}

// aloneIn returns the page number that a line consists of, or "".
func aloneIn(line string) string {
	if len(line) > 24 {
		return ""
	}
	m := numberAlone.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	return m[1]
}

// nextText returns the first letter of the text behind a line, past numbers and lines
// in capitals.
func nextText(lines []string, i int) rune {
	for _, line := range lines[i+1 : min(len(lines), i+8)] {
		if line = strings.TrimSpace(line); line != "" && aloneIn(line) == "" && !mostlyCapitals(line) {
			return firstLetter(strings.TrimLeft(line, "\"'“‘«¿¡("))
		}
	}
	return 0
}

func headKey(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) }), " ")
}

func mostlyCapitals(s string) bool {
	lower, upper := 0, 0
	for _, r := range s {
		lower += toInt(unicode.IsLower(r))
		upper += toInt(unicode.IsUpper(r))
	}
	return upper >= 3 && lower*5 <= upper
}

// pageSequence returns the candidates of one head that are furniture: those whose
// numbers count up, or that stand in the middle of sentences again and again.
func pageSequence(group []pageLine) (out []pageLine) {
	if len(group) < fewestPages {
		return nil
	}
	interrupting, numbered := 0, 0
	for _, c := range group {
		interrupting += toInt(c.interrupts)
		numbered += toInt(c.number > 0)
	}
	if numbered*2 < len(group) { // a head without numbers
		if interrupting*5 < len(group)*2 {
			return nil
		}
		for i, c := range group {
			if i > 0 || c.interrupts { // the first may be the title itself
				out = append(out, c)
			}
		}
		return out
	}
	if interrupting*5 < len(group) {
		return nil
	}
	run := countingUp(group)
	if len(run) < fewestPages || len(run)*10 < numbered*7 {
		return nil
	}
	return run
}

// countingUp returns the longest run of candidates whose numbers grow, by a few pages
// at a time; a number that was read wrongly is left out of it.
func countingUp(group []pageLine) []pageLine {
	const reach = 12 // how many candidates back the one before may stand
	best, from := make([]int, len(group)), make([]int, len(group))
	top := 0
	for i, c := range group {
		best[i], from[i] = 1, -1
		if c.number == 0 {
			best[i] = 0
			continue
		}
		for j := max(0, i-reach); j < i; j++ {
			if step := c.number - group[j].number; group[j].number > 0 && step > 0 && step <= mostPagesApart*(i-j) && best[j] >= best[i] {
				best[i], from[i] = best[j]+1, j
			}
		}
		if best[i] > best[top] {
			top = i
		}
	}
	var run []pageLine
	for i := top; i >= 0; i = from[i] {
		run = append(run, group[i])
		if from[i] < 0 {
			break
		}
	}
	return run
}

// withoutLines drops lines. Where one stood inside a sentence, the blank lines around
// it go as well.
func withoutLines(lines []string, drop map[int]bool) string {
	var out []string
	for i := 0; i < len(lines); i++ {
		if !drop[i] {
			out = append(out, lines[i])
			continue
		}
		next := i + 1
		for next < len(lines) && (drop[next] || strings.TrimSpace(lines[next]) == "") {
			next++
		}
		last := len(out)
		for last > 0 && strings.TrimSpace(out[last-1]) == "" {
			last--
		}
		if next == len(lines) || last == 0 {
			i = next - 1
			continue
		}
		end, _ := utf8.DecodeLastRuneInString(strings.TrimSpace(out[last-1]))
		goesOn := (unicode.IsLetter(end) || end == ',' || end == '-' || end == '\u00ad') && unicode.IsLower(firstLetter(strings.TrimSpace(lines[next])))
		if goesOn {
			out = out[:last]
		} else if last == len(out) && next > i+1 {
			out = append(out, "")
		}
		i = next - 1
	}
	return strings.Join(out, "\n")
}
