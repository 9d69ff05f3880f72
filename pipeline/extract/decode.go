package extract

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// detectWindow is how many bytes tell an encoding by their places: more of them
// tell no more.
const detectWindow = 8 << 10

// ErrBinary is what Decode returns for bytes that are no text in any encoding.
var ErrBinary = errors.New("not text")

// Decode returns the text of b and the name of the encoding it was found to be
// in. declared is what the file or its server says, or ""; such labels often
// lie, so what the bytes say comes first:
//
//  1. a byte order mark, and zero bytes where UTF-16 and UTF-32 have them,
//  2. the escapes of ISO-2022 and HZ,
//  3. UTF-8, if b is valid UTF-8,
//  4. UTF-8 with a few stray bytes of Windows-1252 between, if that is what b is,
//  5. the encoding in which b reads most like a language, the declared one before
//     others that are hardly better.
//
// ISO-8859-1 is read as Windows-1252, of which it is a subset in practice. The
// error wraps ErrBinary.
func Decode(b []byte, declared string) (text, name string, err error) {
	if enc, name := Wide(b); enc != nil {
		return decodeWith(enc, name, b)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if enc, name := iso2022(b); enc != nil {
		return decodeWith(enc, name, b)
	}
	if err := binary(b); err != nil {
		return "", "", err
	}
	if utf8.Valid(b) {
		return string(b), "utf-8", nil
	}
	enc, label := lookup(declared)
	if good, bad := sequences(b); good > 10*bad {
		return decodeWith(mixedUTF8{}, "utf-8", b)
	}
	if label == "utf-8" {
		enc = nil
	}
	enc, label = guess(b, enc, label)
	return decodeWith(enc, label, b)
}

// decodeWith decodes all of b; what is impossible in the encoding becomes U+FFFD,
// but too much of that means that b is no text.
func decodeWith(enc encoding.Encoding, name string, b []byte) (string, string, error) {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return "", "", fmt.Errorf("%w: %s: %v", ErrBinary, name, err)
	}
	text := strings.ToValidUTF8(string(out), "\uFFFD")
	if n := strings.Count(text, "\uFFFD"); n*100 > len(text) {
		return "", "", fmt.Errorf("%w: %d characters are impossible in %s", ErrBinary, n, name)
	}
	return text, name, nil
}

// binary returns an error if b has control characters that no text has.
func binary(b []byte) error {
	n, first := 0, -1
	for i, c := range b {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\v' && c != 0x1b && c != 0x1a {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n*1000 > len(b) && (n > 1 || b[first] == 0) {
		return fmt.Errorf("%w: byte 0x%02X at %d, and %d of its like", ErrBinary, b[first], first, n-1)
	}
	return nil
}

// sequences counts the characters of more than one byte and the bytes that
// belong to no character, reading b as UTF-8.
func sequences(b []byte) (good, bad int) {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good, bad
}

// mixedUTF8 is UTF-8 in which the bytes that are none are Windows-1252. It can only
// be decoded.
type mixedUTF8 struct{ transform.NopResetter }

func (mixedUTF8) NewEncoder() *encoding.Encoder { return encoding.Nop.NewEncoder() }
func (m mixedUTF8) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: m}
}

func (mixedUTF8) Transform(dst, src []byte, atEOF bool) (n, read int, err error) {
	for read < len(src) {
		r, size := utf8.DecodeRune(src[read:])
		if r == utf8.RuneError && size == 1 {
			if !atEOF && !utf8.FullRune(src[read:]) {
				return n, read, transform.ErrShortSrc
			}
			r = charmap.Windows1252.DecodeByte(src[read])
		}
		if n+utf8.RuneLen(r) > len(dst) {
			return n, read, transform.ErrShortDst
		}
		n += utf8.EncodeRune(dst[n:], r)
		read += size
	}
	return n, read, nil
}
