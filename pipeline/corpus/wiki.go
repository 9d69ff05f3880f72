package corpus

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// Wiki reads XML dumps of MediaWiki, such as Wikipedia's pages-articles: a document
// an article.
type Wiki struct {
	Raw       `yaml:",inline"`
	Namespace int   `yaml:"namespace" doc:"The namespace whose pages are read; 0: articles."`
	MaxBytes  int64 `yaml:"max_bytes" doc:"The size of a page from which it is rejected."`
}

// NewWiki returns a Wiki with its defaults.
func NewWiki() *Wiki {
	return &Wiki{Raw: Raw{kind: "wiki", extensions: []string{".xml"}}, MaxBytes: 32 << 20}
}

// Check finds what types cannot show.
func (s *Wiki) Check() []fault.Fault { return s.Raw.check() }

// Parts divides files that are not packed.
func (s *Wiki) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, records.Wiki{Max: s.MaxBytes}, size)
}

// Read yields each article; redirects and pages of other namespaces are skipped.
func (s *Wiki) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			f := s.file(r)
			if err := refuseFile(ctx, f, []records.Kind{records.KindWiki}); err != nil {
				if !goesOn(err) || r.From == 0 { // reported once a file
					if !yield(nil, err) || !goesOn(err) {
						return
					}
				}
				continue
			}
			for page, err := range (records.Wiki{Max: s.MaxBytes}).Read(ctx, f, r.Range) {
				var d *Document
				if err == nil {
					d, err = s.document(r.File, page)
				} else if bad := (*Failure)(nil); errors.As(err, &bad) && bad.Lost == nil {
					err = &Skipped{NewDocument(s.Name(), r.File, bad.Offset), Drop{Rule: "wiki.broken", Note: bad.Err.Error()}}
				}
				if !yield(d, err) || err != nil && !goesOn(err) {
					return
				}
			}
		}
	}
}

func (s *Wiki) document(name string, page records.WikiPage) (*Document, error) {
	d := NewDocument(s.Name(), name, page.Offset)
	d.Title = page.Title
	d.Metadata = metadata{"page_id": strconv.FormatInt(page.ID, 10)}.String()
	skip := func(rule, note string) (*Document, error) {
		return nil, &Skipped{d, Drop{Rule: "wiki." + rule, Note: note}}
	}
	switch {
	case page.Namespace != s.Namespace:
		return skip("namespace", strconv.Itoa(page.Namespace))
	case page.Redirect != nil:
		return skip("redirect", page.Redirect.Title)
	case len(page.Revisions) == 0:
		return skip("broken", "it has no revision")
	}
	last := page.Revisions[len(page.Revisions)-1]
	if last.Model != "" && last.Model != "wikitext" {
		return skip("model", last.Model)
	}
	d.Text = extract.Wikitext(last.Text)
	if len(last.Time) >= 10 {
		d.Date = last.Time[:10]
	}
	return d, nil
}
