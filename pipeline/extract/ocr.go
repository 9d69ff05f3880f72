package extract

import (
	"math"
	"strings"
	"unicode"
)

// OCRQuality is the share of the words of a text that look as words do, 0 to 1 in steps of
// 1e-4; 1 for a text without words. It needs no dictionary: what character recognition gets wrong are
// digits and signs inside words, capitals in the middle, letters in a row, lone
// consonants. Clean books have more than .99, poor scans less than .9.
func OCRQuality(text string) float64 {
	words, bad := 0, 0
	for field := range strings.FieldsSeq(text) {
		for word := range strings.FieldsFuncSeq(field, func(r rune) bool { return r == '-' || r == '—' || r == '–' || r == '/' || r == '…' }) {
			words++
			bad += toInt(looksWrong(word))
		}
	}
	if words == 0 {
		return 1
	}
	return math.Round(1e4*(1-float64(bad)/float64(words))) / 1e4
}

// looksWrong reports whether a word looks as if a scan had been read wrongly.
func looksWrong(word string) bool {
	word = strings.TrimFunc(word, func(r rune) bool { return strings.ContainsRune(".,;:!?¡¿'\"’‘“”«»()[]_*&%°º$£€", r) })
	if word == "" {
		return false
	}
	letters, digits, others, uppers, innerUppers, run := 0, 0, 0, 0, 0, 1
	var before rune
	lowerSeen := false
	for _, r := range word {
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r):
			letters++
			if unicode.IsUpper(r) {
				uppers++
				innerUppers += toInt(lowerSeen)
			}
			lowerSeen = lowerSeen || unicode.IsLower(r)
			if unicode.ToLower(r) == unicode.ToLower(before) {
				run++
			} else {
				run = 1
			}
			if run > 3 && uppers < letters { // "AAAA" and "MMMM" are cries and numerals
				return true
			}
		case unicode.IsDigit(r):
			digits++
		case r == '\'' || r == '’' || r == '.' || r == ',' || r == ':' || r == '@' || r == '_':
		default:
			others++
		}
		before = r
	}
	switch {
	case letters == 0:
		return digits == 0
	case digits > 0: // 2nd, 3.ª, 12mo, B12 and the like are words; th3 and c0me are none
		first, last := firstLetter(word), before
		return !unicode.IsDigit(first) && !unicode.IsDigit(last) || others > 0
	case others > 0:
		return true
	case letters == 1 && len(word) == len(string(before)):
		return unicode.IsLower(before) && !strings.ContainsRune("aeiouyàèéíóúáâêôãõαоиаувкся", before) && before < 0x2e80
	}
	return innerUppers > 0 && uppers < letters && !capitalInside(word)
}

// capitalInside allows names such as McCarthy, O'Brien, DeLong: one capital inside, with
// small letters behind it.
func capitalInside(word string) bool {
	inner := 0
	var before rune
	for i, r := range word {
		if i > 0 && unicode.IsUpper(r) {
			inner++
			if !unicode.IsLower(before) && before != '\'' && before != '’' {
				return false
			}
		}
		before = r
	}
	return inner == 1 && unicode.IsUpper(firstLetter(word)) && unicode.IsLower(before)
}
