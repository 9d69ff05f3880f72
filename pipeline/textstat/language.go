package textstat

import (
	"iter"
	"strings"
	"unicode/utf8"

	"fragua/pipeline/langid"
)

// LanguageSample is how many bytes of a text Language looks at: thirds from its
// start, middle and end.
const LanguageSample = 3 << 10

// Unsure is the score under which Language names no language.
const Unsure = 0.15

// Language returns the language of a text, as an ISO 639-1 code where there is
// one and ISO 639-3 otherwise, and how probable it is, 0 to 1. The code is "",
// unknown, for a text without letters and where no language has a score of
// Unsure. among, if not empty, names the only codes to choose from.
func Language(text string, among ...string) (code string, score float64) {
	var allow []bool
	for _, a := range among {
		if k := langid.Index(a); k >= 0 {
			if allow == nil {
				allow = make([]bool, len(langid.Languages))
			}
			allow[k] = true
		}
	}
	k, score := langid.Default().Detect(sample(text), allow)
	if k < 0 || score < Unsure {
		return "", score
	}
	return langid.Languages[k].Code, score
}

// KnownLanguage reports whether Language can return the code.
func KnownLanguage(code string) bool {
	k := langid.Index(code)
	return k >= 0 && code != "" && langid.Languages[k].Code == code
}

// UsualCode returns the code that Language returns for a language known by its
// ISO 639-3 code, or as "no"; "" if there is none.
func UsualCode(code string) string {
	if k := langid.Index(code); k >= 0 {
		return langid.Languages[k].Code
	}
	return ""
}

// A Passage is a paragraph and its language.
type Passage struct {
	Text     string // without the blank lines around it
	Language string
	Score    float64
}

// Passages yields the paragraphs of a text, which blank lines part, each with its
// language.
func Passages(text string, among ...string) iter.Seq[Passage] {
	return func(yield func(Passage) bool) {
		for text != "" {
			p, rest := text, ""
			if i := strings.Index(text, "\n\n"); i >= 0 {
				p, rest = text[:i], strings.TrimLeft(text[i:], "\n")
			}
			text = rest
			if p == "" {
				continue
			}
			code, score := Language(p, among...)
			if !yield(Passage{p, code, score}) {
				return
			}
		}
	}
}

// sample takes three pieces of a long text, at the edges of words.
func sample(text string) string {
	if len(text) <= LanguageSample {
		return text
	}
	const piece = LanguageSample / 3
	var s strings.Builder
	for _, from := range []int{0, (len(text) - piece) / 2, len(text) - piece} {
		part := text[from : from+piece]
		for part != "" && !utf8.RuneStart(part[0]) {
			part = part[1:]
		}
		if from > 0 {
			if _, rest, ok := strings.Cut(part, " "); ok {
				part = rest
			}
		}
		if from+piece < len(text) {
			if i := strings.LastIndexByte(part, ' '); i > 0 {
				part = part[:i]
			}
		}
		s.WriteString(part)
		s.WriteByte('\n')
	}
	return strings.ToValidUTF8(s.String(), "")
}
