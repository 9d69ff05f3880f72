package extract

import (
	"context"
	"strings"

	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// A Page is what an HTML document says. Fields that it does not name are empty.
type Page struct {
	Text     string
	Comments string // readers' comments on the main text, apart from it
	Title    string
	Author   string
	URL      string  // canonical, as declared
	Date     string  // published, ISO 8601
	Language string  // ISO 639-1, as declared
	Charset  string  // that the bytes turned out to be in
	Type     string  // one of PageTypes
	Quality  float64 // expected F1 of Text as main text, 0 to 1; of all visible text it is 0
	Whole    bool    // Text is all visible text, because no main text was found
}

// MainText returns the main text of an HTML page: the article, the posts of a
// thread, the description of a product, the items of a listing. Menus, footers,
// sidebars and advertisements are left out. Paragraphs and headings are blocks,
// items of a list and rows of a table are lines, <pre> keeps its lines. A page
// without main text gives all its visible text.
//
// Work is bounded by the size of the page. An error means that the bytes are no
// text, or that ctx ended.
func MainText(ctx context.Context, b []byte) (Page, error) { return embedded().extract(ctx, b, false) }

// Markdown is MainText with headings, lists, tables, quotations, code and
// formulas marked as in Markdown.
func Markdown(ctx context.Context, b []byte) (Page, error) { return embedded().extract(ctx, b, true) }

// MainText is the function of that name with another classifier than the one of
// this package.
func (c *Classifier) MainText(ctx context.Context, b []byte) (Page, error) {
	return c.extract(ctx, b, false)
}

func (c *Classifier) extract(ctx context.Context, b []byte, markdown bool) (Page, error) {
	nodes, facts, page, err := parse(b)
	if err != nil {
		return Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return Page{}, context.Cause(ctx)
	}
	blocks := pageBlocks(nodes, facts, markdown)
	l := newLayout(nodes, blocks, facts)
	s := l.sample()
	p, pageType, err := c.predict(ctx, s)
	if err != nil {
		return Page{}, err
	}
	chosen, quality := choose(p, s.words, pageType)
	page.Type = pageType
	page.Comments = render(blocks, l.comments(chosen))
	if markdown {
		page.Text = renderMarkdown(nodes, blocks, chosen)
	} else {
		page.Text = render(blocks, chosen)
	}
	page.Quality = float64(quality) / 1000
	if page.Text == "" {
		page.Text, page.Whole, page.Quality = visibleText(l), true, 0
	}
	return page, nil
}

// VisibleText returns all text of an HTML page that a reader sees, menus
// included unless they are marked as such.
func VisibleText(ctx context.Context, b []byte) (Page, error) {
	nodes, facts, page, err := parse(b)
	if err != nil {
		return Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return Page{}, context.Cause(ctx)
	}
	page.Text, page.Whole = visibleText(newLayout(nodes, segment(nodes, false), facts)), true
	return page, nil
}

// visibleText is the text of a layout without what is hidden or marked as furniture.
// A form or the like around most of the page is no furniture.
func visibleText(l *layout) string {
	furniture := inNav | inFooter | inAside | inDialog | inForm | inButton
	around := map[ancestry]int{}
	for i := range l.blocks {
		for bit := furniture; bit != 0; bit &= bit - 1 {
			if one := bit & -bit; l.blocks[i].context&one != 0 {
				around[one] += l.measures[i].words
			}
		}
	}
	for one, words := range around {
		if words*2 > l.sums[len(l.blocks)].words {
			furniture &^= one
		}
	}
	chosen := make([]bool, len(l.blocks))
	for _, out := range []ancestry{furniture | inHidden | inNoscript | inTemplate, inHidden, 0} {
		any := false
		for i := range l.blocks {
			chosen[i] = l.blocks[i].context&out == 0
			any = any || chosen[i]
		}
		if any {
			break
		}
	}
	return render(l.blocks, chosen)
}

// commentNames are words in class names and ids around readers' comments.
var commentNames = func() map[uint32]bool {
	set := map[uint32]bool{}
	for _, w := range strings.Fields("comment comments commentlist disqus respond") {
		set[hashString(2166136261, w)] = true
	}
	return set
}()

// inComments reports whether an element stands in one that is named after comments.
func (l *layout) inComments(n int32) bool {
	if n < 0 {
		return false
	}
	if l.discuss == nil {
		l.discuss = make([]int8, len(l.nodes))
	}
	if known := l.discuss[n]; known != 0 {
		return known > 0
	}
	is := false
	if l.nodes[n].tag != atom.Body && l.nodes[n].tag != atom.Html { // where classes say what a page could have
		for _, h := range l.names[n] {
			is = is || commentNames[h]
		}
	}
	is = is || l.inComments(l.nodes[n].parent)
	l.discuss[n] = -1
	if is {
		l.discuss[n] = 1
	}
	return is
}

// comments chooses the blocks of readers' comments that are no main text.
func (l *layout) comments(chosen []bool) []bool {
	out := make([]bool, len(l.blocks))
	for i := range l.blocks {
		b := &l.blocks[i]
		out[i] = !chosen[i] && b.context&(inNav|inForm|inFooter|inButton|inHidden|inHeading|inLink|inLabel) == 0 &&
			(b.context&inComment != 0 || l.inComments(b.inner)) && l.measures[i].words > 2 && b.linked*2 < len(b.text)
	}
	return out
}

// parse decodes a page, builds its tree and reads its metadata.
func parse(b []byte) ([]node, pageFacts, Page, error) {
	declared := ""
	if _, name, certain := charset.DetermineEncoding(b[:min(len(b), 1024)], ""); certain || name != "windows-1252" {
		declared = name
	}
	text, name, err := Decode(b, declared)
	if err != nil {
		return nil, pageFacts{}, Page{}, err
	}
	nodes := parseTree(text)
	f := readFacts(nodes)
	return nodes, f, Page{Title: f.bestTitle(), Author: f.author, URL: f.url, Date: f.date, Language: f.language, Charset: name}, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
