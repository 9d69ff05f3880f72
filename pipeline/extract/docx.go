package extract

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// DOCX reads a document of Word (Office Open XML): paragraphs, lists and tables,
// a row a line with tabs between cells, then its footnotes and endnotes. Text that
// a tracked change deleted, fields' instructions, headers and footers go. Chapters
// begin at headings of the first level. No more than limit bytes are unpacked.
//
// Source: ECMA-376 part 1, section 17.
func DOCX(b []byte, limit int64) (Book, error) {
	z, err := openZip(b, limit)
	if err != nil {
		return Book{}, err
	}
	name := "word/document.xml"
	if !z.has(name) {
		return Book{}, errors.New("no Word document: it has no word/document.xml")
	}
	main, err := z.read(name)
	if err != nil {
		return Book{}, err
	}
	d := docx{}
	err = d.read(main)
	if err != nil && len(d.book.Chapters) == 0 && d.w.out.Len() == 0 {
		return Book{}, &PartError{name, err}
	}
	if err != nil {
		d.book.Broken = append(d.book.Broken, &PartError{name, err})
	}
	for _, notes := range []string{"word/footnotes.xml", "word/endnotes.xml"} {
		if !z.has(notes) {
			continue
		}
		part, err := z.read(notes)
		if err == nil {
			err = d.read(part)
		}
		if errors.Is(err, ErrTooLarge) {
			return Book{}, err
		}
		if err != nil {
			d.book.Broken = append(d.book.Broken, &PartError{notes, err})
		}
	}
	d.finish()
	var core struct {
		Title    string `xml:"title"`
		Creator  string `xml:"creator"`
		Created  string `xml:"created"`
		Language string `xml:"language"`
	}
	if part, err := z.read("docProps/core.xml"); err == nil && decodeXML(part, &core) == nil {
		d.book.Title, d.book.Author = oneLine(core.Title), oneLine(core.Creator)
		d.book.Date, d.book.Language = isoDate(oneLine(core.Created)), languageCode(core.Language)
	}
	if len(d.book.Chapters) == 1 {
		d.book.Chapters = Chapters(d.book.Chapters[0].Text)
	}
	return d.book, nil
}

type docx struct {
	book Book
	w    blockWriter
	open Chapter
}

// docxSkip are elements without text of the document.
var docxSkip = map[string]bool{"instrText": true, "delText": true, "del": true, "moveFrom": true, "Fallback": true, "separator": true, "sectPr": true}

func (d *docx) read(part []byte) error {
	x := newXML(part)
	text, heading, depth, table := false, false, 0, 0
	for {
		token, err := x.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("no XML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if docxSkip[t.Name.Local] {
				if err := x.Skip(); err != nil {
					return err
				}
				continue
			}
			if depth++; depth > 4096 {
				return ErrNested
			}
			switch t.Name.Local {
			case "t":
				text = true
			case "tab":
				d.w.tab()
			case "br", "cr":
				d.w.endLine()
			case "noBreakHyphen":
				d.w.text("-")
			case "tc":
				d.w.tab()
			case "tbl":
				if table == 0 {
					d.w.endBlock()
				}
				table++
			case "pStyle":
				if style := strings.ToLower(attribute(t, "val")); style == "heading1" || style == "ttulo1" || style == "title1" || style == "berschrift1" || style == "titre1" {
					heading = true
				}
			}
		case xml.EndElement:
			depth--
			switch t.Name.Local {
			case "t":
				text = false
			case "p":
				if heading && table == 0 {
					title := oneLine(d.w.cut())
					d.finish()
					d.w.text(title)
					d.open.Title = title
				}
				heading = false
				if table == 0 {
					d.w.endBlock()
				} else {
					d.w.text(" ")
				}
			case "tr":
				d.w.endLine()
			case "tbl":
				if table = max(0, table-1); table == 0 {
					d.w.endBlock()
				}
			}
		case xml.CharData:
			if text {
				d.w.text(string(t))
			}
		}
	}
}

// finish ends the open chapter.
func (d *docx) finish() {
	if text := d.w.take(); text != "" {
		d.open.Text = text
		d.book.Chapters = append(d.book.Chapters, d.open)
	}
	d.open = Chapter{}
}
