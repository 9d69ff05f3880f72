package tokenize

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"github.com/dlclark/regexp2"

	"fragua/pipeline/fault"
)

// A Pattern says where text is cut into pieces before byte-pair encoding; no
// token crosses a cut. Every byte belongs to exactly one piece.
type Pattern struct {
	Name  string
	Regex string // as tokenizer.json has it: Oniguruma's syntax and meaning

	also []string                  // other spellings of the same cuts, as published files have them
	next func(b []byte, i int) int // the end of the piece that begins at i < len(b); nil: ask re
	cuts cutter                    // nil only with re
	re   *regexp2.Regexp
}

const (
	suffixes   = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	o200kUpper = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	o200kLower = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
	o200kWords = `[^\r\n\p{L}\p{N}]?` + o200kUpper + `*` + o200kLower + `+` + suffixes + `?|` +
		`[^\r\n\p{L}\p{N}]?` + o200kUpper + `+` + o200kLower + `*` + suffixes + `?|`
)

// patterns is the table of the patterns that have a scanner of their own. The
// spellings differ where engines do: in Oniguruma, which Hugging Face uses,
// `{1,3}+` repeats and is not possessive, so it may not be exported; and tiktoken
// takes all white space at the end of the text as one piece (`\s++$`).
var patterns = []*Pattern{
	{
		Name:  "gpt2",
		Regex: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
		also: []string{
			`'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s`,
			`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
		},
		next: nextGPT2, cuts: cutsGPT2,
	},
	{
		Name:  "cl100k",
		Regex: `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s++$|\s*[\r\n]+|\s+(?!\S)|\s+`,
		also: []string{
			`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`,
		},
		next: nextCL100K, cuts: cutsCL100K,
	},
	{
		Name:  "llama3",
		Regex: suffixes + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		also: []string{
			`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
			`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
		},
		next: nextLlama3, cuts: cutsCL100K,
	},
	{
		Name:  "qwen",
		Regex: suffixes + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		next:  nextQwen, cuts: cutsQwen,
	},
	{
		Name:  "o200k",
		Regex: o200kWords + `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
		next:  nextO200K, cuts: cutsO200K,
	},
}

// PatternNames returns the names that PatternOf knows.
func PatternNames() []string {
	var names []string
	for _, p := range patterns {
		names = append(names, p.Name)
	}
	return names
}

// PatternOf returns the pattern of a name, or of a regular expression in
// Oniguruma's syntax. One that has no scanner here is matched by a general
// engine, an order of magnitude slower and by Go's version of Unicode: slow is
// then true, and whoever asked should be told.
func PatternOf(nameOrRegex string) (p *Pattern, slow bool, err error) {
	for _, p := range patterns {
		if nameOrRegex == p.Name || nameOrRegex == p.Regex {
			return p, false, nil
		}
		for _, s := range p.also {
			if nameOrRegex == s {
				return p, false, nil
			}
		}
	}
	p, err = regexPattern(nameOrRegex)
	if err != nil {
		return nil, false, fault.Hintf(fmt.Errorf("pattern %q: %w", nameOrRegex, err), "a pattern is one of %s, or a regular expression", strings.Join(PatternNames(), ", "))
	}
	return p, true, nil
}

// Pieces cuts a text. It fails only where a regular expression without a scanner of
// its own takes too long.
func (p *Pattern) Pieces(text string) (pieces []string, err error) {
	defer recoverEncode(&err)
	return p.pieces(text), nil
}

// pieces is Pieces, but it panics with an encodeError.
func (p *Pattern) pieces(text string) []string {
	var out []string
	if p.re != nil {
		for _, s := range splitRegex(p.re, text) {
			out = append(out, text[s.start:s.end])
		}
		return out
	}
	b := []byte(text)
	for i := 0; i < len(b); {
		j := p.next(b, i)
		out = append(out, text[i:j])
		i = j
	}
	return out
}

const (
	ones  = 0x0101010101010101
	highs = ones << 7
)

// notLetters has bit 7 of every byte of x set that is not an ASCII letter.
func notLetters(x uint64) uint64 {
	y := (x | 0x20*ones) &^ highs
	return (y+(0x80-'a')*ones)&^(y+(0x80-'z'-1)*ones)&^x&highs ^ highs
}

// letters returns the end of the run of letters at i: eight bytes at a time
// while they are ASCII.
func letters(b []byte, i int) int {
	for {
		for i+8 <= len(b) {
			stop := notLetters(binary.LittleEndian.Uint64(b[i:]))
			if stop == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(stop) >> 3
			break
		}
		for i < len(b) && (b[i]|0x20)-'a' < 26 {
			i++
		}
		if i >= len(b) || b[i] < 0x80 {
			return i
		}
		k, w := multiClassAt(b, i)
		if !isLetter(k) {
			return i
		}
		i += w
	}
}

// numbers returns the end of the run of at most most numbers at i.
func numbers(b []byte, i, most int) int {
	for ; most > 0 && i < len(b); most-- {
		k, w := classAt(b, i)
		if k != number {
			break
		}
		i += w
	}
	return i
}

// others returns the end of the run of [^\s\p{L}\p{N}] at i.
func others(b []byte, i int) int {
	for i < len(b) {
		k, w := classAt(b, i)
		if !isOther(k) {
			break
		}
		i += w
	}
	return i
}

// spaces looks at the run of white space at i: where it ends, where its last
// character begins, and where its last \r or \n ends (0: it has none).
func spaces(b []byte, i int) (end, last, line int) {
	last = i
	for i < len(b) {
		k, w := classAt(b, i)
		if k == newline {
			line = i + w
		} else if k != space {
			break
		}
		last = i
		i += w
	}
	return i, last, line
}

// untilLast is `\s+(?!\S)|\s+` at the run of white space [i, end): before a word
// it leaves the last character, if there are more, to that word.
func untilLast(b []byte, i, end, last int) int {
	if end == len(b) || last == i {
		return end
	}
	return last
}

// suffix returns the end of the English suffix 's 't 'm 'd 're 've 'll whose
// apostrophe is at i, in either case; 0 if there is none. Case folding makes
// U+017F, the long s, an s (Unicode's CaseFolding.txt; Oniguruma and Rust agree).
func suffix(b []byte, i int) int {
	b = b[i+1:]
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case 's', 't', 'm', 'd', 'S', 'T', 'M', 'D':
		return i + 2
	case 'r', 'v', 'R', 'V':
		if len(b) > 1 && (b[1] == 'e' || b[1] == 'E') {
			return i + 3
		}
	case 'l', 'L':
		if len(b) > 1 && (b[1] == 'l' || b[1] == 'L') {
			return i + 3
		}
	case 0xC5:
		if len(b) > 1 && b[1] == 0xBF {
			return i + 3
		}
	}
	return 0
}
