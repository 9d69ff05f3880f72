package document

import (
	"regexp"
	"strings"
)

var srtTime = regexp.MustCompile(`^\s*\d+:\d\d:\d\d[,.]\d+\s*-->`)

// readSRT reads SubRip subtitles: a number, a time, and lines up to a blank one. The lines of a
// subtitle are one text, and its translation is broken into as many; lines that begin with a dash
// are what several people say, and texts of their own.
func readSRT(content string, _ Languages) (*Document, error) {
	d := new(Document)
	var lines []string // of the subtitle under way
	flush := func() {
		dashes := false
		for _, l := range lines {
			dashes = dashes || strings.HasPrefix(strings.TrimSpace(l), "-")
		}
		switch {
		case len(lines) == 0:
		case dashes || len(lines) == 1:
			for _, l := range lines {
				text := strings.TrimLeft(l, "- \t")
				d.raw(l[:len(l)-len(text)])
				d.add(text, nil)
			}
		default:
			last := lines[len(lines)-1]
			end := last[len(strings.TrimRight(last, "\r\n")):]
			var words []string
			for _, l := range lines {
				words = append(words, strings.Fields(l)...)
			}
			n, newline := len(lines), "\n"
			if strings.HasSuffix(lines[0], "\r\n") {
				newline = "\r\n"
			}
			d.add(strings.Join(words, " "), func(s string) string { return strings.Join(breakInto(s, n), newline) })
			d.raw(end)
		}
		lines = lines[:0]
	}
	timed := false
	for line := range strings.Lines(content) {
		switch {
		case srtTime.MatchString(line):
			flush()
			timed = true
			d.raw(line)
		case strings.TrimSpace(line) == "":
			flush()
			timed = false
			d.raw(line)
		case !timed:
			d.raw(line)
		default:
			lines = append(lines, line)
		}
	}
	flush()
	return d, nil
}

// breakInto breaks a text into at most n lines of about equal length.
func breakInto(s string, n int) []string {
	words := strings.Fields(s)
	var lines []string
	for ; n > 1 && len(words) > 1; n-- {
		left := len([]rune(strings.Join(words, " ")))
		line := 0
		k := 0
		for k < len(words)-1 && line+len([]rune(words[k])) <= (left+n-1)/n {
			line += len([]rune(words[k])) + 1
			k++
		}
		k = max(k, 1)
		lines = append(lines, strings.Join(words[:k], " "))
		words = words[k:]
	}
	return append(lines, strings.Join(words, " "))
}
