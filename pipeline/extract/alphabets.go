package extract

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"fragua/pipeline/langid"
)

// lettersText says, for each language, which characters outside ASCII its texts
// have, and how rare each is among them: cmd/trainlanguage makes it.
//
//go:embed letters.txt
var lettersText string

// Alphabets hold what a character costs in each language, in bits: -log2 of its
// share of the language's texts.
type alphabets struct {
	codes []string
	ascii []float64          // of each language, for being in ASCII
	rows  map[rune][]float64 // of each language, for a character that is in some alphabet
	known map[rune]bool      // letters that are not rare in some language
	allow []bool             // of langid's languages, those that are here
	other map[rune]float64   // typography, which is the same in all languages
}

// strange is the cost of a character that the language's texts do not have.
const strange = 18

var loadAlphabets = sync.OnceValue(func() *alphabets {
	t := &alphabets{rows: map[rune][]float64{}, known: map[rune]bool{}, other: map[rune]float64{0xa0: 2}, allow: make([]bool, len(langid.Languages))}
	for _, r := range "’“”„‘–—…«»€£°×™®" {
		t.other[r] = 7
	}
	type entry struct {
		language int
		r        rune
		bits     float64
	}
	var entries []entry
	for line := range strings.Lines(lettersText) {
		code, rest, _ := strings.Cut(line, " ")
		share, chars, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
		permille := 0.
		for _, c := range share {
			permille = permille*10 + float64(c-'0')
		}
		p := min(permille/1000, .95)
		for chars != "" {
			r, n := utf8.DecodeRuneInString(chars)
			bits := float64(chars[n]-'a') + .5
			chars = chars[n+1:]
			// What dictionaries and old prints have is in no language's own texts.
			phonetic := r >= 0x250 && r < 0x2b0 && r != 'ə'
			if phonetic || r == 'ſ' || !unicode.IsLetter(r) && !unicode.IsMark(r) && !isSign(r) {
				continue
			}
			if bits < 13 && unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r) {
				t.known[r] = true
			}
			entries = append(entries, entry{len(t.codes), r, bits - math.Log2(p)})
		}
		t.codes = append(t.codes, code)
		t.ascii = append(t.ascii, -math.Log2(1-p))
		t.allow[langid.Index(code)] = true
	}
	for _, e := range entries {
		if _, ok := t.other[e.r]; ok {
			continue
		}
		row := t.rows[e.r]
		if row == nil {
			row = slices.Repeat([]float64{t.elsewhere(e.r)}, len(t.codes))
			t.rows[e.r] = row
		}
		row[e.language] = e.bits
	}
	return t
})

// elsewhere is what a character costs in a language that does not have it.
func (t *alphabets) elsewhere(r rune) float64 {
	if bits, ok := t.other[r]; ok {
		return bits
	}
	switch {
	case r >= 0x80 && r < 0xa0:
		return 2 * strange
	case r == utf8.RuneError:
		return 12
	case r >= 0x2190 && isSign(r): // arrows to emoji
		return strange
	case unicode.In(r, unicode.Han, unicode.Hangul): // there are too many to know them all
		return strange
	case t.known[r] || isSign(r):
		return 5 + strange
	}
	return 5 + 2*strange
}

// bits is what a character that is not ASCII costs in language k.
func (t *alphabets) bits(r rune, k int) float64 {
	if row := t.rows[r]; row != nil {
		return row[k]
	}
	return t.elsewhere(r)
}

// lineBits is what a line costs in the language in which that is least: its letters,
// and what stands side by side and does not go together.
func (t *alphabets) lineBits(line string) float64 { return t.letterBits(line) + oddBits(line) }

// letterBits is what the characters of a line that are not ASCII cost in the
// language in which that is least.
func (t *alphabets) letterBits(line string) float64 {
	sums, all := make([]float64, len(t.codes)), 0.
	for _, r := range line {
		if r < utf8.RuneSelf {
			continue
		}
		row := t.rows[r]
		if row == nil {
			all += t.elsewhere(r)
			continue
		}
		for k, bits := range row {
			sums[k] += bits
		}
	}
	return slices.Min(sums) + all
}

// language returns the language that a text seems to be in.
func (t *alphabets) language(text string) int {
	if k, _ := langid.Default().Detect(text, t.allow); k >= 0 {
		return slices.Index(t.codes, langid.Languages[k].Code)
	}
	return slices.Index(t.codes, "en")
}

// oddPair is what it costs, in bits, that letters of two scripts stand side by side
// in a word.
const oddPair = 12

func isLatin(r rune) bool {
	return r < utf8.RuneSelf || r < 0x250 && unicode.IsLetter(r) || unicode.Is(unicode.Latin, r)
}

// oddBits is what it costs that characters of a line stand side by side that do
// not go together in any language.
func oddBits(line string) (sum float64) {
	runes := []rune(line)
	at := func(i int) rune {
		if i < 0 || i >= len(runes) {
			return ' '
		}
		return runes[i]
	}
	for i, r := range runes {
		before, after := at(i-1), at(i+1)
		if r < utf8.RuneSelf && before < utf8.RuneSelf {
			continue
		}
		if unicode.IsLetter(r) || unicode.Is(unicode.M, r) {
			switch {
			case unicode.Is(unicode.M, r) && !unicode.IsLetter(before) && !unicode.Is(unicode.M, before) && before < 0x300 && !unicode.IsDigit(before) && before != '$':
				sum += oddPair
			case unicode.IsLetter(before) && isLatin(r) != isLatin(before):
				sum += oddPair
			case unicode.IsLetter(r) && !isLatin(r) && r < 0x2e80 && !sameScript(r, before) && !sameScript(r, after): // alone
				sum += oddPair
			case r >= utf8.RuneSelf && unicode.IsUpper(r) && unicode.IsLower(before):
				sum += oddPair
			case r >= utf8.RuneSelf && unicode.IsLower(r) && unicode.IsUpper(before) && unicode.IsUpper(at(i-2)):
				sum += oddPair / 2
			}
			continue
		}
		if r < utf8.RuneSelf || unicode.IsSpace(r) {
			continue
		}
		if !unicode.IsLetter(before) {
			if (r == '—' || r == '–' || r == '·') && unicode.IsLetter(after) {
				sum += 3
			}
			if before > utf8.RuneSelf && before != r && (unicode.IsSymbol(r) || unicode.IsSymbol(before)) && r < 0x2500 {
				sum += oddPair / 2
			}
			continue
		}
		switch {
		case r == '’', r == '·' && unicode.ToLower(before) == 'l' && unicode.ToLower(after) == 'l':
			sum += 2
		case unicode.IsLetter(after):
			sum += oddPair
		case strings.ContainsRune("”“»›…–—™®", r):
			sum += 2
		case before >= utf8.RuneSelf:
			sum += oddPair
		}
	}
	return sum
}

func sameScript(a, b rune) bool {
	return (unicode.IsLetter(b) || unicode.Is(unicode.M, b)) && isLatin(a) == isLatin(b)
}

// isSign reports whether a character is one of the signs that texts of all
// languages have: punctuation, arrows, dingbats, emoji and combining marks.
func isSign(r rune) bool {
	return r >= 0x2010 && r < 0x2c00 || r >= 0x3000 && r < 0x3040 || r >= 0xff00 && r < 0xfff0 || r >= 0x1f000 && r < 0x1fb00 || r >= 0x300 && r < 0x370 || r >= 0xa0 && r < 0xc0 && r != '¸'
}
