package textstat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quality holds what the quality rules of Gopher ask about a text (Rae et al.
// 2021, arXiv 2112.11446, appendix A1.1), in datatrove's reading of them:
// shares are 0 to 1 and lengths in code points.
type Quality struct {
	Words        int     // tokens that are not punctuation alone
	Tokens       int     // words and punctuation
	MeanLength   float64 // of Words
	Hashes       float64 // "#" per token
	Ellipses     float64 // "..." and "…" per token
	BulletLines  float64 // share of lines that begin with "•" or "-"
	EllipsisEnds float64 // share of lines that end in "..." or "…"
	AlphaWords   float64 // share of Words with a letter
}

// MeasureQuality measures a text with its Tokens. An empty one has all zeros.
//
// AlphaWords is a share of Words, as in the paper, where datatrove counts
// punctuation among the words; novels in dialogue would fail its rule by their
// quotation marks alone. A text that LongLines has no shares of lines.
func MeasureQuality(text string, tokens []string) (q Quality) {
	length, alpha := 0, 0
	q.Tokens = len(tokens)
	for _, w := range tokens {
		word, letter := false, false
		for _, r := range w {
			letter = letter || unicode.IsLetter(r)
			word = word || !unicode.IsPunct(r) && !unicode.IsSymbol(r) && !unicode.IsControl(r)
		}
		if letter {
			alpha++
		}
		if word {
			q.Words++
			length += utf8.RuneCountInString(w)
		}
	}
	if q.Words > 0 {
		q.MeanLength = float64(length) / float64(q.Words)
		q.AlphaWords = float64(alpha) / float64(q.Words)
	}
	if q.Tokens > 0 {
		q.Hashes = float64(strings.Count(text, "#")) / float64(q.Tokens)
		q.Ellipses = float64(strings.Count(text, "...")+strings.Count(text, "…")) / float64(q.Tokens)
	}
	lines, bullets, ends := 0, 0, 0
	for line := range strings.Lines(text) {
		lines++
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "•") || strings.HasPrefix(line, "-") {
			bullets++
		}
		if strings.HasSuffix(line, "...") || strings.HasSuffix(line, "…") {
			ends++
		}
	}
	if lines > 0 && !LongLines(lines, q.Tokens) {
		q.BulletLines = float64(bullets) / float64(lines)
		q.EllipsisEnds = float64(ends) / float64(lines)
	}
	return q
}

// DistinctWords returns how many different words of a list are among tokens,
// written exactly as in the list.
func DistinctWords(tokens, list []string) (n int) {
	if len(list) == 0 {
		return 0
	}
	missing := make(map[string]bool, len(list))
	for _, w := range list {
		missing[w] = true
	}
	for _, w := range tokens {
		if missing[w] {
			n++
			delete(missing, w)
			if len(missing) == 0 {
				break
			}
		}
	}
	return n
}
