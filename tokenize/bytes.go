package tokenize

import (
	"strings"
	"unicode/utf8"
)

// Byte-level vocabularies are written in an alphabet of 256 printable characters,
// one a byte, which GPT-2 brought in: printable Latin-1 stands for itself, and
// the 68 other bytes, in order, are U+0100 and the following. In files " the" is
// "Ġthe"; inside this package it is " the".
var byteRune, runeByte = byteAlphabet()

func byteAlphabet() (forth [256]rune, back [0x144]int16) {
	for i := range back {
		back[i] = -1
	}
	next := rune(0x100)
	for b := range forth {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xA1 && b != 0xAD) {
			r = next
			next++
		}
		forth[b], back[r] = r, int16(b)
	}
	return forth, back
}

// writeBytes returns bytes as a byte-level file writes them.
func writeBytes(b string) string {
	var s strings.Builder
	s.Grow(2 * len(b))
	for i := range len(b) {
		s.WriteRune(byteRune[b[i]])
	}
	return s.String()
}

// readBytes is the inverse; ok is false where a character is not of the alphabet.
func readBytes(s string) (b string, ok bool) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if int(r) >= len(runeByte) || runeByte[r] < 0 {
			return s, false
		}
		out = append(out, byte(runeByte[r]))
	}
	return string(out), true
}

// appendValid appends b, with U+FFFD for each maximal part that is not UTF-8, as
// the WHATWG decoder and Rust's from_utf8_lossy put it.
func appendValid(dst, b []byte) []byte {
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			n := 1
			for n < len(b) && b[n] < utf8.RuneSelf {
				n++
			}
			dst = append(dst, b[:n]...)
			b = b[n:]
			continue
		}
		r, w := utf8.DecodeRune(b)
		if r == utf8.RuneError && w == 1 {
			dst = append(dst, "\uFFFD"...)
			w = maximalPart(b)
		} else {
			dst = append(dst, b[:w]...)
		}
		b = b[w:]
	}
	return dst
}

// maximalPart returns how many bytes of invalid b begin a character that is then
// cut off (Unicode 16, section 3.9, "maximal subpart"); at least 1.
func maximalPart(b []byte) int {
	low, high, need := byte(0x80), byte(0xBF), 0
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c == 0xE0:
		low, need = 0xA0, 2
	case c == 0xED:
		high, need = 0x9F, 2
	case c >= 0xE1 && c <= 0xEF:
		need = 2
	case c == 0xF0:
		low, need = 0x90, 3
	case c >= 0xF1 && c <= 0xF3:
		need = 3
	case c == 0xF4:
		high, need = 0x8F, 3
	}
	n := 1
	for ; n <= need && n < len(b) && b[n] >= low && b[n] <= high; n++ {
		low, high = 0x80, 0xBF
	}
	return n
}
