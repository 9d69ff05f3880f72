package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

// A block is a run of text between two boundaries that a reader sees: a
// paragraph, a heading, a list item, a cell of a table.
type block struct {
	text    string
	inner   int32 // the element that its first text stands in
	box     int32 // the innermost block element around it
	gap     gap   // what parts it from the block before
	item    bool  // first of its list item
	linked  int   // bytes of text inside links
	strong  int   // bytes of bold text
	context ancestry
}

// A gap parts two blocks. The wider one wins where several meet.
type gap uint8

const (
	gapCell gap = iota // two cells of one row
	gapLine            // two items of a list, two rows, two lines
	gapBlock
)

// ancestry says what elements stand around a block.
type ancestry uint64

const (
	inNav ancestry = 1 << iota
	inHeader
	inFooter
	inAside
	inForm
	inMain
	inArticle
	inSection
	inTable
	inCell
	inList
	inItem
	inDefinition
	inQuote
	inFigure
	inButton
	inDialog
	inNoscript
	inTemplate
	inHidden
	inLink
	inPre
	inCode
	inHeading
	inH1
	inLabel
	inSummary
	inAddress
	inParagraph
	inCaption
	inTime
	inProduct // schema.org Product, and so on for the following
	inComment
	inReview
	inBody        // itemprop articleBody, text, reviewBody
	inDescription // itemprop description
	inListItem
	fromData // not on the page itself: from JSON-LD or <meta>
)

// contextOf are the contexts that elements make by their names.
var contextOf = map[atom.Atom]ancestry{
	atom.Nav: inNav, atom.Menu: inNav, atom.Header: inHeader, atom.Footer: inFooter, atom.Aside: inAside, atom.Form: inForm, atom.Main: inMain,
	atom.Article: inArticle, atom.Section: inSection, atom.Table: inTable, atom.Td: inCell, atom.Th: inCell, atom.Ul: inList, atom.Ol: inList,
	atom.Li: inItem, atom.Dl: inDefinition, atom.Dt: inDefinition, atom.Dd: inDefinition, atom.Blockquote: inQuote, atom.Figure: inFigure,
	atom.Button: inButton, atom.Dialog: inDialog, atom.Noscript: inNoscript, atom.Template: inTemplate, atom.A: inLink, atom.Pre: inPre,
	atom.Code: inCode, atom.H1: inHeading | inH1, atom.H2: inHeading, atom.H3: inHeading, atom.H4: inHeading, atom.H5: inHeading, atom.H6: inHeading,
	atom.Label: inLabel, atom.Legend: inLabel, atom.Summary: inSummary, atom.Address: inAddress, atom.P: inParagraph, atom.Caption: inCaption, atom.Figcaption: inCaption,
	atom.Time: inTime,
}

var contextOfRole = map[string]ancestry{
	"navigation": inNav, "menu": inNav, "menubar": inNav, "tablist": inNav, "banner": inHeader, "contentinfo": inFooter, "complementary": inAside,
	"search": inForm, "form": inForm, "main": inMain, "article": inArticle, "list": inList, "listitem": inItem, "dialog": inDialog,
	"alertdialog": inDialog, "button": inButton, "heading": inHeading, "table": inTable, "cell": inCell,
}

var contextOfProperty = map[string]ancestry{
	"articlebody": inBody, "text": inBody, "reviewbody": inBody | inReview, "description": inDescription, "comment": inComment, "review": inReview,
	"itemlistelement": inListItem, "mainentity": inMain, "maincontentofpage": inMain,
}

var contextOfType = map[string]ancestry{
	"product": inProduct, "comment": inComment, "review": inReview, "listitem": inListItem, "sitenavigationelement": inNav, "wpheader": inHeader,
	"wpfooter": inFooter, "wpsidebar": inAside, "discussionforumposting": inArticle, "answer": inArticle, "question": inArticle,
}

// silent are elements without text for a reader.
var silent = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Head: true, atom.Iframe: true, atom.Object: true, atom.Svg: true, atom.Canvas: true,
	atom.Audio: true, atom.Video: true, atom.Select: true, atom.Textarea: true, atom.Datalist: true, atom.Map: true, atom.Title: true, atom.Noembed: true, atom.Noframes: true,
}

