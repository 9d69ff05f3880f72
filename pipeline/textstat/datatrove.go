package textstat

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What follows takes the measures as datatrove 0.9 does, to the verdict: lines as
// Python's splitlines has them, punctuation as its list has it, tokens as spaCy's.

// DatatroveQuality is MeasureQuality with datatrove's definitions. tokens are
// EnglishTokens.
func DatatroveQuality(text string, tokens []string) (q Quality) {
	length, alpha := 0, 0
	q.Tokens = len(tokens)
	for _, w := range tokens {
		letter, word := false, false
		for _, r := range w {
			letter = letter || unicode.IsLetter(r)
			word = word || !datatrovePunctuation(r)
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
	}
	if q.Tokens > 0 {
		q.AlphaWords = float64(alpha) / float64(q.Tokens)
		q.Hashes = float64(strings.Count(text, "#")) / float64(q.Tokens)
		q.Ellipses = float64(strings.Count(text, "...")+strings.Count(text, "…")) / float64(q.Tokens)
	}
	lines := SplitLines(text)
	bullets, ends := 0, 0
	for _, line := range lines {
		line = strings.TrimFunc(line, isPythonSpace)
		if strings.HasPrefix(line, "•") || strings.HasPrefix(line, "-") {
			bullets++
		}
		if strings.HasSuffix(line, "...") || strings.HasSuffix(line, "…") {
			ends++
		}
	}
	if n := float64(len(lines)); n > 0 {
		q.BulletLines, q.EllipsisEnds = float64(bullets)/n, float64(ends)/n
	}
	return q
}

// datatrovePunctuation reports whether a character is in datatrove's PUNCTUATION
// or ends sentences.
func datatrovePunctuation(r rune) bool {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return r != '\t' && r != '\n' && r != '\r'
	case r < 0x7f:
		return unicode.IsPunct(r) || unicode.IsSymbol(r)
	}
	return strings.ContainsRune("«´»–—’“”„…∶━►、〈〉《》「」【】％（），１：；～", r) || endsSentence(r)
}

var (
	blankLines = regexp.MustCompile(`\n{2,}`)
	lineEnds   = regexp.MustCompile(`\n+`)
)

// DatatroveRepetition is MeasureRepetition with datatrove's definitions: the line
// that is no text counts, and white space is not taken off.
func DatatroveRepetition(text string) (r Repetition) {
	length := max(utf8.RuneCountInString(text), 1)
	count := func(parts []string) (int, float64, float64) {
		seen := map[string]bool{}
		again, chars := 0, 0
		for _, p := range parts {
			if seen[p] {
				again++
				chars += utf8.RuneCountInString(p)
			}
			seen[p] = true
		}
		return len(parts), float64(again) / float64(len(parts)), float64(chars) / float64(length)
	}
	r.Paragraphs, r.DuplicateParas, r.ParaChars = count(blankLines.Split(strings.TrimFunc(text, isPythonSpace), -1))
	r.Lines, r.DuplicateLines, r.LineChars = count(lineEnds.Split(text, -1))
	return r
}

// SplitLines splits a text as Python's str.splitlines does.
func SplitLines(text string) (lines []string) {
	for text != "" {
		i := strings.IndexAny(text, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if i < 0 {
			return append(lines, text)
		}
		lines = append(lines, text[:i])
		_, n := utf8.DecodeRuneInString(text[i:])
		if strings.HasPrefix(text[i:], "\r\n") {
			n = 2
		}
		text = text[i+n:]
	}
	return lines
}

func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
