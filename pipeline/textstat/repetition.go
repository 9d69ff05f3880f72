package textstat

import (
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// Repetition says how much of a text repeats what it said before. The first
// copy never counts. Shares of characters are of all characters of the text.
type Repetition struct {
	Lines          int
	DuplicateLines float64 // share of the lines, blank ones aside
	LineChars      float64
	Paragraphs     int
	DuplicateParas float64
	ParaChars      float64
}

// MeasureRepetition compares the lines and the paragraphs of a text with each
// other. Memory: 16 bytes for each different line and paragraph.
func MeasureRepetition(text string) (r Repetition) {
	length := max(utf8.RuneCountInString(text), 1)
	lines, paras := newCounter(), newCounter()
	var para strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			paras.add(para.String())
			para.Reset()
			continue
		}
		lines.add(line)
		if para.Len() > 0 {
			para.WriteByte('\n')
		}
		para.WriteString(line)
	}
	paras.add(para.String())
	r.Lines, r.DuplicateLines, r.LineChars = lines.shares(length)
	r.Paragraphs, r.DuplicateParas, r.ParaChars = paras.shares(length)
	return r
}

// A counter counts strings and those that it has seen before.
type counter struct {
	seen              map[uint64]struct{}
	all, again, chars int
}

func newCounter() *counter { return &counter{seen: map[uint64]struct{}{}} }

func (c *counter) add(s string) {
	if s == "" {
		return
	}
	c.all++
	h := xxh3.HashString(s)
	if _, ok := c.seen[h]; ok {
		c.again++
		c.chars += utf8.RuneCountInString(s)
		return
	}
	c.seen[h] = struct{}{}
}

func (c *counter) shares(length int) (all int, again, chars float64) {
	if c.all == 0 {
		return 0, 0, 0
	}
	return c.all, float64(c.again) / float64(c.all), float64(c.chars) / float64(length)
}