// blockGap are elements that stand on their own, and what parts them from the
// block before.
var blockGap = map[atom.Atom]string{
	atom.P: "\n\n", atom.Div: "\n\n", atom.Section: "\n\n", atom.Article: "\n\n", atom.Main: "\n\n", atom.Header: "\n\n",
	atom.H1: "\n\n", atom.H2: "\n\n", atom.H3: "\n\n", atom.H4: "\n\n", atom.H5: "\n\n", atom.H6: "\n\n", atom.Hgroup: "\n\n",
	atom.Blockquote: "\n\n", atom.Pre: "\n\n", atom.Table: "\n\n", atom.Ul: "\n\n", atom.Ol: "\n\n", atom.Dl: "\n\n", atom.Menu: "\n\n",
	atom.Figure: "\n\n", atom.Figcaption: "\n\n", atom.Address: "\n\n", atom.Hr: "\n\n", atom.Body: "\n\n", atom.Html: "\n\n",
	atom.Footer: "\n\n", atom.Nav: "\n\n", atom.Aside: "\n\n", atom.Form: "\n\n", atom.Fieldset: "\n\n", atom.Details: "\n\n",
	atom.Summary: "\n\n", atom.Caption: "\n\n", atom.Center: "\n\n", atom.Button: "\n\n", atom.Dialog: "\n\n", atom.Noscript: "\n\n", atom.Template: "\n\n",
	atom.Li: "\n", atom.Tr: "\n", atom.Dt: "\n", atom.Dd: "\n", atom.Option: "\n", atom.Legend: "\n",
	atom.Td: " ", atom.Th: " ",
}

// segment cuts a page into its blocks, in document order. With tex, formulas are
// the TeX that they are made from, between dollar signs.
func segment(nodes []node, tex bool) []block {
	s := segmenter{nodes: nodes, tex: tex}
	s.element(0, 0, 0)
	s.end(gapBlock)
	return s.blocks
}

type segmenter struct {
	nodes  []node
	tex    bool
	blocks []block
	line   []byte // text of the open block
	open   block
	space  bool // white space is due before the next word
	gap    gap  // before the open block
	item   bool // a list item has begun, without text yet
	pre    int
	strong int
}

func (s *segmenter) element(i, box int32, c ancestry) {
	n := &s.nodes[i]
	if silent[n.tag] {
		if s.tex && n.tag == atom.Script && strings.HasPrefix(n.attr("type"), "math/tex") && n.end > i+1 {
			s.text("$"+strings.TrimSpace(s.nodes[i+1].text)+"$", i, box, c)
		}
		return
	}
	if formula, ok := s.formula(i); ok {
		s.text(formula, i, box, c)
		return
	}
	c = s.contextWithin(n, c)
	width, isBlock := blockWidth(n)
	if s.pre > 0 { // highlighters make an element of each line
		width = min(width, gapLine)
	}
	if isBlock {
		s.end(width)
		box = i
	}
	switch n.tag {
	case atom.Br:
		s.lineBreak()
	case atom.Li:
		s.item = true
	case atom.Pre:
		s.pre++
	case atom.B, atom.Strong:
		s.strong++
	}
	for child := i + 1; child < n.end; child = s.nodes[child].end {
		if m := &s.nodes[child]; m.isText() {
			s.text(m.text, i, box, c)
		} else {
			s.element(child, box, c)
		}
	}
	switch n.tag {
	case atom.Pre:
		s.end(gapBlock)
		s.pre--
	case atom.B, atom.Strong:
		s.strong--
	case atom.Li:
		s.item = false
	}
	if isBlock {
		s.end(width)
	}
}

// formula returns what stands for a formula and all inside it: with tex its TeX, where
// the page has it. Pages often hold a formula twice, as MathML for screen readers and as
// boxes or an image for the eye; one of them is kept.
func (s *segmenter) formula(i int32) (string, bool) {
	n := &s.nodes[i]
	switch class := n.attr("class"); {
	case n.tag == atom.Math:
		var symbols strings.Builder
		for c := i + 1; c < n.end; c++ {
			m := &s.nodes[c]
			if m.tag == atom.Annotation {
				if s.tex && strings.Contains(m.attr("encoding"), "tex") && m.end > c+1 {
					return "$" + strings.TrimSpace(s.nodes[c+1].text) + "$", true
				}
				c = m.end - 1
			} else if m.isText() {
				symbols.WriteString(strings.TrimSpace(m.text))
			}
		}
		return symbols.String(), true
	case !s.tex && (strings.Contains(class, "katex-mathml") || strings.Contains(class, "MathJax_Preview") || strings.Contains(class, "MJX_Assistive_MathML")):
		return "", true
	case strings.HasPrefix(class, "katex-html"):
		return "", s.tex
	case n.tag == atom.Img && strings.Contains(class, "tex"):
		if alt := n.attr("alt"); s.tex && alt != "" {
			return "$" + alt + "$", true
		}
	}
	return "", false
}

