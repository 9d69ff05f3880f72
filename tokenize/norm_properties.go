package tokenize

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"
	"unicode"
)

// A property is what the parts of a tokenizer.json ask of a character. Each part
// of Hugging Face's library goes by the Unicode version of the library below it:
// 8 and 9 for accents, 9 for normalization, 16 and 17 for words and letters'
// case. So the answers are its own, whatever version Go has.
type property = uint8

const (
	accent      property = 1 << iota // a combining mark
	nonspacing                       // one of those that BERT drops
	control                          // what BERT's cleaning drops
	punctuation                      // of any script, and ASCII's symbols
	numeric                          // digits, fractions, Roman numerals
	wordly                           // \w: letters, marks, digits, connectors, joiners
	inert                            // a later version normalizes it, this one does not
)

// properties holds them by code point.
var properties = sync.OnceValue(func() []property {
	runs, err := base64.StdEncoding.DecodeString(propertyRuns)
	out := make([]property, 0, unicode.MaxRune+1)
	for len(runs) > 0 {
		v, n := binary.Uvarint(runs)
		if n <= 0 || v>>7 > uint64(cap(out)-len(out)) {
			break
		}
		runs = runs[n:]
		for range v >> 7 {
			out = append(out, property(v&0x7F))
		}
	}
	if err != nil || len(out) != unicode.MaxRune+1 {
		panic("tokenize: the table of properties is damaged")
	}
	return out
})

// is returns a function that tells whether a character has one of the properties.
func is(p property) func(rune) bool {
	return func(r rune) bool { return properties()[r]&p != 0 }
}

// without drops the characters that have a property.
func without(s string, p property) string {
	table := properties()
	return strings.Map(func(r rune) rune {
		if table[r]&p != 0 {
			return -1
		}
		return r
	}, s)
}

// normalForm is NFC, NFD, NFKC or NFKD of Unicode 9: characters that are younger
// stay as they are, and nothing moves past them.
func normalForm(form func(string) string) normFunc {
	return func(s string) string {
		table := properties()
		var b strings.Builder
		start := 0
		for i, r := range s {
			if table[r]&inert != 0 {
				b.WriteString(form(s[start:i]))
				b.WriteRune(r)
				start = i + len(string(r))
			}
		}
		if start == 0 {
			return form(s)
		}
		b.WriteString(form(s[start:]))
		return b.String()
	}
}

// lowercase maps each character by itself, so a final sigma is no exception;
// one capital becomes two characters (Unicode's SpecialCasing.txt).
func lowercase(s string) string {
	if strings.ContainsRune(s, 'İ') {
		s = strings.ReplaceAll(s, "İ", "i\u0307")
	}
	return strings.Map(youngCase.ToLower, s)
}

// youngCase are the capitals of Unicode 16 and 17 that Go does not know yet.
var youngCase = unicode.SpecialCase{
	{Lo: 0x1C89, Hi: 0x1C89, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 1}},
	{Lo: 0xA7CB, Hi: 0xA7CB, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 0x0264 - 0xA7CB}},
	{Lo: 0xA7CC, Hi: 0xA7CC, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 1}},
	{Lo: 0xA7CE, Hi: 0xA7CE, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 1}},
	{Lo: 0xA7D2, Hi: 0xA7D2, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 1}},
	{Lo: 0xA7D4, Hi: 0xA7D4, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 1}},
	{Lo: 0xA7DA, Hi: 0xA7DA, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 1}},
	{Lo: 0xA7DC, Hi: 0xA7DC, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 0x019B - 0xA7DC}},
	{Lo: 0x10D50, Hi: 0x10D65, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 0x20}},
	{Lo: 0x16EA0, Hi: 0x16EB8, Delta: [unicode.MaxCase]rune{unicode.LowerCase: 0x1B}},
}
