package tokenize

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An AddedToken is taken out of the text before anything else happens to it.
type AddedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where no letter, number or _ touches it
	LStrip     bool   `json:"lstrip"`      // takes the white space before it along
	RStrip     bool   `json:"rstrip"`      // and behind it
	Normalized bool   `json:"normalized"`  // looked for in the normalized text
	Special    bool   `json:"special"`
}

// Added returns the added tokens in the order of the file.
func (t *Tokenizer) Added() []AddedToken { return append([]AddedToken(nil), t.added...) }

// A finder finds added tokens in text: the leftmost, of those the longest. First
// it looks in the text as it is, then, for tokens with normalized set, in the
// normalized text between those found.
type finder struct {
	raw, normal tokenSet
}

// tokenSet holds contents by their first byte, longest first.
type tokenSet struct {
	by    [256][]AddedToken
	first string // the bytes that a token may begin with
}

func newFinder(added []AddedToken, norm normalizer) finder {
	var f finder
	for _, a := range added {
		set, key := &f.raw, a.Content
		if a.Normalized {
			set, key = &f.normal, normalize(norm, a.Content)
		}
		if key == "" {
			continue
		}
		a.Content = key
		if len(set.by[key[0]]) == 0 {
			set.first += key[:1]
		}
		set.by[key[0]] = append(set.by[key[0]], a)
	}
	for _, set := range []*tokenSet{&f.raw, &f.normal} {
		for _, l := range set.by {
			sort.SliceStable(l, func(i, j int) bool { return len(l[i].Content) > len(l[j].Content) })
		}
	}
	return f
}

func (f *finder) empty() bool { return f.raw.first == "" && f.normal.first == "" }

// appendIDs encodes a text that may hold added tokens.
func (f *finder) appendIDs(dst []int32, st *state, t *Tokenizer, text string) []int32 {
	first := true
	return f.raw.cut(dst, text, func(dst []int32, part string) []int32 {
		if f.normal.first == "" {
			dst = t.appendText(dst, st, part, first)
		} else {
			start := first && t.keepsFirst(part)
			dst = f.normal.cut(dst, normalize(t.norm, part), func(dst []int32, part string) []int32 {
				dst = t.appendNormal(dst, st, part, start)
				start = false
				return dst
			}, func() { start = false })
		}
		first = false
		return dst
	}, func() { first = false })
}

// cut calls rest for what lies between the tokens of the set, and appends the
// ids of these; taken is called at each.
func (s *tokenSet) cut(dst []int32, text string, rest func([]int32, string) []int32, taken func()) []int32 {
	begin, i := 0, 0 // begin may be ahead of i: white space that a token took along may hold the next
	for i < len(text) {
		k := indexFirst(text[i:], s.first)
		if k < 0 {
			break
		}
		i += k
		a, found := s.at(text, i)
		if !found {
			i++
			continue
		}
		start, end := i, i+len(a.Content)
		i = end // also of a token that is passed over, or that takes white space along
		if a.SingleWord && touchesWord(text, start, end) {
			continue
		}
		if a.LStrip {
			start = begin + len(strings.TrimRightFunc(text[begin:max(start, begin)], unicode.IsSpace))
		}
		if a.RStrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
		}
		if start > begin {
			dst = rest(dst, text[begin:start])
		}
		if start < end {
			dst = append(dst, a.ID)
		}
		taken()
		begin = end
	}
	if begin < len(text) {
		dst = rest(dst, text[begin:])
	}
	return dst
}

// indexFirst returns the first place of a byte of set in s.
func indexFirst(s, set string) int {
	if len(set) == 1 {
		return strings.IndexByte(s, set[0])
	}
	for i := range len(s) {
		if strings.IndexByte(set, s[i]) >= 0 {
			return i
		}
	}
	return -1
}

// at returns the longest token at text[i:].
func (s *tokenSet) at(text string, i int) (AddedToken, bool) {
	for _, a := range s.by[text[i]] {
		if !strings.HasPrefix(text[i:], a.Content) {
			continue
		}
		return a, true
	}
	return AddedToken{}, false
}

// touchesWord says whether a letter, number or _ stands at either end of
// text[start:end].
func touchesWord(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])
	return wordRune(before) || wordRune(after)
}

// wordRune is \w of Rust's regex. A byte that is not UTF-8 is none.
func wordRune(r rune) bool { return r != utf8.RuneError && is(wordly)(r) }
