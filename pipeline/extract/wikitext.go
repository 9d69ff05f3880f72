package extract

import (
	"html"
	"regexp"
	"strings"
)

// Wikitext returns the text of a page in the markup of MediaWiki: links by their
// label; without templates, tables, references, files, categories and comments.
// Headings and list items keep a line of their own.
//
// Source: https://www.mediawiki.org/wiki/Help:Formatting.
func Wikitext(s string) string {
	s = wikiComment.ReplaceAllString(s, "")
	s = dropElements(s)
	s = dropNested(s, "{{", "}}")
	s = dropNested(s, "{|", "|}")
	s = wikiLinks(s)
	s = externalLink.ReplaceAllString(s, "$1")
	s = bareLink.ReplaceAllString(s, "")
	s = wikiTag.ReplaceAllString(s, "")
	s = strings.NewReplacer("'''''", "", "'''", "", "''", "").Replace(s)
	s = magicWord.ReplaceAllString(s, "")
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimRight(line, " \t")
		switch {
		case wikiHeading.MatchString(line):
			line = "\n" + wikiHeading.FindStringSubmatch(line)[1] + "\n"
		case strings.HasPrefix(line, "*") || strings.HasPrefix(line, "#"):
			if line = strings.TrimLeft(line, "*#:; "); line != "" {
				line = "- " + line
			}
		case strings.HasPrefix(line, ":") || strings.HasPrefix(line, ";"):
			line = strings.TrimLeft(line, ":; ")
		case strings.HasPrefix(line, "----"):
			line = ""
		}
		out = append(out, line)
	}
	s = html.UnescapeString(strings.Join(out, "\n"))
	s = strings.NewReplacer("\u00a0", " ", "( ", "(", "()", "", "(, ", "(").Replace(s)
	return strings.Join(Blocks(s), "\n\n")
}

var (
	wikiComment  = regexp.MustCompile(`(?s)<!--.*?-->`)
	externalLink = regexp.MustCompile(`\[(?:https?|ftp|mailto)?:?//[^\s\]]+\s+([^\]\n]*)\]`)
	bareLink     = regexp.MustCompile(`\[(?:https?|ftp)://[^\s\]]+\]`)
	wikiTag      = regexp.MustCompile(`</?[a-zA-Z][^<>]*>`)
	magicWord    = regexp.MustCompile(`__[A-ZÁÉÍÓÚÑ]+__`)
	wikiHeading  = regexp.MustCompile(`^={1,6}\s*(.*?)\s*={1,6}$`)
)

// droppedElements are elements of which the content goes too.
var droppedElements = []string{"ref", "gallery", "timeline", "imagemap", "math", "chem", "score", "templatestyles", "references", "syntaxhighlight", "source", "table"}

// dropElements removes elements with what is in them.
func dropElements(s string) string {
	var out strings.Builder
	open := map[string]bool{} // elements that are not closed any more
	unclosed := false         // no ">" follows
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		out.WriteString(s[:i])
		s = s[i:]
		name, end := droppedElement(s), -1
		if name != "" && !unclosed {
			end = strings.IndexByte(s, '>')
			unclosed = end < 0
		}
		switch {
		case end < 0:
			out.WriteByte('<')
			s = s[1:]
		case s[end-1] == '/':
			s = s[end+1:]
		default:
			closing := "</" + name
			k := -1
			if !open[name] {
				k = indexFold(s[end:], closing)
			}
			if k < 0 {
				open[name] = true
				s = s[end+1:]
				break
			}
			s = s[end+k+len(closing):]
			if at := strings.IndexByte(s, '>'); at >= 0 && at < 16 {
				s = s[at+1:]
			}
		}
	}
	out.WriteString(s)
	return out.String()
}

// droppedElement names the element that begins here, if it is one that goes.
func droppedElement(s string) string {
	for _, name := range droppedElements {
		if len(s) > len(name)+1 && strings.EqualFold(s[1:1+len(name)], name) {
			if c := s[1+len(name)]; c == '>' || c == ' ' || c == '/' || c == '\n' {
				return name
			}
		}
	}
	return ""
}

// indexFold finds an element's end, in small or capital letters.
func indexFold(s, tag string) int {
	for at := 0; ; {
		i := strings.Index(s[at:], "</")
		if i < 0 {
			return -1
		}
		if at += i; len(s)-at >= len(tag) && strings.EqualFold(s[at:at+len(tag)], tag) {
			return at
		}
		at += 2
	}
}

// dropNested removes what stands between two marks, which may nest. What is never
// closed stays.
func dropNested(s, open, shut string) string {
	var out strings.Builder
	depth, begin := 0, 0
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], open):
			if depth == 0 {
				out.WriteString(s[begin:i])
				begin = i
			}
			depth++
			i += 2
		case depth > 0 && strings.HasPrefix(s[i:], shut):
			i += 2
			if depth--; depth == 0 {
				begin = i
			}
		default:
			i++
		}
	}
	if depth > 0 {
		begin += 2
	}
	if begin < len(s) {
		out.WriteString(s[begin:])
	}
	return out.String()
}

// wikiLinks writes links as their labels; those to files and categories, and to
// other languages, go.
func wikiLinks(s string) string {
	var out strings.Builder
	for {
		i := strings.Index(s, "[[")
		if i < 0 {
			break
		}
		out.WriteString(s[:i])
		n := linkEnd(s[i:])
		if n == 0 {
			out.WriteString("[[")
			s = s[i+2:]
			continue
		}
		out.WriteString(linkText(s[i+2 : i+n-2]))
		s = s[i+n:]
	}
	out.WriteString(s)
	return out.String()
}

// linkEnd returns the length of a link, in which others may nest; 0 if it is not
// closed within 16 kB.
func linkEnd(s string) int {
	depth := 0
	for i := 0; i+1 < min(len(s), 16<<10); {
		switch s[i : i+2] {
		case "[[":
			if depth++; depth > 20 {
				return 0
			}
			i += 2
		case "]]":
			i += 2
			if depth--; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return 0
}

func linkText(link string) string {
	target, label, labelled := strings.Cut(link, "|")
	if space, rest, ok := strings.Cut(target, ":"); ok && !strings.HasPrefix(target, ":") && !strings.HasPrefix(rest, " ") {
		if lower := strings.ToLower(strings.TrimSpace(space)); lower != "" && (namespaces[lower] || len(lower) < 4 && languageCode(lower) != "") {
			return ""
		}
	}
	if !labelled {
		return strings.TrimPrefix(target, ":")
	}
	if strings.Contains(label, "[[") {
		label = wikiLinks(label)
	}
	return label
}

// namespaces of links that are no text.
var namespaces = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields("file image media category archivo imagen categoría categoria fichier catégorie datei bild kategorie immagine ficheiro") {
		m[name] = true
	}
	return m
}()
