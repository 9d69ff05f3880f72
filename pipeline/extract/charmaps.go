package extract

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// charmapsText has, for encodings of one byte that golang.org/x/text lacks, the name
// and the characters of the bytes from 0x80 on, U+FFFD for none. Made by Python:
//
//	for name, codec in (("ibm737", "cp737"), …):
//	    print(name, bytes(range(128, 256)).decode(codec, "replace"))
//
//go:embed charmaps.txt
var charmapsText string

var charmaps = sync.OnceValue(func() map[string]*charTable {
	tables := map[string]*charTable{}
	for line := range strings.Lines(charmapsText) {
		name, chars, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		t := new(charTable)
		i := 0
		for _, r := range chars {
			t.chars[i] = r
			i++
		}
		tables[name] = t
	}
	return tables
})

// aliases are names of encodings that are no labels of web pages.
var aliases = map[string]string{"cp10006": "x-mac-greek", "cp10029": "x-mac-ce", "cp10079": "x-mac-icelandic", "cp10081": "x-mac-turkish",
	"cp866u": "ibm1125", "ruscii": "ibm1125", "hz": "hz-gb-2312", "kz1048": "kz-1048", "pt154": "ptcp154"}

// lookup returns the encoding of a label and its name: what browsers understand by
// it, or else one of the encodings that are told by their bytes. nil for others.
func lookup(label string) (encoding.Encoding, string) {
	label = strings.ToLower(strings.TrimSpace(label))
	if enc, name := charset.Lookup(label); enc != nil {
		return enc, name
	}
	if name, ok := aliases[label]; ok {
		label = name
	}
	if number := strings.TrimPrefix(strings.TrimPrefix(label, "cp"), "ibm"); number != label {
		label = "ibm" + number
	}
	for _, c := range candidates() {
		if c.name == label {
			return c.enc, c.name
		}
	}
	return nil, ""
}

// A charTable is an encoding of one byte whose first half is ASCII. It can only be
// decoded.
type charTable struct {
	transform.NopResetter
	chars [128]rune
}

func (*charTable) NewEncoder() *encoding.Encoder { return encoding.Nop.NewEncoder() }
func (t *charTable) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: t}
}

func (t *charTable) Transform(dst, src []byte, atEOF bool) (n, read int, err error) {
	for ; read < len(src); read++ {
		r := rune(src[read])
		if r >= utf8.RuneSelf {
			r = t.chars[r-utf8.RuneSelf]
		}
		if n+utf8.RuneLen(r) > len(dst) {
			return n, read, transform.ErrShortDst
		}
		n += utf8.EncodeRune(dst[n:], r)
	}
	return n, read, nil
}
