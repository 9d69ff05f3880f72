package extract

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A candidate is an encoding that text may be in, and how many bits it must be
// better by than the first to be believed: rare encodings need more.
type candidate struct {
	name  string
	enc   encoding.Encoding
	prior float64
}

// candidates returns THE table of encodings that are told by their bytes alone.
var candidates = sync.OnceValue(func() []candidate {
	list := slices.Clone(common)
	for name, t := range charmaps() {
		prior := 12.
		if name == "x-mac-ce" { // has letters for the bytes that others have for signs
			prior = 18
		}
		list = append(list, candidate{name, t, prior})
	}
	slices.SortStableFunc(list[len(common):], func(a, b candidate) int { return cmp.Compare(a.name, b.name) })
	return list
})

// common are those that golang.org/x/text has.
var common = []candidate{
	{"windows-1252", charmap.Windows1252, 0}, {"utf-8", mixedUTF8{}, 6},
	{"windows-1250", charmap.Windows1250, 4}, {"windows-1251", charmap.Windows1251, 2}, {"windows-1253", charmap.Windows1253, 4},
	{"windows-1254", charmap.Windows1254, 6}, {"windows-1255", charmap.Windows1255, 4}, {"windows-1256", charmap.Windows1256, 4},
	{"windows-1257", charmap.Windows1257, 6}, {"windows-1258", charmap.Windows1258, 8}, {"windows-874", charmap.Windows874, 4},
	{"iso-8859-2", charmap.ISO8859_2, 5}, {"iso-8859-4", charmap.ISO8859_4, 9}, {"iso-8859-5", charmap.ISO8859_5, 6},
	{"iso-8859-6", charmap.ISO8859_6, 6}, {"iso-8859-7", charmap.ISO8859_7, 6}, {"iso-8859-8", charmap.ISO8859_8, 6},
	{"iso-8859-13", charmap.ISO8859_13, 9}, {"iso-8859-15", charmap.ISO8859_15, 6},
	{"koi8-r", charmap.KOI8R, 4}, {"koi8-u", charmap.KOI8U, 5}, {"ibm866", charmap.CodePage866, 6}, {"ibm855", charmap.CodePage855, 9},
	{"macintosh", charmap.Macintosh, 10}, {"x-mac-cyrillic", charmap.MacintoshCyrillic, 12},
	{"ibm850", charmap.CodePage850, 9}, {"ibm852", charmap.CodePage852, 9}, {"ibm437", charmap.CodePage437, 10},
	{"ibm860", charmap.CodePage860, 10}, {"ibm862", charmap.CodePage862, 9}, {"ibm863", charmap.CodePage863, 12}, {"ibm865", charmap.CodePage865, 11},
	{"iso-8859-3", charmap.ISO8859_3, 12}, {"iso-8859-10", charmap.ISO8859_10, 12}, {"iso-8859-14", charmap.ISO8859_14, 12},
	{"shift_jis", japanese.ShiftJIS, 2}, {"euc-jp", japanese.EUCJP, 2}, {"euc-kr", korean.EUCKR, 2},
	{"gb18030", simplifiedchinese.GB18030, 2}, {"big5", traditionalchinese.Big5, 2},
}

// guess returns the encoding in which b reads most like a language: for each it
// sums, over the words of a sample that are not ASCII, how many bits their
// characters cost in the language that they then seem to be in. declared, if not
// nil, is preferred unless another is clearly better. An encoding in which
// characters of b are impossible is taken only if there is no other.
func guess(b []byte, declared encoding.Encoding, name string) (encoding.Encoding, string) {
	sample := foreignParts(b)
	list := candidates()
	if declared != nil {
		list = slices.Concat([]candidate{{name, declared, -trustIn(name)}}, list)
	}
	type bid struct {
		candidate
		bits float64
	}
	var bids []bid
	for _, c := range list {
		bids = append(bids, bid{candidate: c})
	}
	// A short piece rules most of them out.
	first := len(sample)
	if first > firstSample {
		first = bytes.LastIndexAny(sample[:firstSample], " \n") + 1
	}
	for _, n := range []int{first, len(sample)} {
		for i := range bids {
			bids[i].bits = price(sample[:n], bids[i].enc) + bids[i].prior
		}
		slices.SortStableFunc(bids, func(a, b bid) int { return cmp.Compare(a.bits, b.bits) })
		if n == len(sample) {
			break
		}
		bids = bids[:8]
	}
	for _, x := range bids[:4] {
		if impossible(b, x.enc) < foreignBytes(b)/100+1 {
			return x.enc, x.name
		}
	}
	return bids[0].enc, bids[0].name
}

// trustIn returns how many bits another encoding must be better by than the
// declared one. What servers say of pages of which they know nothing is worth less.
func trustIn(name string) float64 {
	if name == "windows-1252" || name == "utf-8" {
		return 4
	}
	return 20
}

// impossible counts the characters of b that are none in the encoding.
func impossible(b []byte, enc encoding.Encoding) int {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return len(b)
	}
	return strings.Count(string(out), "\uFFFD")
}

// price returns what a sample costs in an encoding, in bits: its words that are
// not ASCII, in the language of the sample; a line that is cheaper in another
// language, in that.
func price(sample []byte, enc encoding.Encoding) (sum float64) {
	out, err := enc.NewDecoder().Bytes(sample)
	if err != nil {
		return math.Inf(1)
	}
	t := loadAlphabets()
	var lines []string
	for line := range strings.Lines(string(out)) {
		words := slices.DeleteFunc(strings.FieldsFunc(line, isASCIISpace), isASCII)
		if len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	language := t.language(strings.Join(lines, "\n"))
	for _, line := range lines {
		same, own := oddBits(line), 0. // what is the same in all languages, and in this one
		for _, r := range line {
			switch {
			case r == utf8.RuneError:
				own += 2 * strange
			case r >= utf8.RuneSelf:
				own += t.bits(r, language)
			case r < ' ' && r != '\t':
				same += strange
			default:
				same += 4 // about what a letter tells
				own += t.ascii[language]
			}
		}
		if own > otherLanguage {
			own = min(own, t.letterBits(line)+otherLanguage)
		}
		sum += same + own
	}
	return sum
}

// otherLanguage is what it costs, in bits, that a line is in another language than
// the text.
const otherLanguage = 24

// sampleSize is how many bytes are judged.
const (
	sampleSize  = 2 << 10
	firstSample = 512
)

// foreignParts returns the lines, or the pieces between tags, that have bytes
// outside ASCII, up to sampleSize. Scripts and styles are left out.
func foreignParts(b []byte) []byte {
	var out []byte
	for len(b) > 0 && len(out) < sampleSize {
		n := bytes.IndexAny(b, "\n\r<>")
		if n < 0 {
			n = len(b) - 1
		}
		piece := b[:n+1]
		if isForeign(piece) {
			out = append(out, piece[:min(len(piece), sampleSize)]...)
			if c := piece[len(piece)-1]; c == '<' || c == '>' {
				out[len(out)-1] = '\n'
			}
		}
		b = b[n+1:]
	}
	return out
}

func isForeign(b []byte) bool { return foreignBytes(b) > 0 }

func foreignBytes(b []byte) (n int) {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

func isASCIISpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
