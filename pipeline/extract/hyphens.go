package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// hyphens decides whether a hyphen at a line end breaks a word or belongs to it, by
// the words that stand whole elsewhere in the text.
type hyphens struct {
	words    map[string]int32 // in lower case; also compounds with their hyphen
	breaking bool             // the text breaks words at line ends
}

// newHyphens counts the words of a text in which lines end in hyphens.
func newHyphens(blocks []string) *hyphens {
	h := &hyphens{}
	var ends [][2]string
	for _, b := range blocks {
		rest := b
		for {
			line, next, more := strings.Cut(rest, "\n")
			if !more {
				break
			}
			if first, second, ok := brokenWord(line, next); ok {
				ends = append(ends, [2]string{first, second})
			}
			rest = next
		}
	}
	if len(ends) == 0 {
		return h
	}
	h.words = map[string]int32{}
	for _, b := range blocks {
		for line := range strings.SplitSeq(b, "\n") {
			for word := range strings.FieldsSeq(line) {
				word = strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }))
				if len(word) > 0 && len(word) <= 64 {
					h.words[word]++
				}
			}
		}
	}
	broken, whole := 0, 0
	for _, e := range ends {
		joined, compound := h.words[e[0]+e[1]], h.words[e[0]+"-"+e[1]]
		broken += toInt(joined > compound)
		whole += toInt(compound > joined || joined == 0 && h.words[e[0]] > 1 && h.words[e[1]] > 1)
	}
	h.breaking = broken > whole
	return h
}

// brokenWord returns the two parts of a word that a line end parts, in lower case.
func brokenWord(line, next string) (first, second string, ok bool) {
	line = strings.TrimRight(line, " \t")
	cut, ok := strings.CutSuffix(line, "-")
	if !ok {
		if cut, ok = strings.CutSuffix(line, "\u00ad"); !ok {
			cut, ok = strings.CutSuffix(line, "¬")
		}
	}
	if !ok {
		return "", "", false
	}
	first = cut
	if i := strings.LastIndexFunc(cut, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }); i >= 0 {
		_, size := utf8.DecodeRuneInString(cut[i:])
		first = cut[i+size:]
	}
	next = strings.TrimLeft(next, " \t")
	end := strings.IndexFunc(next, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		end = len(next)
	}
	second = next[:end]
	if first == "" || second == "" || !unicode.IsLower(firstLetter(second)) || strings.HasSuffix(first, "-") {
		return "", "", false
	}
	return strings.ToLower(first), strings.ToLower(second), true
}

// joins reports whether the parts of a broken word make one word without the hyphen.
func (h *hyphens) joins(first, second string) bool {
	joined, compound := h.words[first+second], h.words[first+"-"+second]
	switch {
	case joined != compound:
		return joined > compound
	case h.breaking:
		return h.words[first] < 3 || h.words[second] < 3 || len(second) < 3
	}
	return false
}

// join makes one line. A line that ends in a dash or a hyphen takes the next one
// without a space: "well-" + "known", "so--" + "and then"; a hyphen that only breaks a
// word goes.
func (h *hyphens) join(lines []string) string {
	var out []byte
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if i == 0 {
			out = append(out, line...)
			continue
		}
		before := string(out[max(0, len(out)-80):])
		first, second, broken := brokenWord(before, line)
		_, last := utf8.DecodeLastRuneInString(before)
		switch soft := broken && !strings.HasSuffix(before, "-"); {
		case soft || broken && h.joins(first, second):
			out = out[:len(out)-last]
		case !endsInDash(before):
			out = append(out, ' ')
		}
		out = append(out, line...)
	}
	return string(out)
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
