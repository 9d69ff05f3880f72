package extract

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// detectWindow is how many bytes the charset detector sees: it runs at 2 MB/s,
// and gains nothing from more.
const detectWindow = 8 << 10

// ErrBinary is what Decode returns for bytes that are no text in any encoding.
var ErrBinary = errors.New("not text")

// Decode returns the text of b and the name of the encoding it was found to be
// in. declared is what the file or its server says, or ""; such labels often
// lie, so what the bytes say comes first:
//
//  1. a byte order mark, and zero bytes at every second place (UTF-16),
//  2. UTF-8, if b is valid UTF-8,
//  3. UTF-8 with a few stray bytes of Windows-1252 between, if that is what b is,
//  4. the declared encoding, if b is possible in it,
//  5. what a detector says of the 8 KB after the first byte outside ASCII.
//
// ISO-8859-1 is read as Windows-1252, of which it is a subset in practice. The
// error wraps ErrBinary.
func Decode(b []byte, declared string) (text, name string, err error) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return decodeWith(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16le", b)
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return decodeWith(unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf-16be", b)
	default:
		if order, name := utf16Order(b); name != "" {
			return decodeWith(unicode.UTF16(order, unicode.IgnoreBOM), name, b)
		}
	}
	if err := binary(b); err != nil {
		return "", "", err
	}
	enc, label := charset.Lookup(strings.TrimSpace(declared))
	if utf8.Valid(b) {
		// ISO-2022-JP and its like are ASCII with escapes in between.
		if enc != nil && strings.HasPrefix(label, "iso-2022") && bytes.IndexByte(b, 0x1b) >= 0 {
			return decodeWith(enc, label, b)
		}
		return string(b), "utf-8", nil
	}
	if good, bad := sequences(b); good > 10*bad {
		return mixed(b), "utf-8", nil
	}
	if enc != nil && label != "utf-8" {
		if text, name, err := decodeWith(enc, label, b); err == nil && !strings.ContainsRune(text, utf8.RuneError) {
			return text, name, nil
		}
	}
	if enc, label := detect(b); enc != nil {
		if text, name, err := decodeWith(enc, label, b); err == nil && !strings.ContainsRune(text, utf8.RuneError) {
			return text, name, nil
		}
	}
	return decodeWith(charmap.Windows1252, "windows-1252", b)
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

// utf16Order recognises UTF-16 without a mark by the zero bytes of its spaces,
// digits and Latin letters.
func utf16Order(b []byte) (unicode.Endianness, string) {
	n := min(len(b), detectWindow) &^ 1
	if n < 8 {
		return unicode.BigEndian, ""
	}
	var even, odd int
	for i := 0; i < n; i += 2 {
		if b[i] == 0 {
			even++
		}
		if b[i+1] == 0 {
			odd++
		}
	}
	switch half := n / 2; {
	case odd*10 > half*6 && even*20 < half:
		return unicode.LittleEndian, "utf-16le"
	case even*10 > half*6 && odd*20 < half:
		return unicode.BigEndian, "utf-16be"
	}
	return unicode.BigEndian, ""
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

// mixed reads b as UTF-8 and the bytes that are none as Windows-1252.
func mixed(b []byte) string {
	var s strings.Builder
	s.Grow(len(b) + 64)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			r = charmap.Windows1252.DecodeByte(b[i])
		}
		s.WriteRune(r)
		i += n
	}
	return s.String()
}

// detect asks the detector about the part of b where the bytes outside ASCII
// are. It answers nil when it knows nothing.
func detect(b []byte) (encoding.Encoding, string) {
	from := 0
	for from < len(b) && b[from] < utf8.RuneSelf {
		from++
	}
	from = max(0, from-detectWindow/8)
	b = b[from:min(len(b), from+detectWindow)]
	best := chardet.Detect(b)
	if best.Confidence < 0.5 {
		return nil, ""
	}
	label := strings.ToLower(best.Encoding)
	if label == "gb2312" {
		label = "gb18030"
	}
	if strings.HasPrefix(label, "utf-8") || label == "ascii" {
		return nil, ""
	}
	enc, name := charset.Lookup(label)
	return enc, name
}
