package extract

import (
	"bytes"
	"strings"
	goUnicode "unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Wide returns the encoding of text whose characters take two or four bytes each,
// UTF-16 and UTF-32, and its name: by the byte order mark, or by the zero bytes and
// the alphabets that b shows in it. nil if b is in neither.
func Wide(b []byte) (encoding.Encoding, string) {
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")):
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "utf-32le"
	case bytes.HasPrefix(b, []byte("\x00\x00\xfe\xff")):
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM), "utf-32be"
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16le"
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf-16be"
	}
	if order, name := utf32Order(b); name != "" {
		return utf32.UTF32(order, utf32.IgnoreBOM), name
	}
	if order, name := utf16Order(b); name != "" {
		return unicode.UTF16(order, unicode.IgnoreBOM), name
	}
	return nil, ""
}

// utf16Order recognises UTF-16 without a mark: by the zero bytes of Latin letters,
// or, where there are bytes that no text of single bytes has, by what both orders
// read like.
func utf16Order(b []byte) (unicode.Endianness, string) {
	b = b[:min(len(b), detectWindow)&^1]
	if len(b) < 8 {
		return unicode.BigEndian, ""
	}
	var even, odd int
	for i := 0; i < len(b); i += 2 {
		if b[i] == 0 {
			even++
		}
		if b[i+1] == 0 {
			odd++
		}
	}
	half := len(b) / 2
	switch {
	case odd*10 > half*6 && even*20 < half:
		return unicode.LittleEndian, "utf-16le"
	case even*10 > half*6 && odd*20 < half:
		return unicode.BigEndian, "utf-16be"
	case even+odd == 0 && binary(b) == nil:
		return unicode.BigEndian, ""
	}
	little, big := readsAs16(b, unicode.LittleEndian), readsAs16(b, unicode.BigEndian)
	switch {
	case little > big:
		return unicode.LittleEndian, "utf-16le"
	case big > little:
		return unicode.BigEndian, "utf-16be"
	}
	return unicode.BigEndian, ""
}

// readsAs16 returns which share of b, read as UTF-16, are characters of its
// commonest alphabet, or of the scripts of East Asia; 0 if that is no text.
func readsAs16(b []byte, order unicode.Endianness) float64 {
	// The window may end within a pair of surrogates.
	out, _ := unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder().Bytes(b)
	var alphabets [256]int // by the high byte
	letters, eastern, foreign, bad := 0, 0, 0, 0
	for _, r := range string(out) {
		switch {
		case goUnicode.In(r, goUnicode.Han, goUnicode.Hiragana, goUnicode.Katakana, goUnicode.Hangul):
			eastern++
			letters++
			if r&0xff >= 0x80 || r >= 0x8000 || r>>8 == 0x30 {
				foreign++
			}
		case goUnicode.IsLetter(r), goUnicode.IsMark(r):
			alphabets[r>>8&0xff]++
			letters++
		case r == utf8.RuneError, !goUnicode.IsGraphic(r) && !strings.ContainsRune("\n\r\t\ufeff\u200b\u200c\u200d\u200e\u200f", r):
			bad++
		}
	}
	best := 0
	for high, n := range alphabets {
		if high > 0 {
			best = max(best, n+alphabets[0])
		}
	}
	n := utf8.RuneCount(out)
	switch {
	case bad*100 > n || letters*2 < n:
		return 0
	case eastern > best:
		// Pairs of ASCII letters are East Asian characters, too, but none of some.
		if eastern*4 < letters*3 || foreign*4 < eastern {
			return 0
		}
		return float64(eastern) / float64(letters) * .9
	case best*10 < letters*9:
		return 0
	}
	return float64(best) / float64(letters)
}

// utf32Order recognises UTF-32 without a mark by the zero bytes of all characters.
func utf32Order(b []byte) (utf32.Endianness, string) {
	n := min(len(b), detectWindow) &^ 3
	if n < 16 {
		return utf32.BigEndian, ""
	}
	little, big := true, true
	for i := 0; i < n && (little || big); i += 4 {
		little = little && b[i+3] == 0 && b[i+2] <= 0x10
		big = big && b[i] == 0 && b[i+1] <= 0x10
	}
	switch {
	case little && !big:
		return utf32.LittleEndian, "utf-32le"
	case big && !little:
		return utf32.BigEndian, "utf-32be"
	}
	return utf32.BigEndian, ""
}
