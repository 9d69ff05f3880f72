package extract

import (
	"regexp"
	"slices"
	"strings"
)

// A Header is what the header of a Project Gutenberg file says. Fields that it
// does not name are empty.
type Header struct {
	Title    string
	Author   string
	Date     string // release, ISO 8601 to the precision given: 2013-08-16, 1999-12
	Language string // ISO 639-1 where known
	Charset  string // as declared; it may lie

	// Copyrighted marks a book that Project Gutenberg gives away by permission of its
	// author: it is not in the public domain.
	Copyrighted bool
}

var (
	// The header ends with one of these lines: the first since 2004, the second before.
	startMark = regexp.MustCompile(`(?i)^[*\s]*START OF (?:THIS |THE )?(?:COPYRIGHTED )?PROJECT GUTENBERG`)
	smallEnd  = regexp.MustCompile(`(?i)^[*\s]*END[*\s]*(?:OF )?THE SMALL PRINT`)
	// The licence begins with the first of these lines.
	endMark = regexp.MustCompile(`(?i)^[*\s\[]*(?:THIS IS )?(?:THE )?END OF (?:THIS |THE |VOL[^ ]* \w+ OF )?(?:COPYRIGHTED )?PROJECT GUTENBERG|` +
		`^[*\s]*START: FULL LICENSE|^[*\s]*THE FULL PROJECT GUTENBERG LICENSE|` +
		`^[*\s\[]*(?:FIN|ENDE|FINE|FIM|FI|EINDE|SLUT(?:ET)?) (?:(?:D[A-Z]*|V[AO]N|AF|AV) )?(?:\S+ ){0,5}PRO[A-Z]+ GUTENBERG`)
	// Who makes such files: there are sisters of the project, and those before it.
	madeBy      = regexp.MustCompile(`(?i)project\s+gutenberg|internet\s+wiretap|distributed\s+proofreaders\s+canada`)
	copyrighted = regexp.MustCompile(`(?i)(?:this\s+is\s+a|start\s+of\s+the|end\s+of\s+the)\s+copyrighted\s+project\s+gutenberg`)

	field   = regexp.MustCompile(`(?i)^(Title|Author|Release Date|Posting Date|Language|Character set encoding)\s*:\s*(.+)$`)
	oldHead = regexp.MustCompile(`(?i)^[*\s]*(?:The )?Project Gutenberg(?:'s|’s)?\s+(?:(?:Etext|EBook)(?: of|,)\s+)?(.+?)[*\s]*$`)
	byline  = regexp.MustCompile(`(?i)^(.+?),?\s+by\s+(.+?)(?:,\s+in\s+(\w+))?$`)
	etextNo = regexp.MustCompile(`(?i)^(?:Official release date )?([A-Z][a-z]+ ?(?:\d{1,2},)?,? ?\d{4})(?:\s+\[E-?(?:text|book)\s*#\d+\])`)
)

// Gutenberg returns the book inside a Project Gutenberg file, without header,
// licence, and the lines that say who made the file, and what the header says.
// All styles of header since 1991 are known, those of its sisters in Australia and Canada,
// and of the Internet Wiretap. found is false, and body the text
// as it was, where text comes from elsewhere.
func Gutenberg(text string) (body string, h Header, found bool) {
	text = Lines(text)
	if !madeBy.MatchString(text[:min(len(text), 64<<10)]) && !madeBy.MatchString(text[max(0, len(text)-64<<10):]) {
		return text, Header{}, false
	}
	lines := strings.Split(text, "\n")
	start := headerEnd(lines)
	end := len(lines)
	for i := start; i < len(lines); i++ {
		if isEnd(lines[i]) {
			end = i
			break
		}
	}
	h = header(lines[:start])
	if start == 0 { // no header: one that was cut off by hand, say
		h = header(lines[:min(60, end)])
	}
	h.Copyrighted = slices.ContainsFunc(lines[:max(start, min(60, end))], copyrighted.MatchString) || slices.ContainsFunc(lines[end:], copyrighted.MatchString)
	return withoutCredits(strings.Join(lines[start:end], "\n")), h, true
}

// isEnd asks the expression only about lines that can match.
func isEnd(line string) bool {
	return (strings.Contains(line, "utenberg") || strings.Contains(line, "UTENBERG") || strings.Contains(line, "LICENSE")) &&
		endMark.MatchString(line)
}

// headerEnd returns the number of lines of the header.
func headerEnd(lines []string) int {
	end := 0
	for i := 0; i < len(lines) && i < 1500; i++ {
		switch line := lines[i]; {
		case startMark.MatchString(line):
			// The title may run over several lines, up to the closing stars.
			for j := i; j < min(i+5, len(lines)); j++ {
				if strings.HasSuffix(strings.TrimSpace(lines[j]), "***") && (j > i || strings.Count(line, "***") > 1) {
					return j + 1
				}
			}
			return i + 1
		case smallEnd.MatchString(line):
			end = i + 1
			for end < len(lines) && !strings.Contains(lines[end-1], "END*") && strings.TrimSpace(lines[end]) != "" {
				end++
			}
		case isEnd(line): // a small print behind it is that of the end
			return end
		}
	}
	return end
}

// header reads the fields of a header in any style.
func header(lines []string) (h Header) {
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if m := field.FindStringSubmatch(line); m != nil {
			value := m[2]
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "     ") { // runs on, indented
				i++
				value += " " + strings.TrimSpace(lines[i])
			}
			if j := strings.Index(value, "["); j > 0 {
				value = strings.TrimSpace(value[:j])
			}
			value = strings.Join(strings.Fields(value), " ")
			switch strings.ToLower(m[1]) {
			case "title":
				h.Title = value
			case "author":
				h.Author = value
			case "release date", "posting date":
				if d := isoDate(value); h.Date == "" || strings.EqualFold(m[1], "release date") {
					h.Date = d
				}
			case "language":
				h.Language = languageCode(value)
			case "character set encoding":
				h.Charset = value
			}
			continue
		}
		if m := etextNo.FindStringSubmatch(line); m != nil && h.Date == "" {
			h.Date = isoDate(m[1])
		}
	}
	if h.Title == "" {
		oldStyle(lines, &h)
	}
	return h
}

// oldStyle reads title, author and language from a first line such as
// "Project Gutenberg Etext of Don Quijote, by Cervantes, in Spanish".
func oldStyle(lines []string, h *Header) {
	for i, line := range lines[:min(len(lines), 40)] {
		m := oldHead.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		rest := m[1]
		if !strings.Contains(rest, " by ") && i+1 < len(lines) {
			if next := strings.TrimSpace(lines[i+1]); strings.HasPrefix(next, "by ") {
				rest += " " + strings.TrimRight(next, "* ")
			}
		}
		h.Title = strings.Trim(rest, "* ,")
		if b := byline.FindStringSubmatch(rest); b != nil {
			h.Title, h.Author = strings.Trim(b[1], " ,"), strings.Trim(b[2], "* ")
			if b[3] != "" {
				h.Language = languageCode(b[3])
			}
		}
		return
	}
}

// DeclaredCharset returns what the header of a Project Gutenberg file says of
// its encoding, or "". It reads bytes, because it is needed to decode them.
func DeclaredCharset(b []byte) string {
	const label = "Character set encoding:"
	head := string(b[:min(len(b), 8<<10)])
	_, rest, ok := strings.Cut(head, label)
	if !ok {
		return ""
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
