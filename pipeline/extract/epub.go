package extract

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"

	"golang.org/x/net/html/charset"
)

// EPUB reads an e-book of version 2 or 3: the text of its parts in the order of
// reading, which the spine tells, without its tables of contents. Chapters begin
// where the book's own table of contents says, or, where it has none, where
// headings do. No more than limit bytes are unpacked.
//
// A part that is damaged or missing is among Broken; an error means that the
// book as a whole cannot be read.
//
// Sources: EPUB 3.3, W3C, sections 4 to 7; Open Packaging Format 2.0.1, IDPF.
func EPUB(ctx context.Context, b []byte, limit int64) (Book, error) {
	z, err := openZip(b, limit)
	if err != nil {
		return Book{}, err
	}
	e := epub{zip: z}
	if err := e.open(); err != nil {
		return Book{}, err
	}
	parts := e.parts()
	entries := e.contents(parts)
	listed := len(entries) > 1
	if !listed { // each part is a chapter, unless headings tell more
		entries = nil
		for _, name := range parts {
			entries = append(entries, entry{member: name})
		}
	}
	var texts []string
	var names []Chapter
	for _, name := range parts {
		if ctx.Err() != nil {
			return Book{}, context.Cause(ctx)
		}
		text, err := e.part(ctx, name, entries, &names)
		if errors.Is(err, ErrTooLarge) {
			return Book{}, err
		}
		if err != nil {
			e.book.Broken = append(e.book.Broken, &PartError{name, err})
			continue
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 && len(e.book.Broken) > 0 {
		return Book{}, e.book.Broken[0]
	}
	text, head, _ := Gutenberg(strings.Join(texts, "\n\n"))
	e.book.Title, e.book.Author = or(e.book.Title, head.Title), or(e.book.Author, head.Author)
	e.book.Language = or(e.book.Language, head.Language)
	if e.book.Chapters = cutAtMarks(text, names); !listed || len(e.book.Chapters) == 1 {
		if c := Chapters(e.book.Text()); len(c) > 1 {
			e.book.Chapters = c
		}
	}
	return e.book, nil
}

// epub is a book being read.
type epub struct {
	zip    *zipFile
	folder string // that names in the package are relative to
	pkg    opf
	book   Book

	locked map[string]bool
}

// opf is the package document.
type opf struct {
	Metadata struct {
		Title    []string `xml:"title"`
		Creator  []string `xml:"creator"`
		Language []string `xml:"language"`
		Date     []string `xml:"date"`
		Rights   []string `xml:"rights"`
	} `xml:"metadata"`
	Manifest []struct {
		ID         string `xml:"id,attr"`
		Href       string `xml:"href,attr"`
		Type       string `xml:"media-type,attr"`
		Properties string `xml:"properties,attr"`
	} `xml:"manifest>item"`
	Spine struct {
		TOC   string `xml:"toc,attr"`
		Items []struct {
			ID string `xml:"idref,attr"`
		} `xml:"itemref"`
	} `xml:"spine"`
	Guide []struct {
		Type string `xml:"type,attr"`
		Href string `xml:"href,attr"`
	} `xml:"guide>reference"`
}

// open reads the container and the package.
func (e *epub) open() error {
	name := ""
	if b, err := e.zip.read("META-INF/container.xml"); err == nil {
		var c struct {
			Roots []struct {
				Path string `xml:"full-path,attr"`
			} `xml:"rootfiles>rootfile"`
		}
		if decodeXML(b, &c) == nil && len(c.Roots) > 0 {
			name = c.Roots[0].Path
		}
	} else if errors.Is(err, ErrTooLarge) {
		return err
	}
	if !e.zip.has(name) {
		var found []string
		for member := range e.zip.members {
			if strings.HasSuffix(member, ".opf") {
				found = append(found, member)
			}
		}
		if len(found) == 0 {
			return errors.New("no e-book: it has no package document (.opf)")
		}
		name = slices.Min(found)
	}
	b, err := e.zip.read(name)
	if err == nil {
		err = decodeXML(b, &e.pkg)
	}
	if err != nil && len(e.pkg.Spine.Items) == 0 {
		return &PartError{name, err}
	}
	if e.folder = path.Dir(name); e.folder == "." {
		e.folder = ""
	}
	m := &e.pkg.Metadata
	e.book = Book{Title: firstLine(m.Title), Author: firstLine(m.Creator), Language: languageCode(firstLine(m.Language)), License: firstLine(m.Rights)}
	for _, d := range m.Date {
		e.book.Date = or(e.book.Date, isoDate(oneLine(d)))
	}
	e.encryption()
	return nil
}

func firstLine(list []string) string {
	for _, s := range list {
		if s = oneLine(s); s != "" {
			return s
		}
	}
	return ""
}

// encryption finds the parts that are locked. Fonts may be: nobody reads them.
func (e *epub) encryption() {
	e.locked = map[string]bool{}
	b, err := e.zip.read("META-INF/encryption.xml")
	if err != nil {
		return
	}
	var list struct {
		Data []struct {
			Cipher struct {
				URI string `xml:"URI,attr"`
			} `xml:"CipherData>CipherReference"`
		} `xml:"EncryptedData"`
	}
	if decodeXML(b, &list) == nil {
		for _, d := range list.Data {
			e.locked[memberName(unpercent(d.Cipher.URI))] = true
		}
	}
}

func unpercent(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// resolve returns the member that a reference in a document of a folder names,
// and the place in it.
func resolve(folder, href string) (member, fragment string) {
	href, fragment, _ = strings.Cut(href, "#")
	return memberName(path.Join(folder, unpercent(href))), unpercent(fragment)
}

// parts lists the members that hold text, in the order of reading.
func (e *epub) parts() (names []string) {
	toc := map[string]bool{}
	for _, g := range e.pkg.Guide {
		if g.Type == "toc" {
			name, _ := resolve(e.folder, g.Href)
			toc[name] = true
		}
	}
	seen := map[string]bool{}
	for _, ref := range e.pkg.Spine.Items {
		for _, item := range e.pkg.Manifest {
			name, _ := resolve(e.folder, item.Href)
			if item.ID != ref.ID || seen[name] || toc[name] || slices.Contains(strings.Fields(item.Properties), "nav") {
				continue
			}
			seen[name] = true
			if strings.Contains(item.Type, "html") || strings.Contains(item.Type, "dtbook") || strings.Contains(item.Type, "xml") && !strings.Contains(item.Type, "svg") {
				names = append(names, name)
			}
			break
		}
	}
	return names
}

// decodeXML reads XML as it comes: in any encoding, with the entities of HTML.
func decodeXML(b []byte, v any) error { return newXML(b).Decode(v) }

func newXML(b []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = charset.NewReaderLabel
	return d
}
