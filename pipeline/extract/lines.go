package extract

import "strings"

// Lines gives text the line ends of Unix. A form feed, an old page break,
// becomes a blank line.
func Lines(text string) string {
	if strings.ContainsAny(text, "\r\f\v\u0085\u2028\u2029") {
		text = lineEnds.Replace(text)
	}
	return text
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r\r\n", "\n", "\r", "\n", "\f", "\n\n", "\v", "\n",
	"\u0085", "\n", "\u2028", "\n", "\u2029", "\n\n")

// Blocks splits text at its blank lines, without the blank lines. Trailing
// spaces go, leading ones stay: they tell verse from prose.
func Blocks(text string) []string {
	var blocks []string
	var block []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\n\r\u00a0")
		if line != "" {
			block = append(block, line)
			continue
		}
		if block != nil {
			blocks = append(blocks, strings.Join(block, "\n"))
			block = nil
		}
	}
	if block != nil {
		blocks = append(blocks, strings.Join(block, "\n"))
	}
	return blocks
}
