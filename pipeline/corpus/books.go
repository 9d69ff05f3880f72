package corpus

import (
	"context"
	"iter"
	"slices"

	"fragua/pipeline/extract"
	"fragua/pipeline/records"
)

// Books reads one book a file: plain text in any encoding, or HTML, perhaps
// compressed. Project Gutenberg's header and licence go; what the header says
// goes into the columns. A book becomes a document per chapter.
type Books struct {
	wholeFile `yaml:",inline"`
	Unwrap    bool   `yaml:"unwrap" doc:"Join lines that were wrapped at a fixed width; verse is left alone."`
	Furniture bool   `yaml:"furniture" doc:"Leave page numbers and running heads out, and let the sentences that they interrupt go on."`
	Chapters  bool   `yaml:"chapters" doc:"Make a document of each chapter."`
	Encoding  string `yaml:"encoding" doc:"What the files say they are in, if they do not say it themselves: latin1, windows-1252 or another."`
}

// NewBooks returns a Books with its defaults.
func NewBooks() *Books {
	return &Books{wholeFile: wholeFile{Raw: Raw{kind: "books", extensions: []string{".txt", ".htm", ".html"}}, MaxBytes: 64 << 20, kinds: []records.Kind{records.KindText, records.KindHTML, records.KindPiece}},
		Unwrap: true, Furniture: true, Chapters: true}
}

// Read yields the chapters of each book.
func (s *Books) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.each(ctx, part, func(name string, b []byte) ([]*Document, error) { return s.book(ctx, name, b) })
}

func (s *Books) book(ctx context.Context, name string, b []byte) ([]*Document, error) {
	var text, encoding string
	var page extract.Page
	kind := records.Sniff(b)
	web := slices.Contains([]string{".htm", ".html", ".xhtml"}, records.Extension(name)) || kind == records.KindHTML || kind == records.KindPiece
	if web {
		var err error
		if page, err = extract.VisibleText(ctx, b); err != nil {
			return nil, err
		}
		text, encoding = page.Text, page.Charset
	} else {
		declared := extract.DeclaredCharset(b)
		if declared == "" {
			declared = s.Encoding
		}
		var err error
		if text, encoding, err = extract.Decode(b, declared); err != nil {
			return nil, err
		}
	}
	body, head, _ := extract.Gutenberg(text)
	furniture := 0
	if s.Furniture && !web {
		body, furniture = extract.PageFurniture(body)
	}
	if s.Unwrap && !web {
		body = extract.Unwrap(body)
	}
	chapters := []extract.Chapter{{Text: body}}
	if s.Chapters {
		chapters = extract.Chapters(body)
	}
	docs := make([]*Document, len(chapters))
	for i, c := range chapters {
		d := NewDocument(s.Name(), name, int64(i))
		d.Text = c.Text
		d.Title, d.Author = first(head.Title, page.Title), first(head.Author, page.Author)
		d.Date, d.Language = first(head.Date, page.Date), first(head.Language, page.Language)
		if head.Copyrighted {
			d.License = "copyrighted, given away by Project Gutenberg"
		}
		meta := metadata{"encoding": encoding, "ocr_quality": extract.OCRQuality(c.Text)}
		if furniture > 0 {
			meta["page_furniture"] = furniture
		}
		if len(chapters) > 1 {
			meta["chapter"], meta["heading"], meta["part"] = i, c.Title, c.Part
		}
		d.Metadata = meta.String()
		docs[i] = d
	}
	return docs, nil
}

// first returns the first string that is not empty.
func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
