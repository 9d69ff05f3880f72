package document

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// abbreviations end in a point that ends no sentence.
var abbreviations = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`mr mrs ms dr prof st jr sr rev gen col capt lt sgt no vs etc eg ie e.g i.e cf fig vol pp approx dept est inc ltd co
		sra srta srto dra ud uds vd vds pág págs núm art cap ed p.ej ej av avda tel aprox máx mín excmo ilmo`) {
		abbreviations[w] = true
	}
}

// Sentences cuts a text into sentences, the white space behind each beside it: joined they are
// the text. A sentence ends in a point, ? or !, with what closes quotes and brackets, before white
// space and a letter that is no small one; not behind an abbreviation, an initial or a number's point.
func Sentences(text string) (sentences, spaces []string) {
	start := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		if !strings.ContainsRune(".?!…", r) {
			continue
		}
		end := i
		for end < len(text) {
			c, n := utf8.DecodeRuneInString(text[end:])
			if !strings.ContainsRune(".?!…\"'”’»)]", c) {
				break
			}
			end += n
		}
		next := end + len(text[end:]) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
		if next == end || next == len(text) || !begins(text[next:]) || r == '.' && end == i && abbreviated(text[start:i-1]) {
			i = end
			continue
		}
		sentences, spaces = append(sentences, text[start:end]), append(spaces, text[end:next])
		start, i = next, next
	}
	if start < len(text) || len(sentences) == 0 {
		sentences, spaces = append(sentences, text[start:]), append(spaces, "")
	}
	return sentences, spaces
}

// begins reports whether a text may begin a sentence.
func begins(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, "\"'“‘«¿¡(["))
	return unicode.IsUpper(r) || unicode.IsTitle(r) || unicode.IsDigit(r) || unicode.IsLetter(r) && !unicode.IsLower(r)
}

// abbreviated reports whether the last word before a point is an abbreviation or an initial.
func abbreviated(before string) bool {
	word := before[strings.LastIndexFunc(before, func(r rune) bool { return unicode.IsSpace(r) || r == '(' })+1:]
	return utf8.RuneCountInString(word) == 1 && unicode.IsUpper([]rune(word)[0]) || abbreviations[strings.ToLower(word)]
}
