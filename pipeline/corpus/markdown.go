package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/extract"
	"fragua/pipeline/records"
)

// Markdown reads Markdown files, one document each: with its marks, or as a reader
// sees it. What stands in a front matter goes into the columns.
type Markdown struct {
	wholeFile `yaml:",inline"`
	Plain     bool `yaml:"plain" doc:"Take the marks out: the text as a reader sees it."`
}

// NewMarkdown returns a Markdown with its defaults.
func NewMarkdown() *Markdown {
	return &Markdown{wholeFile: wholeFile{Raw: Raw{kind: "markdown", extensions: []string{".md", ".markdown", ".mdown", ".mkd"}}, MaxBytes: 32 << 20,
		kinds: []records.Kind{"Markdown", records.KindText, records.KindPiece, records.KindHTML}}}
}

// Read yields each file as a document.
func (s *Markdown) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.each(ctx, part, func(name string, b []byte) ([]*Document, error) {
		text, encoding, err := extract.Decode(b, "")
		if err != nil {
			return nil, err
		}
		page, err := extract.MarkdownText(ctx, extract.Lines(text), s.Plain)
		if err != nil {
			return nil, err
		}
		d := NewDocument(s.Name(), name, 0)
		d.Text, d.Title, d.Author, d.Date, d.Language = page.Text, page.Title, page.Author, page.Date, page.Language
		d.Metadata = metadata{"encoding": encoding}.String()
		return []*Document{d}, nil
	})
}
