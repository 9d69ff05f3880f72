package textstat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines says how a text is set in lines, as FineWeb's rules ask (Penedo et al.
// 2024, arXiv 2406.17557, section 3.6): shares of the lines that are not blank.
type Lines struct {
	Lines      int
	Terminal   float64 // end in a mark that ends sentences
	Short      float64 // have at most shortLine code points
	Duplicates float64 // code points of lines that stood before, per code point aside of line ends
	Breaks     float64 // line ends per token
}

// ShortLine is how many code points a short line has at most.
const ShortLine = 30

// MeasureLines measures the lines of a text with this many tokens.
func MeasureLines(text string, tokens int) (l Lines) {
	terminal, short := 0, 0
	seen := newCounter()
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		l.Lines++
		if EndsSentence(line) {
			terminal++
		}
		if utf8.RuneCountInString(line) <= ShortLine {
			short++
		}
		seen.add(line)
	}
	if l.Lines == 0 {
		return l
	}
	breaks := strings.Count(text, "\n")
	l.Terminal = float64(terminal) / float64(l.Lines)
	l.Short = float64(short) / float64(l.Lines)
	l.Duplicates = float64(seen.chars) / float64(max(utf8.RuneCountInString(text)-breaks, 1))
	l.Breaks = float64(breaks) / float64(max(tokens, 1))
	return l
}

// EndsSentence reports whether a line's last character ends sentences in some
// script.
func EndsSentence(line string) bool {
	r, _ := utf8.DecodeLastRuneInString(line)
	return endsSentence(r)
}

// endsSentence is Unicode's Sentence_Terminal, and the marks of Khmer.
func endsSentence(r rune) bool {
	return unicode.Is(unicode.Sentence_Terminal, r) || r >= 0x17d4 && r <= 0x17da && r != 0x17d7 && r != 0x17d8
}

// LongLines reports whether a text of this many tokens is not set in lines: where
// one line is a chapter, rules about lines say nothing of it.
func LongLines(lines, tokens int) bool { return tokens > 200*lines }

// Sentences counts the sentences of a text by its tokens: one begins with the
// first token, and with each that is no punctuation after a mark that ends one.
func Sentences(tokens []string) (n int) {
	ended := true
	for _, t := range tokens {
		r, size := utf8.DecodeRuneInString(t)
		switch mark := size == len(t) && endsSentence(r); {
		case mark && n > 0:
			ended = true
		case ended && (n == 0 || !mark && !isPunctuation(t)):
			n++
			ended = mark
		}
	}
	return n
}

func isPunctuation(s string) bool {
	for _, r := range s {
		if !unicode.IsPunct(r) {
			return false
		}
	}
	return true
}
