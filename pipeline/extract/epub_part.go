package extract

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// part returns the text of a part of an e-book, with marks where chapters begin;
// the chapters are appended to names.
func (e *epub) part(ctx context.Context, name string, entries []entry, names *[]Chapter) (string, error) {
	if e.locked[name] {
		return "", errors.New("it is encrypted")
	}
	b, err := e.zip.read(name)
	if err != nil {
		return "", err
	}
	text, _, err := Decode(b, xmlEncoding(b))
	if err != nil {
		return "", err
	}
	marks := map[string][]int{} // by id; "": the beginning
	for _, n := range entries {
		if n.member == name {
			marks[n.fragment] = append(marks[n.fragment], len(*names))
			*names = append(*names, n.chapter)
		}
	}
	prepared, contents := prepareXHTML(withoutSubset(text), marks)
	if contents {
		return "", nil
	}
	page, err := VisibleText(ctx, []byte(prepared))
	if err != nil {
		return "", err
	}
	return page.Text, nil
}

// withoutSubset returns a document without the declarations within its DOCTYPE, which
// HTML does not have: they would be text.
func withoutSubset(text string) string {
	head := text[:min(len(text), 64<<10)]
	from := strings.Index(head, "<!DOCTYPE")
	if from < 0 {
		return text
	}
	open := strings.IndexAny(head[from:], "[>")
	if open < 0 || head[from+open] == '>' {
		return text
	}
	end := strings.Index(head[from+open:], "]")
	for end >= 0 {
		rest := strings.TrimLeft(head[from+open+end+1:], " \t\r\n")
		if strings.HasPrefix(rest, ">") {
			return text[:from] + text[len(head)-len(rest)+1:]
		}
		next := strings.Index(head[from+open+end+1:], "]")
		if next < 0 {
			break
		}
		end += 1 + next
	}
	return text
}

// xmlEncoding returns the encoding that an XML declaration names.
func xmlEncoding(b []byte) string {
	head := string(b[:min(len(b), 256)])
	if !strings.HasPrefix(strings.TrimPrefix(head, "\xef\xbb\xbf"), "<?xml") {
		return ""
	}
	head, _, _ = strings.Cut(head, "?>")
	_, rest, ok := strings.Cut(head, "encoding")
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, " =\t")
	if rest == "" {
		return ""
	}
	value, _, _ := strings.Cut(rest[1:], rest[:1])
	return value
}

// void elements of HTML have no end tag.
var void = map[string]bool{"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true, "link": true, "meta": true, "source": true, "track": true, "wbr": true}

// prepareXHTML makes of XHTML what a reader of HTML reads the same: elements that
// are closed at once get an end tag, CDATA its text. Marks are set where chapters
// begin, and the numbers of printed pages go. contents reports that the part is a
// table of contents: most of its text is links.
func prepareXHTML(text string, marks map[string][]int) (prepared string, contents bool) {
	z := html.NewTokenizer(strings.NewReader(closeElements(text)))
	z.AllowCDATA(true)
	var out bytes.Buffer
	set := func(id string) {
		for _, i := range marks[id] {
			out.WriteString("<p>" + mark(i) + "</p>")
		}
		delete(marks, id)
	}
	var linked, letters, links, skip, inLink int
	skipped := "" // the element that is left out
	head := false
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		raw := z.Raw()
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			raw = slices.Clone(raw)
			tag, more := z.TagName()
			name := string(tag)
			var id string
			page := name == "nav" // or a list of links, or the number of a page
			for more {
				var key, value []byte
				key, value, more = z.TagAttr()
				switch k, v := string(key), string(value); {
				case k == "id" || k == "name" && name == "a":
					id = v
				case k == "epub:type" && strings.Contains(v, "pagebreak"), k == "role" && (v == "doc-pagebreak" || v == "navigation"), k == "epub:type" && (v == "toc" || v == "landmarks" || v == "page-list"), k == "class" && slices.ContainsFunc(strings.Fields(v), isPageNumber):
					page = true
				}
			}
			if skipped != "" {
				if name == skipped && kind == html.StartTagToken {
					skip++
				}
				continue
			}
			if name == "head" {
				head = true
			}
			if name == "body" {
				head = false
				out.Write(raw)
				set("")
				set(id)
				continue
			}
			if id != "" && !head {
				set(id)
			}
			if page && kind == html.StartTagToken && !void[name] {
				skipped, skip = name, 1
				continue
			}
			if name == "a" && kind == html.StartTagToken {
				inLink++
				links++
			}
		case html.EndTagToken:
			tag, _ := z.TagName()
			if skipped != "" {
				if string(tag) == skipped {
					if skip--; skip == 0 {
						skipped = ""
					}
				}
				continue
			}
			if string(tag) == "a" {
				inLink = max(0, inLink-1)
			}
			if string(tag) == "head" {
				head = false
			}
		case html.TextToken:
			if skipped != "" {
				continue
			}
			n := len(bytes.TrimSpace(raw))
			if letters += n; inLink > 0 {
				linked += n
			}
			if bytes.HasPrefix(raw, []byte("<![CDATA[")) {
				raw = []byte(html.EscapeString(string(z.Text())))
			}
		}
		if skipped == "" {
			out.Write(raw)
		}
	}
	return out.String(), links >= 5 && linked*10 >= letters*8
}

func isPageNumber(class string) bool {
	return class == "pagenum" || class == "pageno" || class == "pagebreak" || class == "page-number"
}

// closeElements writes <p/> as <p></p>, which HTML does not know, for all elements
// but those that never have an end tag.
func closeElements(s string) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		out.WriteString(s[:i])
		s = s[i:]
		n := 0
		switch {
		case strings.HasPrefix(s, "<!--"):
			if n = strings.Index(s, "-->"); n >= 0 {
				n += 3
			}
		case strings.HasPrefix(s, "<![CDATA["):
			if n = strings.Index(s, "]]>"); n >= 0 {
				out.WriteString(html.EscapeString(s[len("<![CDATA["):n]))
				s = s[n+3:]
				continue
			}
		default:
			n = tagEnd(s)
		}
		if n <= 0 {
			break
		}
		tag := s[:n]
		s = s[n:]
		name := strings.TrimPrefix(tag, "<")
		if at := strings.IndexAny(name, " \t\r\n/>"); at >= 0 {
			name = name[:at]
		}
		if body, ok := strings.CutSuffix(tag, "/>"); ok && name != "" && !void[strings.ToLower(name)] {
			out.WriteString(body + "></" + name + ">")
			continue
		}
		out.WriteString(tag)
	}
	out.WriteString(s)
	return out.String()
}

// tagEnd returns the length of a tag, whose attributes may hold ">"; 0 if it does
// not end.
func tagEnd(s string) int {
	quote := byte(0)
	for i := 1; i < len(s) && i < 1<<16; i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return 0
}
