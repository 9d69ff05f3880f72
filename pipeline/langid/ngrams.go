package langid

import (
	"math/bits"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	ngramMax = 5       // longest n-gram, in characters with the marks of a word's bounds
	Buckets  = 240_000 // rows of the model; n-grams share them by their hash
)

// letters has, for each character of the basic plane, its script (0: it is in no
// word), and for those below lowerEnd the small letter.
type letters struct {
	script [1 << 16]Script
	lower  [lowerEnd]uint16
}

const lowerEnd = 0x2000

var letterTable = sync.OnceValue(func() *letters {
	t := new(letters)
	for s, tables := range map[Script][]*unicode.RangeTable{
		latin: {unicode.Latin}, cyrillic: {unicode.Cyrillic}, arabic: {unicode.Arabic}, hebrew: {unicode.Hebrew},
		devanagari: {unicode.Devanagari}, bengali: {unicode.Bengali}, ethiopic: {unicode.Ethiopic}, greek: {unicode.Greek},
		han: {unicode.Han}, kana: {unicode.Hiragana, unicode.Katakana}, hangul: {unicode.Hangul}, thai: {unicode.Thai},
		armenian: {unicode.Armenian}, georgian: {unicode.Georgian}, gujarati: {unicode.Gujarati}, gurmukhi: {unicode.Gurmukhi},
		kannada: {unicode.Kannada}, khmer: {unicode.Khmer}, lao: {unicode.Lao}, malayalam: {unicode.Malayalam},
		myanmar: {unicode.Myanmar}, oriya: {unicode.Oriya}, sinhala: {unicode.Sinhala}, tamil: {unicode.Tamil},
		telugu: {unicode.Telugu}, tibetan: {unicode.Tibetan},
	} {
		for _, table := range tables {
			for _, r16 := range table.R16 {
				for r := rune(r16.Lo); r <= rune(r16.Hi); r += rune(r16.Stride) {
					if unicode.IsLetter(r) || unicode.IsMark(r) {
						t.script[r] = s
					}
				}
			}
		}
	}
	for r := range rune(lowerEnd) {
		low := unicode.ToLower(r)
		if low >= lowerEnd || r == 'İ' {
			low = 'i'
		}
		t.lower[r] = uint16(low)
	}
	t.script['ー'] = kana
	return t
})

// wordNgrams calls each with the buckets of one word's n-grams, 1 to ngramMax
// characters long, and that of the whole word. word has a zero at both ends,
// which stand for its bounds.
func wordNgrams(dst []uint32, word []uint16) []uint32 {
	for i := range word {
		h := uint32(0)
		for n, c := range word[i:min(len(word), i+ngramMax)] {
			h = (bits.RotateLeft32(h, 5) ^ uint32(c)) * 0x9E3779B1
			if n > 0 || c != 0 {
				dst = append(dst, bucket(h+uint32(n)))
			}
		}
	}
	if len(word) > ngramMax {
		h := uint32(1)
		for _, c := range word {
			h = (bits.RotateLeft32(h, 5) ^ uint32(c)) * 0x9E3779B1
		}
		dst = append(dst, bucket(h))
	}
	return dst
}

func bucket(h uint32) uint32 {
	h ^= h >> 15
	h *= 0x85EBCA6B
	return uint32(uint64(h) * Buckets >> 32)
}

// Features appends the buckets of a text's character n-grams to dst, and counts
// the letters of each script. Case makes no difference.
func Features(dst []uint32, counts *[Scripts]int, text string) []uint32 {
	t := letterTable()
	var buf [64]uint16
	word := buf[:1]
	flush := func() {
		if len(word) > 1 {
			word = append(word, 0)
			dst = wordNgrams(dst, word)
			word = buf[:1]
		}
	}
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		i += n
		if r >= 1<<16 {
			flush()
			continue
		}
		s := t.script[r]
		if s == noScript {
			flush()
			continue
		}
		counts[s]++
		if r < lowerEnd {
			r = rune(t.lower[r])
		}
		if word = append(word, uint16(r)); len(word) == len(buf)-1 {
			flush()
		}
	}
	flush()
	return dst
}
