package extract

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// misreadings is THE table of encodings as which UTF-8 is taken by mistake, in
// the order in which they are preferred.
var misreadings = []*charmap.Charmap{charmap.Windows1252, charmap.Windows1250, charmap.Windows1251, charmap.Windows1253, charmap.Windows1254,
	charmap.Windows1257, charmap.ISO8859_2, charmap.Macintosh, charmap.CodePage437}

// Mojibake undoes UTF-8 that was once read in another encoding, also if that
// happened twice: "Ã©" becomes "é", "â€œ" becomes "“", "РґРѕ" becomes "до". A line
// is changed if it reads better by the letters of some language afterwards; see
// alphabet. Lone C1 controls become the characters of Windows-1252 that they
// stood for.
func Mojibake(text string) string {
	if !suspicious(text) {
		return text
	}
	var s strings.Builder
	s.Grow(len(text))
	for line := range strings.Lines(text) {
		for range 4 { // four times is as often as it has been seen
			better := line
			if suspicious(line) {
				better = demojibake(line)
			}
			if better == line {
				break
			}
			line = better
		}
		s.WriteString(c1Controls(line))
	}
	return s.String()
}

// roles says of a character in which misreadings it can be the first byte of a
// UTF-8 sequence of two, three and four, and in which a later one: a bit for each.
type roles struct {
	first [3]uint16
	later uint16
}

var rolesOf = sync.OnceValue(func() map[rune]*roles {
	all := map[rune]*roles{utf8.RuneError: {later: 1<<len(misreadings) - 1}} // what lost bytes are replaced by
	for i, enc := range misreadings {
		for b := 0x80; b <= 0xf4; b++ {
			r := enc.DecodeByte(byte(b))
			for _, r := range []rune{r, rune(b)} {
				if r == utf8.RuneError || r == rune(b) && b >= 0xa0 && enc.DecodeByte(byte(b)) != r {
					continue
				}
				if all[r] == nil {
					all[r] = new(roles)
				}
				switch bit := uint16(1) << i; {
				case b < 0xc0:
					all[r].later |= bit
				case b < 0xe0:
					all[r].first[0] |= bit
				case b < 0xf0:
					all[r].first[1] |= bit
				default:
					all[r].first[2] |= bit
				}
			}
		}
	}
	return all
})

// suspicious reports whether a text has a C1 control, or characters that can be
// the bytes of a UTF-8 sequence.
func suspicious(text string) bool {
	table := rolesOf()
	var want [3]uint16 // misreadings in which one, two, three more bytes would end a sequence
	lossy := false
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if lossy && (c == ' ' || c == '?') {
				return true
			}
			want, lossy = [3]uint16{}, false
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		v := table[r]
		if v == nil {
			want, lossy = [3]uint16{}, false
			continue
		}
		if want[0]&v.later != 0 || r >= 0x80 && r < 0xa0 {
			return true
		}
		want[0], want[1], want[2] = v.first[0]|want[1]&v.later, v.first[1]|want[2]&v.later, v.first[2]
		lossy = strings.ContainsRune(lossyLatin, r)
	}
	return false
}

// lossyFirst are the first characters of sequences whose second may have become a
// space or a question mark: the leads of Latin, Cyrillic, Greek and Arabic letters
// and of punctuation, in Windows-1252, -1250 and -1251.
// Cyrillic ones are words, and alone prove nothing.
const (
	lossyLatin = "ÂÃÅÎÐÙĂĹ"
	lossyFirst = lossyLatin + "âãВГЕРСв"
)

// A line is changed if it becomes cheaper by gain bits and by a third. Where one
// sequence stands beside characters that were read rightly, and where the
// encoding is a rarer one, more is asked.
const (
	gain     = 9
	rarer    = 4
	soleGain = 40
)

// demojibake returns the line with the sequences of one misreading undone, if it
// reads better then; otherwise as it is.
func demojibake(line string) string {
	type reading struct {
		line  string
		extra float64 // bits that it must be better by
	}
	var readings []reading
	if c := c1Controls(line); c != line {
		readings = append(readings, reading{line: c})
	}
	for _, enc := range misreadings {
		undone, spaces := undo(line, enc)
		if undone == line {
			continue
		}
		extra := 6 * float64(spaces)
		if enc != charmap.Windows1252 {
			extra += rarer
		}
		if left := foreignRunes(undone); left > 1 && foreignRunes(line) == left+1 { // one sequence of two
			extra += soleGain
		}
		readings = append(readings, reading{undone, extra})
	}
	if len(readings) == 0 {
		return line
	}
	t := loadAlphabets()
	bits := t.lineBits(line)
	best, least := line, min(bits-gain, bits*.7)
	for _, r := range readings {
		if n := t.lineBits(r.line) + r.extra; n < least {
			best, least = r.line, n
		}
	}
	return best
}

