package extract

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// nodeText returns the text under a node: a block for each paragraph, heading
// and table row, a line for each list item, <pre> as it stands. With whole it
// leaves out what is marked as furniture: nav, aside, footer, form.
func nodeText(n *html.Node, whole bool) string {
	w := textWriter{whole: whole}
	w.node(n, 0)
	w.endBlock("\n\n")
	return strings.TrimSpace(w.out.String())
}

type textWriter struct {
	whole bool
	out   strings.Builder
	line  strings.Builder // the open block
	space bool            // white space is due before the next word
	gap   string          // what stands before the next block
	pre   int
}

// hidden are elements without text for a reader.
var hidden = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Head: true, atom.Iframe: true,
	atom.Object: true, atom.Svg: true, atom.Math: true, atom.Canvas: true, atom.Audio: true, atom.Video: true,
	atom.Button: true, atom.Select: true, atom.Textarea: true, atom.Datalist: true, atom.Map: true,
}

var furniture = map[atom.Atom]bool{atom.Nav: true, atom.Aside: true, atom.Footer: true, atom.Form: true, atom.Dialog: true, atom.Menu: true}

// blockGap are elements that stand on their own, and what parts them from the
// block before: list items and rows follow each other line by line.
var blockGap = map[atom.Atom]string{
	atom.P: "\n\n", atom.Div: "\n\n", atom.Section: "\n\n", atom.Article: "\n\n", atom.Main: "\n\n", atom.Header: "\n\n",
	atom.H1: "\n\n", atom.H2: "\n\n", atom.H3: "\n\n", atom.H4: "\n\n", atom.H5: "\n\n", atom.H6: "\n\n", atom.Hgroup: "\n\n",
	atom.Blockquote: "\n\n", atom.Pre: "\n\n", atom.Table: "\n\n", atom.Ul: "\n\n", atom.Ol: "\n\n", atom.Dl: "\n\n",
	atom.Figure: "\n\n", atom.Figcaption: "\n\n", atom.Address: "\n\n", atom.Hr: "\n\n", atom.Body: "\n\n", atom.Html: "\n\n",
	atom.Footer: "\n\n", atom.Nav: "\n\n", atom.Aside: "\n\n", atom.Form: "\n\n", atom.Fieldset: "\n\n", atom.Details: "\n\n",
	atom.Summary: "\n\n", atom.Caption: "\n\n", atom.Center: "\n\n",
	atom.Li: "\n", atom.Tr: "\n", atom.Dt: "\n", atom.Dd: "\n", atom.Option: "\n",
}

func (w *textWriter) node(n *html.Node, depth int) {
	switch n.Type {
	case html.TextNode:
		w.text(n.Data)
		return
	case html.ElementNode:
		if hidden[n.DataAtom] || w.whole && furniture[n.DataAtom] || attr(n, "aria-hidden") == "true" && n.DataAtom != atom.Body || hasAttr(n, "hidden") {
			return
		}
	case html.DocumentNode:
	default:
		return
	}
	gap, block := blockGap[n.DataAtom]
	if block {
		w.endBlock(gap)
	}
	switch n.DataAtom {
	case atom.Br:
		w.lineBreak()
	case atom.Td, atom.Th:
		w.space = w.line.Len() > 0
	case atom.Li:
		w.line.WriteString("- ")
	case atom.Pre:
		w.pre++
	}
	if depth < 1000 {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			w.node(c, depth+1)
		}
	}
	if n.DataAtom == atom.Pre {
		w.pre--
		w.flush()
	}
	if block {
		w.endBlock(gap)
	}
}

func hasAttr(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// text adds the characters of a text node, with white space collapsed outside <pre>.
func (w *textWriter) text(s string) {
	if w.pre > 0 {
		w.line.WriteString(strings.ReplaceAll(s, "\r", ""))
		return
	}
	for s != "" {
		if isSpace(s[0]) {
			w.space = w.line.Len() > 0
			s = strings.TrimLeft(s, " \t\n\r\f")
			continue
		}
		end := strings.IndexAny(s, " \t\n\r\f")
		if end < 0 {
			end = len(s)
		}
		if w.space {
			if last, _ := utf8.DecodeLastRuneInString(w.line.String()); last != '\n' && last != ' ' {
				w.line.WriteByte(' ')
			}
			w.space = false
		}
		w.line.WriteString(s[:end])
		s = s[end:]
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

// lineBreak ends a line; two of them end a block.
func (w *textWriter) lineBreak() {
	if strings.HasSuffix(w.line.String(), "\n") {
		w.endBlock("\n\n")
		return
	}
	if w.line.Len() > 0 {
		w.line.WriteByte('\n')
	}
	w.space = false
}

// endBlock ends the open block, if any, and asks for a gap before the next.
func (w *textWriter) endBlock(gap string) {
	w.flush()
	if len(gap) > len(w.gap) {
		w.gap = gap
	}
}

func (w *textWriter) flush() {
	block := w.line.String()
	w.line.Reset()
	w.space = false
	block = strings.Trim(strings.TrimRight(block, " \t\n"), "\n")
	if strings.TrimSpace(block) == "" || block == "-" {
		return
	}
	if w.out.Len() > 0 {
		w.out.WriteString(or(w.gap, "\n\n"))
	}
	w.gap = ""
	w.out.WriteString(block)
}
