package document

import (
	"fmt"
	"strings"
)

// readPO reads messages of gettext. Messages without a translation get one: msgstr of msgid; of
// plural forms the first of msgid and the others of msgid_plural. What is translated already, the
// header, comments and what is obsolete (#~) stay.
func readPO(content string, _ Languages) (*Document, error) {
	d := new(Document)
	m := map[string]string{}
	header := false
	lines := strings.SplitAfter(content, "\n")
	for i := 0; i < len(lines); {
		key, value, next, err := poField(lines, i)
		if err != nil {
			return nil, err
		}
		if key == "" { // a comment, or a blank line
			d.raw(lines[i])
			i++
			continue
		}
		switch {
		case key == "msgctxt":
			m = map[string]string{}
		case key == "msgid":
			m = map[string]string{"msgid": value}
			header = value == ""
		case key == "msgid_plural":
			m[key] = value
		case strings.HasPrefix(key, "msgstr") && value == "" && !header:
			source := m["msgid"]
			if plural, ok := m["msgid_plural"]; ok && key != "msgstr[0]" {
				source = plural
			}
			end := lines[next-1][len(strings.TrimRight(lines[next-1], "\r\n")):]
			d.raw(key + ` "`)
			before := source[:len(source)-len(strings.TrimLeft(source, " \n"))]
			after := source[len(strings.TrimRight(source, " \n")):]
			if before == source {
				after = ""
			}
			d.raw(poQuote(before))
			d.add(strings.ReplaceAll(source[len(before):len(source)-len(after)], "\n", `\n`), func(s string) string {
				return poQuote(strings.ReplaceAll(s, `\n`, "\n"))
			})
			d.raw(poQuote(after) + `"` + end)
			i = next
			continue
		}
		d.raw(strings.Join(lines[i:next], ""))
		i = next
	}
	return d, nil
}

// poField reads `key "text"` with the lines of text that follow; key is "" where line i is none.
func poField(lines []string, i int) (key, value string, next int, err error) {
	line := strings.TrimSpace(lines[i])
	if line == "" || line[0] == '#' {
		return "", "", i + 1, nil
	}
	key, quoted, ok := strings.Cut(line, " ")
	if !ok || line[0] == '"' {
		return "", "", 0, fmt.Errorf("line %d: %.40q is neither a comment nor a field of a message", i+1, line)
	}
	var b strings.Builder
	for next = i; ; {
		text, err := poUnquote(strings.TrimSpace(quoted))
		if err != nil {
			return "", "", 0, fmt.Errorf("line %d: %w", next+1, err)
		}
		b.WriteString(text)
		next++
		if next == len(lines) || !strings.HasPrefix(strings.TrimSpace(lines[next]), `"`) {
			return key, b.String(), next, nil
		}
		quoted = lines[next]
	}
}

var poEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`)

func poQuote(s string) string { return poEscapes.Replace(s) }

func poUnquote(s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", fmt.Errorf("%.40q is no text in quotes", s)
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		c := s[i]
		if c == '"' {
			return "", fmt.Errorf("%.40q has a quote inside", s)
		}
		if c == '\\' && i+1 < len(s)-1 {
			i++
			switch s[i] {
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			default:
				c = s[i]
			}
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}
