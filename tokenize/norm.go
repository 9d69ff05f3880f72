package tokenize

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2"
	"golang.org/x/text/unicode/norm"
)

// A normalizer rewrites a text before it is cut. It panics with an encodeError
// before the result is longer than limit.
type normalizer interface {
	normalize(s string, limit int) string
}

// normalize applies a normalizer, or none.
func normalize(n normalizer, s string) string {
	if n == nil {
		return s
	}
	return n.normalize(s, growth*len(s)+growthFree)
}

type normFunc func(string) string

func (f normFunc) normalize(s string, limit int) string {
	s = f(s) // none makes a text longer than a few times
	checkGrowth(len(s), limit)
	return s
}

// A limitedFunc is a normalizer that can make a text of any length.
type limitedFunc func(s string, limit int) string

func (f limitedFunc) normalize(s string, limit int) string { return f(s, limit) }

// readNorm reads the normalizer of a tokenizer.json.
func (t *Tokenizer) readNorm(raw json.RawMessage) (normalizer, error) {
	var j struct {
		Type         string
		Normalizers  []json.RawMessage
		StripLeft    bool `json:"strip_left"`
		StripRight   bool `json:"strip_right"`
		Pattern      jsonPattern
		Content      string
		Prepend      string
		CharsMap     string `json:"precompiled_charsmap"`
		CleanText    bool   `json:"clean_text"`
		ChineseChars bool   `json:"handle_chinese_chars"`
		StripAccents *bool  `json:"strip_accents"`
		Lowercase    bool
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	switch j.Type {
	case "Sequence":
		var seq []normalizer
		for _, r := range j.Normalizers {
			n, err := t.readNorm(r)
			if err != nil {
				return nil, err
			}
			seq = append(seq, n)
		}
		return limitedFunc(func(s string, limit int) string {
			for _, n := range seq {
				s = n.normalize(s, limit)
			}
			return s
		}), nil
	case "NFC":
		return normalForm(whole(norm.NFC)), nil
	case "NFD":
		return normalForm(whole(norm.NFD)), nil
	case "NFKC":
		return normalForm(whole(norm.NFKC)), nil
	case "NFKD":
		return normalForm(whole(norm.NFKD)), nil
	case "Lowercase":
		return normFunc(lowercase), nil
	case "Strip":
		return normFunc(func(s string) string {
			if j.StripLeft {
				s = strings.TrimLeftFunc(s, unicode.IsSpace)
			}
			if j.StripRight {
				s = strings.TrimRightFunc(s, unicode.IsSpace)
			}
			return s
		}), nil
	case "StripAccents":
		return normFunc(func(s string) string { return without(s, accent) }), nil
	case "Replace":
		if j.Pattern.String != nil {
			return limitedFunc(func(s string, limit int) string { return replaceAll(s, *j.Pattern.String, j.Content, limit) }), nil
		}
		if j.Pattern.Regex == nil {
			return nil, errors.New("normalizer Replace: the pattern is neither Regex nor String")
		}
		re, err := compileRegex(*j.Pattern.Regex)
		if err != nil {
			return nil, fmt.Errorf("normalizer Replace: %w", err)
		}
		return limitedFunc(func(s string, limit int) string { return replaceRegex(re, s, j.Content, limit) }), nil
	case "Prepend":
		return limitedFunc(func(s string, limit int) string {
			if s == "" {
				return s
			}
			checkGrowth(len(j.Prepend)+len(s), limit)
			return j.Prepend + s
		}), nil
	case "Nmt":
		return normFunc(func(s string) string { return strings.Map(nmtRune, s) }), nil
	case "ByteLevel":
		return normFunc(writeBytes), nil
	case "Precompiled":
		data, err := base64.StdEncoding.DecodeString(j.CharsMap)
		if err != nil {
			return nil, fmt.Errorf("normalizer Precompiled: %w", err)
		}
		return newCharsMap(data)
	case "BertNormalizer":
		accents := j.Lowercase
		if j.StripAccents != nil {
			accents = *j.StripAccents
		}
		return bertNormalizer{j.CleanText, j.ChineseChars, accents, j.Lowercase}, nil
	}
	return nil, fmt.Errorf("normalizer %q is not known", j.Type)
}

func replaceRegex(re *regexp2.Regexp, s, content string, limit int) string {
	var b strings.Builder
	for _, p := range regexSpans(re, s) {
		if p.matched {
			b.WriteString(content)
			checkGrowth(b.Len(), limit)
		} else {
			b.WriteString(s[p.start:p.end])
		}
	}
	return b.String()
}

// nmtRune is what sentencepiece's nmt rules do to single characters: controls
// go, and what looks like a space becomes one.
func nmtRune(r rune) rune {
	switch {
	case r >= 0x1 && r <= 0x8, r == 0xB, r >= 0xE && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return -1
	case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200B && r <= 0x200F,
		r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == 0xFFFD:
		return ' '
	}
	return r
}

// bertNormalizer is the normalizer of BERT.
type bertNormalizer struct{ clean, chinese, accents, lower bool }

func (n bertNormalizer) normalize(s string, _ int) string {
	if n.clean {
		table := properties()
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\t', r == '\n', r == '\r':
				return ' '
			case table[r]&control != 0:
				return -1
			case unicode.IsSpace(r):
				return ' '
			}
			return r
		}, s)
	}
	if n.chinese {
		var b strings.Builder
		for _, r := range s {
			if chineseRune(r) {
				b.WriteByte(' ')
				b.WriteRune(r)
				b.WriteByte(' ')
			} else {
				b.WriteRune(r)
			}
		}
		s = b.String()
	}
	if n.accents {
		s = without(normalForm(whole(norm.NFD))(s), nonspacing)
	}
	if n.lower {
		s = lowercase(s)
	}
	return s
}

// chineseRune is BERT's CJK: the unified ideographs and their extensions to E,
// and the compatibility ideographs.
func chineseRune(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2B73F || r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}
