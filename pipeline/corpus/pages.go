package corpus

import (
	"context"
	"errors"
	"iter"
	"time"

	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
)

// HTML reads web pages, one a file.
type HTML struct {
	wholeFile `yaml:",inline"`
	Keep      Keep          `yaml:"keep" doc:"What is kept of a page. article: the main text alone; visible: all that a reader sees."`
	Deadline  time.Duration `yaml:"deadline" doc:"The time after which a page is given up and rejected; far beyond what any real page needs."`
}

// Keep is what is kept of a page.
type Keep string

// Values of Keep.
const (
	Article Keep = "article"
	Visible Keep = "visible"
)

// Values lists what a Keep can be.
func (Keep) Values() []string { return []string{string(Article), string(Visible)} }

// NewHTML returns an HTML with its defaults.
func NewHTML() *HTML {
	return &HTML{wholeFile: wholeFile{Raw: Raw{kind: "html", extensions: []string{".html", ".htm", ".xhtml"}}, MaxBytes: 32 << 20},
		Keep: Article, Deadline: 30 * time.Second}
}

// Check finds what types cannot show.
func (s *HTML) Check() []fault.Fault {
	faults := s.check()
	if s.Deadline <= 0 {
		faults = append(faults, fault.Fault{Path: "deadline", Err: "deadline must be more than 0", Hint: "deadline: 30s"})
	}
	return faults
}

// errSlow is the cause of a page that was given up.
var errSlow = errors.New("finding the text took longer than the deadline")

// Read yields each page as a document.
func (s *HTML) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.each(ctx, part, func(name string, b []byte) ([]*Document, error) {
		within, cancel := context.WithTimeoutCause(ctx, s.Deadline, errSlow)
		defer cancel()
		text := extract.MainText
		if s.Keep == Visible {
			text = extract.VisibleText
		}
		page, err := text(within, b)
		if err != nil {
			return nil, err
		}
		d := NewDocument(s.Name(), name, 0)
		d.Text, d.URL, d.Title, d.Author = page.Text, page.URL, page.Title, page.Author
		d.Date, d.Language = page.Date, page.Language
		d.Metadata = metadata{"encoding": page.Charset}.String()
		return []*Document{d}, nil
	})
}