// blockWidth tells block elements from inline ones. An element that HTML does not
// know is taken for a block: custom elements are components.
func blockWidth(n *node) (gap, bool) {
	switch g, ok := blockGap[n.tag]; {
	case n.tag == 0:
		return gapBlock, true
	case !ok:
		return 0, false
	case g == " ":
		return gapCell, true
	case g == "\n":
		return gapLine, true
	default:
		return gapBlock, true
	}
}

// contextWithin adds what an element says of all inside it.
func (s *segmenter) contextWithin(n *node, c ancestry) ancestry {
	c |= contextOf[n.tag]
	for _, a := range n.attrs {
		switch a.key {
		case "hidden":
			c |= inHidden
		case "aria-hidden":
			if a.val == "true" && n.tag != atom.Body {
				c |= inHidden
			}
		case "style":
			if strings.Contains(a.val, "display") && strings.Contains(strings.ReplaceAll(a.val, " ", ""), "display:none") {
				c |= inHidden
			}
		case "role":
			c |= contextOfRole[a.val]
		case "itemprop":
			c |= contextOfProperty[strings.ToLower(a.val)]
		case "itemtype", "typeof":
			c |= contextOfType[strings.ToLower(a.val[strings.LastIndexAny(a.val, "/:")+1:])]
		}
	}
	return c
}

// text adds the characters of a text node, with white space collapsed outside <pre>.
func (s *segmenter) text(t string, inner, box int32, c ancestry) {
	before := len(s.line)
	if s.pre > 0 {
		if before == 0 && strings.TrimSpace(t) == "" {
			return
		}
		s.begin(inner, box, c)
		s.line = append(s.line, strings.ReplaceAll(t, "\r", "")...)
	} else {
		for t != "" {
			if isSpace(t[0]) {
				s.space = len(s.line) > 0
				t = strings.TrimLeft(t, " \t\n\r\f")
				continue
			}
			end := strings.IndexAny(t, " \t\n\r\f")
			if end < 0 {
				end = len(t)
			}
			s.begin(inner, box, c)
			if s.space {
				if last := s.line[len(s.line)-1]; last != '\n' && last != ' ' {
					s.line = append(s.line, ' ')
				}
				s.space = false
			}
			s.line = append(s.line, t[:end]...)
			t = t[end:]
		}
	}
	if c&inLink != 0 {
		s.open.linked += len(s.line) - before
	}
	if s.strong > 0 {
		s.open.strong += len(s.line) - before
	}
}

// begin opens a block at its first text.
func (s *segmenter) begin(inner, box int32, c ancestry) {
	if len(s.line) == 0 {
		s.open = block{inner: inner, box: box, context: c, item: s.item, gap: s.gap}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

// lineBreak ends a line; two of them end a block.
func (s *segmenter) lineBreak() {
	if n := len(s.line); n > 0 && s.line[n-1] == '\n' && s.pre == 0 {
		s.end(gapBlock)
		return
	}
	if len(s.line) > 0 {
		s.line = append(s.line, '\n')
	}
	s.space = false
}

// end ends the open block, if any, and asks for a gap before the next.
func (s *segmenter) end(width gap) {
	if len(s.line) > 0 {
		text := strings.Trim(strings.TrimRightFunc(string(s.line), unicode.IsSpace), "\n")
		if hasInk(text) {
			s.open.text = text
			s.blocks = append(s.blocks, s.open)
			s.gap, s.item = gapCell, false
		}
		s.line = s.line[:0]
	}
	s.space = false
	s.gap = max(s.gap, width)
}

// hasInk reports whether anything in a text is visible.
func hasInk(s string) bool {
	for _, r := range s {
		if r > ' ' && !unicode.IsSpace(r) && r != '\u200b' && r != '\u00ad' && r != '\ufeff' && r != utf8.RuneError {
			return true
		}
	}
	return false
}
