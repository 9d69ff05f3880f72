package document

import (
	"regexp"
	"strings"
)

var (
	// What stands before the text of a line: indents, quotes, headings, lists, tasks.
	markdownLead = regexp.MustCompile(`^(?:\s*(?:>|#{1,6}\s|[-*+]\s(?:\[[ xX]\]\s)?|\d+[.)]\s))*\s*`)
	// A line that has no text: rules, underlines of headings, a table's second line, link definitions, HTML comments.
	markdownBare = regexp.MustCompile(`^\s*(?:[-=*_]{2,}\s*|\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*|\[[^\]]+\]:\s.*|<!--.*-->)\s*$`)
	fence        = regexp.MustCompile("^\\s*(```+|~~~+)")
)

// readMarkdown reads Markdown: each line of a paragraph, heading, list item or table cell is a
// text. Code, front matter, and lines without text stay.
func readMarkdown(content string, _ Languages) (*Document, error) {
	d := new(Document)
	code, front := "", false
	for i, line := range strings.SplitAfter(content, "\n") {
		bare := strings.TrimRight(line, "\r\n")
		switch m := fence.FindStringSubmatch(line); {
		case i == 0 && bare == "---":
			front = true
		case front:
			front = bare != "---"
		case code != "":
			if m != nil && strings.HasPrefix(m[1], code) {
				code = ""
			}
		case m != nil:
			code = m[1]
		case strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t"), markdownBare.MatchString(bare):
		case strings.HasPrefix(strings.TrimSpace(line), "|"):
			for _, cell := range strings.SplitAfter(line, "|") {
				inner, bar := strings.CutSuffix(cell, "|")
				d.add(inner, nil)
				if bar {
					d.raw("|")
				}
			}
			continue
		default:
			lead := markdownLead.FindString(line)
			d.raw(lead)
			d.add(line[len(lead):], nil)
			continue
		}
		d.raw(line)
	}
	return d, nil
}
