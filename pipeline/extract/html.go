package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// A Page is what an HTML document says. Fields that it does not name are empty.
type Page struct {
	Text     string
	Title    string
	Author   string
	URL      string // canonical, as declared
	Date     string // published, ISO 8601
	Language string // ISO 639-1, as declared
	Charset  string // that the bytes turned out to be in
	Whole    bool   // Text is all visible text, because no main text was found
}

// MaxNodes is how many nodes of a page are searched for main text; of a larger
// page the whole visible text is taken, which needs one walk.
const MaxNodes = 200_000

// MainText returns the article of an HTML page as text: menus, footers,
// sidebars and advertisements are left out. Paragraphs, headings and list items
// are blocks, <pre> keeps its lines. A page without an article, such as a list of
// links, gives all its visible text.
//
// An error means that the bytes are no text, that the page is nested beyond
// reason, or that ctx ended first; the search itself cannot be stopped, and goes
// on in the background until it is done.
func MainText(ctx context.Context, b []byte) (Page, error) {
	return within(ctx, func() (Page, error) {
		doc, page, err := parse(b)
		if err != nil {
			return Page{}, err
		}
		parser := readability.NewParser()
		parser.MaxElemsToParse = MaxNodes
		parser.Logger = slog.New(slog.DiscardHandler)
		article, err := parser.ParseDocument(doc, &url.URL{Scheme: "http", Host: "localhost", Path: "/"})
		if err == nil {
			page.Title = or(oneLine(article.Title()), page.Title)
			page.Author = or(oneLine(article.Byline()), page.Author)
			if t, err := article.PublishedTime(); err == nil && t.Year() > 1000 && t.Year() < 10000 {
				page.Date = t.Format("2006-01-02")
			}
			if article.Node != nil {
				page.Text = nodeText(article.Node, false)
			}
		}
		if page.Text == "" {
			page.Text, page.Whole = nodeText(doc, true), true
		}
		return page, nil
	})
}

// VisibleText returns all text of an HTML page that a reader sees, menus
// included unless they are marked as such.
func VisibleText(ctx context.Context, b []byte) (Page, error) {
	return within(ctx, func() (Page, error) {
		doc, page, err := parse(b)
		if err != nil {
			return Page{}, err
		}
		page.Text, page.Whole = nodeText(doc, true), true
		return page, nil
	})
}

// within runs f until ctx ends, and turns its panics into errors: the libraries
// under it meet pages that nobody foresaw.
func within(ctx context.Context, f func() (Page, error)) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	type result struct {
		page Page
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("the page broke the extractor: %v", p)}
			}
			done <- r
		}()
		r.page, r.err = f()
	}()
	select {
	case r := <-done:
		return r.page, r.err
	case <-ctx.Done():
		return Page{}, context.Cause(ctx)
	}
}

// ErrNested is returned for a page whose elements are nested too deep to parse.
var ErrNested = errors.New("elements are nested too deep")

// parse decodes a page and reads its metadata.
func parse(b []byte) (*html.Node, Page, error) {
	declared := ""
	if _, name, certain := charset.DetermineEncoding(b[:min(len(b), 1024)], ""); certain || name != "windows-1252" {
		declared = name
	}
	text, name, err := Decode(b, declared)
	if err != nil {
		return nil, Page{}, err
	}
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, Page{}, fmt.Errorf("%w: %v", ErrNested, err)
	}
	page := metadata(doc)
	page.Charset = name
	return doc, page, nil
}

// metadata reads <title>, <html lang> and <meta>.
func metadata(doc *html.Node) (p Page) {
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.Html:
			p.Language = languageCode(or(attr(n, "lang"), attr(n, "xml:lang")))
		case atom.Title:
			if p.Title == "" && n.FirstChild != nil {
				p.Title = oneLine(n.FirstChild.Data)
			}
		case atom.Link:
			if p.URL == "" && strings.EqualFold(attr(n, "rel"), "canonical") {
				p.URL = strings.TrimSpace(attr(n, "href"))
			}
		case atom.Meta:
			content := oneLine(attr(n, "content"))
			switch strings.ToLower(or(attr(n, "name"), attr(n, "property"))) {
			case "author", "dc.creator", "article:author", "citation_author":
				if p.Author == "" && !strings.HasPrefix(content, "http") {
					p.Author = content
				}
			case "date", "dc.date", "dc.date.issued", "article:published_time", "citation_date", "pubdate":
				p.Date = or(p.Date, isoDate(content))
			case "dc.language", "og:locale":
				p.Language = or(p.Language, languageCode(strings.ReplaceAll(content, "_", "-")))
			}
		case atom.Body:
			return p
		}
	}
	return p
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
