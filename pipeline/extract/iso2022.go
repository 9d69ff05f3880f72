package extract

import (
	"bytes"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// iso2022 recognises the encodings of seven bits that switch alphabets with an
// escape, or as HZ with a tilde (RFC 1843); nil if b is in none of them.
func iso2022(b []byte) (encoding.Encoding, string) {
	head := b[:min(len(b), detectWindow)]
	if isForeign(head) {
		return nil, ""
	}
	switch {
	case bytes.Contains(head, []byte("\x1b$)C")):
		return iso2022kr{}, "iso-2022-kr"
	case bytes.Contains(b, []byte("\x1b$B")), bytes.Contains(b, []byte("\x1b$@")), bytes.Contains(b, []byte("\x1b(J")):
		return japanese.ISO2022JP, "iso-2022-jp"
	case bytes.Contains(head, []byte("~{")) && bytes.Contains(b, []byte("~}")):
		if text, err := simplifiedchinese.HZGB2312.NewDecoder().Bytes(b); err == nil && !bytes.Contains(text, []byte("\uFFFD")) {
			return simplifiedchinese.HZGB2312, "hz-gb-2312"
		}
	}
	return nil, ""
}

// iso2022kr is ISO-2022-KR (RFC 1557): between the bytes 0x0E and 0x0F stand
// EUC-KR's characters without their high bits. It can only be decoded.
type iso2022kr struct{}

func (iso2022kr) NewEncoder() *encoding.Encoder { return encoding.Nop.NewEncoder() }

func (iso2022kr) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: transform.Chain(new(shiftOut), korean.EUCKR.NewDecoder())}
}

// shiftOut makes EUC-KR of ISO-2022-KR.
type shiftOut struct{ korean bool }

func (s *shiftOut) Reset() { s.korean = false }

func (s *shiftOut) Transform(dst, src []byte, atEOF bool) (n, read int, err error) {
	for read < len(src) {
		if n == len(dst) {
			return n, read, transform.ErrShortDst
		}
		c := src[read]
		switch {
		case c == 0x0e:
			s.korean = true
		case c == 0x0f:
			s.korean = false
		case c == 0x1b:
			rest := src[read:]
			if len(rest) < 4 && !atEOF {
				return n, read, transform.ErrShortSrc
			}
			if bytes.HasPrefix(rest, []byte("\x1b$)C")) {
				read += 3
			}
		default:
			if c == '\n' { // a line begins in ASCII
				s.korean = false
			}
			if s.korean && c > ' ' {
				c |= 0x80
			}
			dst[n] = c
			n++
		}
		read++
	}
	return n, read, nil
}