func foreignRunes(s string) (n int) {
	for _, r := range s {
		if r >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// undo decodes the UTF-8 sequences of a line that was read in the encoding, and
// counts the spaces that it took for a byte. Where UTF-8 becomes signs, "√©", and
// no letters, a pair of signs that stands alone stays, as formulas have them, unless
// others of the line were misread.
func undo(line string, enc *charmap.Charmap) (undone string, spaces int) {
	if enc == charmap.Macintosh || enc == charmap.CodePage437 {
		undone, n, spaces := decodeSequences(line, enc, true)
		if n < 2 {
			return undone, spaces
		}
	}
	undone, _, spaces = decodeSequences(line, enc, false)
	return undone, spaces
}

// decodeSequences decodes the sequences of a line, and counts them; those of two
// characters alone stay if wordsOnly.
func decodeSequences(line string, enc *charmap.Charmap, wordsOnly bool) (decoded string, count, spaces int) {
	var s strings.Builder
	kept := 0
	for i := 0; i < len(line); {
		if line[i] < utf8.RuneSelf {
			i++
			continue
		}
		was, n := sequence(line[i:], enc)
		end := i + n
		if n > 0 && (wordsOnly && utf8.RuneCountInString(line[i:end]) == 2 && alone(line[:i], was, line[end:]) || isPlural(line, i, end)) {
			n = 0
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(line[i:])
			i += n
			continue
		}
		s.WriteString(line[kept:i])
		s.WriteString(was)
		count++
		if strings.IndexByte(line[i:end], ' ') >= 0 {
			spaces++
		}
		i, kept = end, end
	}
	return s.String() + line[kept:], count, spaces
}

// isPlural reports whether line[i:end] is the name of a letter in "many Ã’s".
func isPlural(line string, i, end int) bool {
	rest, ok := strings.CutPrefix(line[end:], "s")
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && strings.HasSuffix(line[i:end], "’") && !unicode.IsLetter(next) && (i == 0 || line[i-1] == ' ')
}

// alone reports whether was is no letter in a word, and no other character that
// is not ASCII stands beside it.
func alone(before, was, after string) bool {
	r, _ := utf8.DecodeRuneInString(was)
	left, n := utf8.DecodeLastRuneInString(before)
	right, m := utf8.DecodeRuneInString(after)
	return !(n > 1 || m > 1) && !(unicode.IsLetter(r) && (unicode.IsLetter(left) || unicode.IsLetter(right)))
}

// sequence decodes the UTF-8 sequence that text begins with, read in the
// encoding, and returns how many bytes of text that is; 0 if there is none. A
// space can be the byte A0, and what was lost gives U+FFFD.
func sequence(text string, enc *charmap.Charmap) (string, int) {
	var b [6]byte
	first, _ := utf8.DecodeRuneInString(text)
	n, want, lost, space := 0, 1, false, false
	for k := 0; k < want; k++ {
		r, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 {
			return "", 0
		}
		c, ok := byteOf(r, enc)
		switch {
		case k == 1 && (r == ' ' || r == '?') && !strings.ContainsRune(lossyFirst, first):
			return "", 0
		case k > 0 && r == ' ' && !space:
			c, ok, space = 0xa0, true, true
		case k > 0 && (r == utf8.RuneError || r == '?' && !lost):
			c, ok, lost = 0x80, true, true
		}
		if !ok || k > 0 && c&0xc0 != 0x80 && !(k == 3 && want == 6) {
			return "", 0
		}
		b[k] = c
		n += size
		if k == 0 {
			switch {
			case c >= 0xc2 && c <= 0xdf:
				want = 2
			case c >= 0xe0 && c <= 0xef:
				want = 3
			case c >= 0xf0 && c <= 0xf4:
				want = 4
			default:
				return "", 0
			}
		}
		if k == 2 && b[0] == 0xed && b[1] >= 0xa0 && b[1] < 0xb0 && !lost { // the first half of a pair (CESU-8)
			want = 6
		}
		if k == 3 && want == 6 && c != 0xed {
			return "", 0
		}
	}
	if lost {
		return "\uFFFD", n
	}
	if want == 6 {
		high, low := rune(b[1]&0x3f)<<6|rune(b[2]&0x3f), rune(b[4]&0x3f)<<6|rune(b[5]&0x3f)
		if low < 0xc00 {
			return "", 0
		}
		return string(0x10000 + (high-0x800)<<10 | (low - 0xc00)), n
	}
	r, size := utf8.DecodeRune(b[:want])
	if r == utf8.RuneError && size == 1 {
		return "", 0
	}
	if space && r == 'à' && !strings.HasPrefix(text[n:], " ") {
		for _, ending := range []string{"quele", "quela", "quilo", "s "} { // Portuguese àquele, às
			if strings.HasPrefix(text[n:], ending) {
				return "à", n
			}
		}
		return "à ", n // "voilÃ le": the space was one as well
	}
	return string(r), n
}

// byteOf returns the byte that was read as the character. The holes of an
// encoding stand for themselves, as browsers have it.
func byteOf(r rune, enc *charmap.Charmap) (byte, bool) {
	if r < 0x80 {
		return 0, false
	}
	if r < 0xa0 {
		return byte(r), true
	}
	return enc.EncodeRune(r)
}

// c1Controls makes the characters of Windows-1252 of C1 controls.
func c1Controls(line string) string {
	if strings.IndexByte(line, 0xc2) < 0 {
		return line
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r < 0xa0 {
			if c := charmap.Windows1252.DecodeByte(byte(r)); c != utf8.RuneError {
				return c
			}
		}
		return r
	}, line)
}
