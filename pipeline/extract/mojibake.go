package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Mojibake undoes UTF-8 that was once read as Windows-1252: "Ã©" becomes "é",
// "â€œ" becomes "“". Only sequences that no one writes are touched:
//
//   - Â, Ã, Ä, Å and what follows, if it gives a Latin letter or sign, and â€ and
//     its like, if it gives punctuation. After a capital a closing quote stays
//     what it is: MANHÃ» is a word in quotes.
//   - other scripts, if at least two such characters stand in a row.
func Mojibake(text string) string {
	// Every lead that matters is in U+00C2–U+00F4, whose first byte is 0xC3.
	if strings.IndexByte(text, 0xc3) < 0 {
		return text
	}
	var s strings.Builder
	kept, i, prev := 0, 0, rune(0) // text[:kept] is in s
	for i < len(text) {
		if text[i] != 0xc3 {
			r, n := utf8.DecodeRuneInString(text[i:])
			prev = r
			i += n
			continue
		}
		fixed, n := misread(text[i:], prev)
		if n == 0 {
			r, n := utf8.DecodeRuneInString(text[i:])
			prev = r
			i += n
			continue
		}
		s.WriteString(text[kept:i])
		s.WriteString(fixed)
		prev, _ = utf8.DecodeLastRuneInString(fixed)
		i += n
		kept = i
	}
	if kept == 0 {
		return text
	}
	s.WriteString(text[kept:])
	return s.String()
}

// misread returns what the start of text was before it was read wrongly, and how
// many bytes of text that is; 0 if nothing is wrong.
func misread(text string, before rune) (string, int) {
	first, n, closing := misreadRune(text)
	if n == 0 {
		return "", 0
	}
	switch {
	case first >= 0xa0 && first < 0x180, first == 0xa0:
		if closing && unicode.IsUpper(before) {
			return "", 0
		}
		return string(first), n
	case first >= 0x2010 && first <= 0x203a, first == '€', first == '™', first == 0xfb01, first == 0xfb02:
		return string(first), n
	}
	// Another script: the neighbour must be of its kind.
	var s strings.Builder
	s.WriteRune(first)
	runes, total := 1, n
	for {
		r, n, _ := misreadRune(text[total:])
		if n == 0 || r < 0x180 {
			break
		}
		s.WriteRune(r)
		runes++
		total += n
	}
	if runes < 2 || !unicode.IsLetter(first) {
		return "", 0
	}
	return s.String(), total
}

// misreadRune reads one UTF-8 sequence whose bytes are written as characters of
// Windows-1252, and says whether one of its continuation characters is a sign
// that could close a quotation.
func misreadRune(text string) (r rune, n int, closing bool) {
	var b [utf8.UTFMax]byte
	want := 0
	for k := range b {
		c, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 {
			return 0, 0, false
		}
		v, ok := byte1252(c)
		if !ok {
			return 0, 0, false
		}
		b[k] = v
		n += size
		switch {
		case k > 0 && v&0xc0 != 0x80:
			return 0, 0, false
		case k > 0:
			closing = closing || strings.ContainsRune("»›”’“‘…–—\"", c)
		case v >= 0xc2 && v <= 0xdf:
			want = 2
		case v >= 0xe0 && v <= 0xef:
			want = 3
		case v >= 0xf0 && v <= 0xf4:
			want = 4
		default:
			return 0, 0, false
		}
		if k+1 == want {
			r, size := utf8.DecodeRune(b[:want])
			if r == utf8.RuneError || size != want {
				return 0, 0, false
			}
			return r, n, closing
		}
	}
	return 0, 0, false
}

// byte1252 returns the byte that was read as the character. The five holes of
// Windows-1252 stand for themselves, as browsers have it.
func byte1252(r rune) (byte, bool) {
	if r < 0x80 {
		return 0, false
	}
	if r >= 0x80 && r < 0xa0 {
		return byte(r), true
	}
	return charmap.Windows1252.EncodeRune(r)
}
