package textstat

import (
	"iter"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// Tokens yields the words and the punctuation of a text in order, without white
// space. A run of one sign, such as "..." or "--", is one token.
func Tokens(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		segments := words.FromString(text)
		from, to := 0, 0 // the token that is held back, as it may go on
		for segments.Next() {
			start, end := segments.Start(), segments.End()
			first, size := utf8.DecodeRuneInString(text[start:end])
			if from < to && to == start && size == end-start && text[start:end] == text[to-min(to-from, size):to] && !isWord(first) {
				to = end
				continue
			}
			if from < to && !yield(text[from:to]) {
				return
			}
			from, to = start, end
			if unicode.IsSpace(first) || unicode.IsControl(first) {
				to = from
			}
		}
		if from < to {
			yield(text[from:to])
		}
	}
}

// TokenList returns the Tokens of a text as a slice: 16 bytes a token.
func TokenList(text string) []string {
	list := make([]string, 0, len(text)/5)
	for t := range Tokens(text) {
		list = append(list, t)
	}
	return list
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// Words yields the words of a text: the tokens that have a letter or a digit.
func Words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		segments := words.FromString(text)
		for segments.Next() {
			if w := segments.Value(); hasWord(w) && !yield(w) {
				return
			}
		}
	}
}

func hasWord(s string) bool {
	for _, r := range s {
		if isWord(r) {
			return true
		}
	}
	return false
}

// CountWords returns how many words a text has.
func CountWords(text string) (n int) {
	for range Words(text) {
		n++
	}
	return n
}
