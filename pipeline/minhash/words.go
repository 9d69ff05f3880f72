package minhash

import (
	"iter"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What a character is in a text. Any other value is the character that stands for it.
const (
	separator = 0       // ends a word: white space, punctuation, symbols
	ignored   = 1       // accents and format characters
	elsewhere = 2       // of an ASCII table: look at the whole character
	alone     = 1 << 31 // flag: the character is a word by itself
)

// foldASCII folds bytes: letters become lower case, digits stay.
var foldASCII = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = elsewhere
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			t[c] = uint8(c)
		case 'A' <= c && c <= 'Z':
			t[c] = uint8(c) + 'a' - 'A'
		}
	}
	return t
}()

// foldPlane folds the characters of the basic plane.
var foldPlane = sync.OnceValue(func() *[1 << 16]uint32 {
	t := new([1 << 16]uint32)
	for r := range t {
		t[r] = foldRune(rune(r))
	}
	return t
})

// fold is foldRune from a table.
func fold(r rune) uint32 {
	if r < 1<<16 {
		return foldPlane()[r]
	}
	return foldRune(r)
}

// withoutSpaces are scripts that write no spaces between words.
var withoutSpaces = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// foldRune returns what a character is: é and É are e, a combining accent is ignored, an ideograph is a word.
func foldRune(r rune) uint32 {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return ignored
	}
	r = unicode.ToLower(r)
	var b [utf8.UTFMax]byte
	if d := norm.NFD.Properties(b[:utf8.EncodeRune(b[:], r)]).Decomposition(); len(d) > 0 {
		base, size := utf8.DecodeRune(d)
		accents := true
		for _, c := range string(d[size:]) {
			accents = accents && unicode.Is(unicode.Mn, c)
		}
		if accents {
			r = unicode.ToLower(base)
		}
	}
	switch {
	case r == 'ς':
		return 'σ'
	case unicode.In(r, withoutSpaces...):
		return uint32(r) | alone
	case unicode.IsLetter(r), unicode.IsNumber(r), unicode.Is(unicode.Mc, r):
		return uint32(r)
	}
	return separator
}

// Words returns the words of a short text, folded.
func Words(text string) (words []string) {
	for word := range split(text) {
		words = append(words, word)
	}
	return words
}

// Bounds yields where the words of a text begin and end: as many, and in the order, as a Scanner counts.
func Bounds(text string) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for _, at := range split(text) {
			if !yield(at[0], at[1]) {
				return
			}
		}
	}
}

// split yields the words of a text, folded, and where they stand.
func split(text string) iter.Seq2[string, [2]int] {
	return func(yield func(string, [2]int) bool) {
		var word []rune
		start, stop := 0, 0
		end := func() bool {
			if word == nil {
				return true
			}
			w := string(word)
			word = nil
			return yield(w, [2]int{start, stop})
		}
		for i, r := range text {
			f := fold(r)
			if (f == separator || f != ignored && f&alone != 0) && !end() {
				return
			}
			if f == separator || f == ignored {
				continue
			}
			if word == nil {
				start = i
			}
			_, size := utf8.DecodeRuneInString(text[i:])
			word, stop = append(word, rune(f&^alone)), i+size
			if f&alone != 0 && !end() {
				return
			}
		}
		end()
	}
}
