package extract

import (
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A measure is what is counted in one block's text.
type measure struct {
	words, letters, digits, uppers, commas, stops, function int
	hashes                                                  []uint32 // of its words, and of all its text if it is short
	whole                                                   uint32   // hash of all its text if it is short, else 0
	text, path                                              uint32   // hashes of the whole text, and of the elements around it
	levels                                                  [containerLevels]int32
	price, date                                             bool
	label                                                   int   // of the lexicon
	heading                                                 int32 // the heading before it, or -1
}

const (
	containerLevels = 5   // how many containers around a block are looked at
	maxHashes       = 160 // how many words of a block are looked up
	shortText       = 6   // words of a text that is looked up whole
)

// count measures a text in one pass.
func (m *measure) count(text string) {
	const basis = 2166136261
	h, all := uint32(basis), uint32(basis)
	inWord, wordLen, numeric := false, 0, true
	endWord := func() {
		if !inWord {
			return
		}
		m.words++
		all = (all ^ h) * 16777619
		if len(m.hashes) < maxHashes {
			if numeric {
				h = 1 // any number
			}
			m.hashes = append(m.hashes, h)
		}
		if wordLen <= 5 && functionWords[h] {
			m.function++
		}
		h, inWord, wordLen, numeric = basis, false, 0, true
	}
	add := func(r rune) {
		inWord = true
		wordLen++
		if r < utf8.RuneSelf {
			h = (h ^ uint32(r)) * 16777619
		} else {
			h = (h ^ uint32(r&0xff)) * 16777619
			h = (h ^ uint32(r>>8)) * 16777619
		}
	}
	prev := rune(0)
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z':
			m.letters++
			numeric = false
			add(r)
		case r >= 'A' && r <= 'Z':
			m.letters++
			m.uppers++
			numeric = false
			add(r + 'a' - 'A')
		case r >= '0' && r <= '9':
			m.digits++
			add(r)
		case r == '_':
			add(r)
		case r < utf8.RuneSelf:
			endWord()
			switch r {
			case ',', ';', ':':
				m.commas++
			case ' ', '\n':
				if prev == '.' || prev == '!' || prev == '?' {
					m.stops++
				}
			case '$':
				m.price = true
			}
		case unicode.IsLetter(r):
			m.letters++
			numeric = false
			if l := unicode.ToLower(r); l != r {
				m.uppers++
				r = l
			}
			add(r)
		case unicode.IsNumber(r):
			m.digits++
			add(r)
		default:
			endWord()
			if r == '€' || r == '£' || r == '¥' {
				m.price = true
			}
			if r == '。' || r == '！' || r == '？' {
				m.stops++
			}
			if r == '，' || r == '、' {
				m.commas++
			}
		}
		prev = r
	}
	endWord()
	if prev == '.' || prev == '!' || prev == '?' || prev == '…' {
		m.stops++
	}
	m.price = m.price && m.digits > 0 && m.words <= 12
	m.date = m.digits >= 3 && m.words <= 14 && hasDate(text)
	m.text = all
	if m.words > 0 && m.words <= shortText {
		m.hashes = append(m.hashes, all)
		m.whole = all
	}
}

// functionWords are hashes of the most frequent short words of a dozen languages:
// prose has many, labels have few.
var functionWords = func() map[uint32]bool {
	set := map[uint32]bool{}
	for _, w := range strings.Fields("the of and to in is it that for was on are as with be at this by from or an not but we you he she they " +
		"his her its our their which has had have were been can will if so no do did there who what when how also than then them these " +
		"de la el en y que los del las se un una por con no su para es al lo como más o le et les des est une dans qui pour pas au sur ne " +
		"der die das und ist zu den mit von auf ein eine im nicht sich dem auch es als il di che e per non sono da si della ma " +
		"em os um uma mais ao na het van een dat op te niet и в не на что с по как это от и jest w się nie i na do og är att det som på") {
		set[hashWord(w)] = true
	}
	return set
}()

// hashWord hashes a word in lower case as count does.
func hashWord(w string) uint32 {
	h := uint32(2166136261)
	for _, r := range w {
		if r < utf8.RuneSelf {
			h = (h ^ uint32(r)) * 16777619
		} else {
			h = (h ^ uint32(r&0xff)) * 16777619
			h = (h ^ uint32(r>>8)) * 16777619
		}
	}
	return h
}

// hasDate reports whether a short text looks like a date or an age: "Mar 3, 2024",
// "3 days ago", "12/31/2023".
func hasDate(s string) bool {
	digits, seps := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '/' || c == '-' || c == ':' || c == '.':
			if digits > 0 {
				seps++
			}
		}
	}
	if digits >= 6 && seps >= 2 {
		return true
	}
	lower := strings.ToLower(s)
	for _, month := range monthNames {
		if strings.Contains(lower, month) {
			return digits >= 3
		}
	}
	return false
}

var monthNames = strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec ene abr ago dic mai okt dez fév avr aoû")

// eachName cuts an identifier into words: "postBody-main_2" is post, body, main.
func eachName(s string, yield func(string)) {
	var word [24]byte
	n := 0
	flush := func() {
		if n > 1 {
			yield(string(word[:n]))
		}
		n = 0
	}
	lower := false
	for i := 0; i < len(s) && i < 400; i++ {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z':
			if lower {
				flush()
			}
			lower = false
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z':
			lower = true
		default:
			flush()
			lower = false
			continue
		}
		if n < len(word) {
			word[n] = c
			n++
		}
	}
	flush()
}

func hashString(h uint32, s string) uint32 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// log2x8 is eight times the binary logarithm of n+1, by integers alone so that it
// is the same on every CPU: a scale on which a page of ten words and one of a
// hundred differ as one of a hundred and one of a thousand.
func log2x8(n int) int {
	x := uint(n + 1)
	e := bits.Len(x) - 1
	return e*8 + int((x<<3)>>e)&7
}
