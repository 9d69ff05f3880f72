package corpus

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"time"

	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// HTML reads web pages, one a file.
type HTML struct {
	wholeFile `yaml:",inline"`
	Pages     `yaml:",inline"`
}

// Pages says what is kept of web pages, wherever they come from.
type Pages struct {
	Keep     Keep          `yaml:"keep" doc:"What is kept of a page. article: the main text alone; markdown: the same with headings, lists, tables, code and formulas marked; visible: all that a reader sees."`
	Deadline time.Duration `yaml:"deadline" doc:"The time after which a page is given up and rejected; far beyond what any real page needs."`
}

func defaultPages() Pages { return Pages{Keep: Article, Deadline: 30 * time.Second} }

// Keep is what is kept of a page.
type Keep string

// Values of Keep.
const (
	Article      Keep = "article"
	MainMarkdown Keep = "markdown"
	Visible      Keep = "visible"
)

// Values lists what a Keep can be.
func (Keep) Values() []string {
	return []string{string(Article), string(MainMarkdown), string(Visible)}
}

// NewHTML returns an HTML with its defaults.
func NewHTML() *HTML {
	return &HTML{wholeFile: wholeFile{Raw: Raw{kind: "html", extensions: []string{".html", ".htm", ".xhtml"}}, MaxBytes: 32 << 20, kinds: []records.Kind{records.KindHTML, records.KindPiece, records.KindText}},
		Pages: defaultPages()}
}

// Check finds what types cannot show.
func (s *HTML) Check() []fault.Fault { return append(s.wholeFile.check(), s.Pages.check()...) }

func (p *Pages) check() []fault.Fault {
	if p.Deadline <= 0 {
		return missing("deadline", "deadline must be more than 0", "deadline: 30s")
	}
	return nil
}

// errSlow is the cause of a page that was given up.
var errSlow = errors.New("finding the text took longer than the deadline")

// Read yields each page as a document.
func (s *HTML) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.each(ctx, part, func(name string, b []byte) ([]*Document, error) {
		if records.Sniff(b) == records.KindText && len(b) > 0 && !hasTag(b) {
			return nil, errors.New("it is plain text, not HTML; the sources text and books read that")
		}
		d := NewDocument(s.Name(), name, 0)
		return []*Document{d}, s.page(ctx, b, d, metadata{})
	})
}

// page finds the text of a page, and what it says of itself, for a document. The
// metadata are those that are known already.
func (p *Pages) page(ctx context.Context, b []byte, d *Document, meta metadata) error {
	within, cancel := context.WithTimeoutCause(ctx, p.Deadline, errSlow)
	defer cancel()
	text := extract.MainText
	switch p.Keep {
	case MainMarkdown:
		text = extract.Markdown
	case Visible:
		text = extract.VisibleText
	}
	page, err := text(within, b)
	if err != nil {
		return err
	}
	d.Text, d.URL, d.Title, d.Author = page.Text, first(d.URL, page.URL), page.Title, page.Author
	d.Date, d.Language = page.Date, first(page.Language, d.Language)
	if _, ok := meta["encoding"]; !ok {
		meta["encoding"] = page.Charset
	}
	if page.Type != "" {
		meta["page_type"], meta["expected_f1"] = page.Type, page.Quality
	}
	if page.Comments != "" {
		meta["comments"] = page.Comments
	}
	d.Metadata = meta.String()
	return nil
}

// hasTag reports whether something like a tag stands in b, in any encoding of
// which ASCII is a part, or UTF-16.
func hasTag(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 || i+2 >= len(b) {
			return false
		}
		b = b[i+1:]
		c := b[0]
		if c == 0 {
			c = b[1]
		}
		if c == '/' || c == '!' || 'a' <= c|0x20 && c|0x20 <= 'z' {
			return true
		}
	}
}
