package extract

import (
	"html"
	"strings"

	"golang.org/x/net/html/atom"
)

// A tokenizer cuts a page into tags and text, as section 13.2.5 of the HTML standard
// does, in one pass over the page. Tokens are parts of the page: nothing is copied but
// what holds character references. (golang.org/x/net/html copies each attribute several
// times, which takes a third of the time of a page; a test holds the two alike.)
type tokenizer struct {
	page string
	at   int
	raw  string // the element whose text comes next and holds no tags: script, title
	// The token.
	tag    atom.Atom // 0: a name that HTML does not know
	custom string    // that name, in lower case
	attrs  []htmlAttr
	text   string
}

type token uint8

const (
	tokenEnd token = iota
	tokenText
	tokenStart
	tokenEndTag
)

// rawText are elements whose text ends at their end tag and at nothing else. In
// <title> and <textarea> character references count.
var rawText = map[atom.Atom]bool{
	atom.Iframe: true, atom.Noembed: true, atom.Noframes: true, atom.Script: true, atom.Style: true,
	atom.Textarea: true, atom.Title: true, atom.Xmp: true,
}

// plainLines makes "\n" of all line ends, and U+FFFD of zero bytes.
func plainLines(page string) string {
	if strings.IndexByte(page, '\r') >= 0 {
		page = strings.ReplaceAll(strings.ReplaceAll(page, "\r\n", "\n"), "\r", "\n")
	}
	if strings.IndexByte(page, 0) >= 0 {
		page = strings.ReplaceAll(page, "\x00", "\ufffd")
	}
	return page
}

func (z *tokenizer) next() token {
	if z.raw != "" {
		text := z.rawText()
		decoded := z.raw == "title" || z.raw == "textarea"
		z.raw = ""
		if text != "" {
			if z.text = text; decoded {
				z.text = html.UnescapeString(text)
			}
			return tokenText
		}
	}
	start := z.at
	for i := start; ; {
		open := strings.IndexByte(z.page[i:], '<')
		if open < 0 || i+open+1 >= len(z.page) {
			z.at = len(z.page)
			return z.textFrom(start, z.at)
		}
		i += open
		c := z.page[i+1]
		letter := isLetter(c)
		if !letter && c != '/' && c != '!' && c != '?' || c == '/' && i+2 >= len(z.page) {
			i++
			continue
		}
		if i > start { // the text before it comes first
			z.at = i
			return z.textFrom(start, i)
		}
		switch {
		case letter:
			z.at = i + 1
			return z.startTag()
		case c == '/' && isLetter(z.page[i+2]):
			z.at = i + 2
			return z.endTag()
		case strings.HasPrefix(z.page[i:], "<!--"):
			z.at = i + commentLength(z.page[i:])
		default: // <!doctype>, <?xml>, </>, </3>
			z.at = i + 2
			if c != '/' || z.page[i+2] != '>' {
				z.skipPast(">")
			} else {
				z.at++
			}
		}
		start, i = z.at, z.at
	}
}

func (z *tokenizer) textFrom(start, end int) token {
	if start >= end {
		return tokenEnd
	}
	z.text = html.UnescapeString(z.page[start:end])
	return tokenText
}

func (z *tokenizer) skipPast(mark string) {
	if i := strings.Index(z.page[z.at:], mark); i >= 0 {
		z.at += i + len(mark)
	} else {
		z.at = len(z.page)
	}
}

// commentLength is that of the comment that s begins with.
func commentLength(s string) int {
	rest := s[len("<!--"):]
	if strings.HasPrefix(rest, ">") || strings.HasPrefix(rest, "->") {
		return len("<!--") + strings.IndexByte(rest, '>') + 1
	}
	for i := 0; ; {
		dashes := strings.Index(rest[i:], "--")
		if dashes < 0 {
			return len(s)
		}
		i += dashes + 2
		for i < len(rest) && rest[i] == '-' {
			i++
		}
		end := i
		if end < len(rest) && rest[end] == '!' {
			end++
		}
		if end < len(rest) && rest[end] == '>' {
			return len("<!--") + end + 1
		}
	}
}

// startTag reads the tag whose name begins here. A tag that the page ends in is none.
func (z *tokenizer) startTag() token {
	z.name()
	z.attrs = z.attrs[:0]
	for {
		z.skipSpace()
		if z.at >= len(z.page) {
			return tokenEnd
		}
		switch z.page[z.at] {
		case '>':
			z.at++
			if rawText[z.tag] {
				z.raw = z.tag.String()
			} else if z.tag == atom.Plaintext {
				z.raw = "plaintext"
			}
			return tokenStart
		case '/':
			z.at++
			continue
		}
		z.attribute()
	}
}

