package document

import (
	"strings"
	"unicode"
)

func hasLetter(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 }

// readLines reads plain text: each line is a text.
func readLines(content string, _ Languages) (*Document, error) {
	d := new(Document)
	for line := range strings.Lines(content) {
		d.add(line, nil)
	}
	return d, nil
}
