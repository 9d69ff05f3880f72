package corpus

import (
	"context"
	"fmt"
	"iter"

	"fragua/pipeline/extract"
	"fragua/pipeline/pdf"
	"fragua/pipeline/records"
)

// A bookFile reads files of which each is a book, in a format that knows its
// chapters.
type bookFile struct {
	wholeFile `yaml:",inline"`
	Chapters  bool `yaml:"chapters" doc:"Make a document of each chapter."`
}

func newBookFile(kind string, reads records.Kind, extensions ...string) bookFile {
	return bookFile{wholeFile: wholeFile{Raw: Raw{kind: kind, extensions: extensions}, MaxBytes: 256 << 20, kinds: []records.Kind{reads}}, Chapters: true}
}

// books yields the chapters of each book. A part that is broken is skipped, with
// its reason.
func (s *bookFile) books(ctx context.Context, part Part, read func([]byte) (extract.Book, error)) iter.Seq2[*Document, error] {
	return s.each(ctx, part, func(name string, b []byte) ([]*Document, error) {
		book, err := read(b)
		if err != nil {
			return nil, err
		}
		docs := s.documents(name, book)
		if len(book.Broken) > 0 {
			return docs, brokenParts(book.Broken)
		}
		return docs, nil
	})
}

// documents makes documents of a book's chapters, or one of all of them.
func (s *bookFile) documents(name string, book extract.Book) []*Document {
	chapters := book.Chapters
	if !s.Chapters || len(chapters) == 0 {
		chapters = []extract.Chapter{{Text: book.Text()}}
	}
	docs := make([]*Document, len(chapters))
	for i, c := range chapters {
		d := NewDocument(s.Name(), name, int64(i))
		d.Text = c.Text
		d.Title, d.Author, d.Date, d.Language, d.License = book.Title, book.Author, book.Date, book.Language, book.License
		if len(chapters) > 1 {
			d.Metadata = metadata{"chapter": i, "heading": c.Title, "part": c.Part}.String()
		}
		docs[i] = d
	}
	return docs
}

// EPUB reads e-books of version 2 and 3, one a file: the parts in the order of
// reading, without tables of contents.
type EPUB struct {
	bookFile `yaml:",inline"`
}

// NewEPUB returns an EPUB with its defaults.
func NewEPUB() *EPUB { return &EPUB{newBookFile("epub", records.KindEPUB, ".epub")} }

// Read yields the chapters of each book.
func (s *EPUB) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.books(ctx, part, func(b []byte) (extract.Book, error) { return extract.EPUB(ctx, b, s.MaxBytes) })
}

// TEI reads editions in TEI XML, one a file.
type TEI struct {
	bookFile `yaml:",inline"`
}

// NewTEI returns a TEI with its defaults.
func NewTEI() *TEI {
	s := &TEI{newBookFile("tei", records.KindTEI, ".xml", ".tei")}
	s.MaxBytes = 64 << 20                      // of text alone
	s.kinds = append(s.kinds, records.KindXML) // of which reading tells
	return s
}

// Read yields the chapters of each edition.
func (s *TEI) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.books(ctx, part, extract.TEI)
}

// DOCX reads documents of Word, one a file.
type DOCX struct {
	bookFile `yaml:",inline"`
}

// NewDOCX returns a DOCX with its defaults.
func NewDOCX() *DOCX {
	s := &DOCX{newBookFile("docx", records.KindDOCX, ".docx")}
	s.kinds = append(s.kinds, records.KindZip) // the order of its members is free
	return s
}

// Read yields the chapters of each document.
func (s *DOCX) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.books(ctx, part, func(b []byte) (extract.Book, error) { return extract.DOCX(b, s.MaxBytes) })
}

// PDF reads the text layers of PDF files, one a file. Pages that are pictures without one
// are skipped, with that reason.
type PDF struct {
	bookFile `yaml:",inline"`
}

// NewPDF returns a PDF with its defaults.
func NewPDF() *PDF { return &PDF{newBookFile("pdf", records.KindPDF, ".pdf")} }

// Read yields the chapters of each file.
func (s *PDF) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.books(ctx, part, func(b []byte) (extract.Book, error) {
		doc, err := pdf.Read(ctx, b)
		if err != nil {
			return extract.Book{}, err
		}
		book := extract.Book{Title: doc.Title, Author: doc.Author, Chapters: extract.Chapters(doc.Text)}
		for _, page := range doc.Pictures {
			book.Broken = append(book.Broken, &extract.PartError{Part: fmt.Sprintf("page %d", page), Err: pdf.ErrNoTextLayer})
		}
		return book, nil
	})
}