// attribute reads `key`, `key=value`, `key='value'` or `key="value"`, and keeps those
// that anything asks for. Of two of one name the first counts.
func (z *tokenizer) attribute() {
	start := z.at
	for z.at < len(z.page) && (!endsKey(z.page[z.at]) || z.page[z.at] == '=' && z.at == start) {
		z.at++
	}
	key := z.page[start:z.at]
	z.skipSpace()
	value := ""
	if z.at < len(z.page) && z.page[z.at] == '=' {
		z.at++
		z.skipSpace()
		value = z.value()
	}
	if len(key) > longestAttr || z.at >= len(z.page) {
		return
	}
	var lower [longestAttr]byte
	name, ok := usedAttrs[string(lowerInto(lower[:0], key))]
	if !ok || len(z.attrs) >= 32 {
		return
	}
	for i := range z.attrs {
		if z.attrs[i].key == name {
			return
		}
	}
	z.attrs = append(z.attrs, htmlAttr{name, unescapeValue(value)})
}

func (z *tokenizer) value() string {
	if z.at >= len(z.page) {
		return ""
	}
	if quote := z.page[z.at]; quote == '"' || quote == '\'' {
		z.at++
		start := z.at
		end := strings.IndexByte(z.page[start:], quote)
		if end < 0 {
			z.at = len(z.page)
			return z.page[start:]
		}
		z.at = start + end + 1
		return z.page[start : start+end]
	}
	start := z.at
	for z.at < len(z.page) && !isSpace(z.page[z.at]) && z.page[z.at] != '>' {
		z.at++
	}
	return z.page[start:z.at]
}

// unescapeValue decodes character references. In attributes they end with a semicolon:
// in href="?a=1&copy=2" there is none.
func unescapeValue(s string) string {
	amp := strings.IndexByte(s, '&')
	if amp < 0 {
		return s
	}
	var out strings.Builder
	for amp >= 0 {
		out.WriteString(s[:amp])
		s = s[amp:]
		end := 1
		for end < len(s) && (isLetter(s[end]) || s[end] >= '0' && s[end] <= '9' || s[end] == '#') {
			end++
		}
		if end < len(s) && s[end] == ';' {
			end++
			out.WriteString(html.UnescapeString(s[:end]))
		} else {
			out.WriteString(s[:end])
		}
		s = s[end:]
		amp = strings.IndexByte(s, '&')
	}
	out.WriteString(s)
	return out.String()
}

func (z *tokenizer) endTag() token {
	z.name()
	for z.at < len(z.page) { // attributes of end tags are read and forgotten
		z.skipSpace()
		if z.at >= len(z.page) {
			break
		}
		switch z.page[z.at] {
		case '>':
			z.at++
			return tokenEndTag
		case '/':
			z.at++
		default:
			z.attribute()
		}
	}
	return tokenEnd
}

// name reads a tag's name.
func (z *tokenizer) name() {
	start := z.at
	for z.at < len(z.page) && !isSpace(z.page[z.at]) && z.page[z.at] != '/' && z.page[z.at] != '>' {
		z.at++
	}
	name := z.page[start:z.at]
	z.tag, z.custom = 0, ""
	var lower [32]byte
	if len(name) <= len(lower) {
		if z.tag = atom.Lookup(lowerInto(lower[:0], name)); z.tag != 0 {
			return
		}
	}
	z.custom = string(lowerInto(nil, name))
}

func (z *tokenizer) skipSpace() {
	for z.at < len(z.page) && isSpace(z.page[z.at]) {
		z.at++
	}
}

// rawText reads up to the end tag of z.raw, or to the end of the page.
func (z *tokenizer) rawText() string {
	start := z.at
	if z.raw == "plaintext" {
		z.at = len(z.page)
		return z.page[start:]
	}
	const plain, escaped, hidden = 0, 1, 2 // of scripts: outside of <!-- -->, inside, and inside of a <script> in there
	state := plain
	for z.at < len(z.page) {
		rest := z.page[z.at:]
		i := strings.IndexByte(rest, '<')
		if state != plain {
			if end := strings.Index(rest, "-->"); end >= 0 && (i < 0 || end < i) {
				state = plain
				z.at += end + len("-->")
				continue
			}
		}
		if i < 0 {
			break
		}
		z.at += i
		rest = rest[i:]
		switch {
		case isTag(rest, "</", z.raw):
			if state != hidden {
				return z.page[start:z.at]
			}
			state = escaped
			z.at += len("</") + len(z.raw)
		case z.raw == "script" && state == plain && strings.HasPrefix(rest, "<!--"):
			state = escaped
			z.at += len("<!") // the dashes may be those of -->
		case state == escaped && isTag(rest, "<", z.raw):
			state = hidden
			z.at++
		default:
			z.at++
		}
	}
	z.at = len(z.page)
	return z.page[start:]
}

// isTag reports whether s begins with a tag of a name.
func isTag(s, open, name string) bool {
	n := len(open) + len(name)
	return len(s) > n && s[:len(open)] == open && strings.EqualFold(s[len(open):n], name) && (isSpace(s[n]) || s[n] == '/' || s[n] == '>')
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func endsKey(c byte) bool { return isSpace(c) || c == '/' || c == '>' || c == '=' }

// lowerInto appends s with its ASCII letters in lower case.
func lowerInto(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
