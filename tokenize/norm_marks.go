package tokenize

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// whole is a normal form of Unicode without the limit that x/text has: it parts
// more than 30 combining marks in a row by U+034F (Unicode Annex 15, section 13,
// the Stream-Safe Text Process), which Hugging Face's libraries do not.
func whole(form norm.Form) func(string) string {
	const joiner = "\u034F"
	return func(s string) string {
		out := form.String(s)
		if strings.Count(out, joiner) == strings.Count(s, joiner) {
			return out
		}
		return anyMarks(form, s)
	}
}

// A character of a text that is decomposed.
type character struct {
	text  string
	class uint8 // canonical combining class; 0: a starter
}

// anyMarks normalizes step by step, as section 3.11 of the Unicode Standard has it.
func anyMarks(form norm.Form, s string) string {
	apart := norm.NFD
	if form == norm.NFKC || form == norm.NFKD {
		apart = norm.NFKD
	}
	var all []character
	eachCharacter(s, func(c string) {
		eachCharacter(apart.String(c), func(c string) {
			all = append(all, character{c, norm.NFD.PropertiesString(c).CCC()})
		})
	})
	for i := 0; i < len(all); i++ {
		start := i
		for i < len(all) && all[i].class != 0 {
			i++
		}
		slices.SortStableFunc(all[start:i], func(a, b character) int { return int(a.class) - int(b.class) })
	}
	if form == norm.NFC || form == norm.NFKC {
		all = compose(all)
	}
	var b strings.Builder
	for _, c := range all {
		b.WriteString(c.text)
	}
	return b.String()
}

func eachCharacter(s string, do func(string)) {
	for len(s) > 0 {
		_, w := utf8.DecodeRuneInString(s)
		do(s[:w])
		s = s[w:]
	}
}

// compose joins each character with the last starter before it, if nothing
// between them blocks it and the two have a primary composite (D117).
func compose(all []character) []character {
	out := all[:0]
	starter := -1
	for _, c := range all {
		if last := len(out) - 1; starter >= 0 && (last == starter || out[last].class < c.class) {
			if one := norm.NFC.String(out[starter].text + c.text); utf8.RuneCountInString(one) == 1 {
				out[starter].text = one
				continue
			}
		}
		if c.class == 0 {
			starter = len(out)
		}
		out = append(out, c)
	}
	return out
}
