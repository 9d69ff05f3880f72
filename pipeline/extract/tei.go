package extract

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// TEI reads an edition in TEI XML, P4 or P5: the text of its body, with front and
// back matter, and from the header who wrote it. A chapter is a division of the
// text, or, where divisions are parts, of a part. Of alternatives the corrected,
// regular and expanded form is taken; notes stand behind the chapter that they are
// in; page breaks and running heads go; verse keeps its lines.
//
// Source: TEI P5 Guidelines, chapters 2 to 7.
func TEI(b []byte) (Book, error) {
	text, _, err := Decode(b, xmlEncoding(b))
	if err != nil {
		return Book{}, err
	}
	if i := strings.Index(text, "<?xml"); i >= 0 && i < 8 { // it is UTF-8 now, whatever it says
		if end := strings.Index(text, "?>"); end > 0 {
			text = text[end+2:]
		}
	}
	t := tei{w: blockWriter{}}
	if err := t.read(newXML([]byte(text))); err != nil {
		return Book{}, err
	}
	return t.book, nil
}

// unnamed is a part whose heading has not been read.
const unnamed = "\x00"

func (t *tei) partTitle() string { return strings.Trim(t.part, unnamed) }

type tei struct {
	book    Book
	w       blockWriter
	path    []string // of the open elements, in lower case
	part    string   // heading of the open part
	open    Chapter  // that is being written
	notes   []string
	depth   int // of open divisions
	found   bool
	pending string // the heading of a part, whose first chapter comes
}

// teiSkip are elements whose text is not the author's, or stands elsewhere in a
// better form.
var teiSkip = map[string]bool{"fw": true, "figdesc": true, "del": true, "gap": true, "orig": true, "sic": true, "abbr": true, "teiheader": true, "facsimile": true,
	"listbibl": true, "sourcedoc": true, "standoff": true, "index": true, "noteGrp": true, "rdg": true, "surplus": true}

// teiBlock are elements that stand on their own.
var teiBlock = map[string]bool{"p": true, "head": true, "lg": true, "sp": true, "list": true, "table": true, "figure": true, "div": true, "titlepage": true,
	"epigraph": true, "opener": true, "closer": true, "salute": true, "dateline": true, "signed": true, "trailer": true, "ab": true, "castlist": true, "stage": true,
	"argument": true, "byline": true, "docauthor": true, "doctitle": true, "docimprint": true, "docdate": true, "floatingtext": true, "speaker": true}

// teiLine are elements that stand on a line of their own.
var teiLine = map[string]bool{"l": true, "item": true, "row": true, "titlepart": true, "castitem": true, "label": true}

func (t *tei) read(d *xml.Decoder) error {
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			if !t.found {
				return fmt.Errorf("no XML: %w", err)
			}
			t.book.Broken = append(t.book.Broken, &PartError{"the rest of the text", err})
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := strings.ToLower(token.Name.Local)
			if len(t.path) > 4096 {
				return ErrNested
			}
			switch {
			case name == "teiheader":
				if err := t.header(d, token); err != nil {
					return err
				}
				continue
			case teiSkip[name] && !t.only(name):
				if err := d.Skip(); err != nil && t.found {
					t.book.Broken = append(t.book.Broken, &PartError{"the rest of the text", err})
				}
				continue
			}
			t.start(name, token)
			t.path = append(t.path, name)
		case xml.EndElement:
			if len(t.path) > 0 {
				t.end(t.path[len(t.path)-1])
				t.path = t.path[:len(t.path)-1]
			}
		case xml.CharData:
			if t.inText() {
				t.w.text(string(token))
			}
		}
	}
	t.finish()
	if t.pending != "" {
		t.book.Chapters = append(t.book.Chapters, Chapter{Part: t.pending, Title: t.pending, Text: t.pending})
	}
	if !t.found {
		return errors.New("no TEI: it has no <text>")
	}
	if len(t.book.Chapters) == 1 {
		broken := t.book.Broken
		t.book.Chapters = Chapters(t.book.Chapters[0].Text)
		t.book.Broken = broken
	}
	return nil
}

// only reports whether an alternative stands alone: <sic> outside of <choice> is
// the text.
func (t *tei) only(name string) bool {
	if name != "orig" && name != "sic" && name != "abbr" {
		return false
	}
	return !slices.Contains(t.path, "choice")
}

func (t *tei) inText() bool { return slices.Contains(t.path, "text") }

// isDiv reports whether an element is a division: div, or div1 to div7.
func isDiv(name string) bool {
	return name == "div" || len(name) == 4 && name[:3] == "div" && name[3] >= '0' && name[3] <= '7'
}

func (t *tei) start(name string, e xml.StartElement) {
	if name == "text" {
		t.found = true
	}
	switch {
	case isDiv(name):
		t.w.endBlock()
		kind := strings.ToLower(attribute(e, "type"))
		isPart := kind == "part" || kind == "volume" || kind == "book" || kind == "parte" || kind == "libro" || kind == "group"
		if t.depth == 0 || t.part != "" && t.depth == 1 {
			t.finish()
			if isPart && t.depth == 0 {
				t.part = unnamed
			}
			t.open = Chapter{Part: t.partTitle()}
		}
		t.depth++
	case name == "front" || name == "body" || name == "back":
		t.finish()
		t.part = ""
	case name == "lb" || name == "cb" || name == "pb" || name == "milestone":
		if attribute(e, "break") == "no" {
			t.w.joined()
		} else {
			t.w.text(" ")
		}
	case name == "note":
		t.w.push()
	case name == "cell":
		t.w.tab()
	case teiLine[name]:
		t.w.endLine()
	case teiBlock[name] && !t.inNote():
		t.w.endBlock()
	case teiBlock[name]:
		t.w.text(" ")
	}
}

func (t *tei) inNote() bool { return slices.Contains(t.path, "note") }

func (t *tei) end(name string) {
	switch {
	case isDiv(name):
		t.w.endBlock()
		t.depth = max(0, t.depth-1)
		if t.depth == 0 || t.part != "" && t.depth == 1 {
			t.finish()
			t.open = Chapter{Part: t.partTitle()}
		}
		if t.depth == 0 {
			t.part = ""
		}
	case name == "note":
		if note := oneLine(t.w.pop()); note != "" {
			t.notes = append(t.notes, note)
		}
	case name == "head":
		title := oneLine(string(t.w.block))
		t.w.endBlock()
		if t.part == unnamed && t.depth == 1 {
			t.part = title
			t.open.Part = title
		}
		if t.open.Title == "" {
			t.open.Title = title
		}
	case teiLine[name]:
		t.w.endLine()
	case teiBlock[name] && !t.inNote():
		t.w.endBlock()
	}
}

// finish ends the open chapter.
func (t *tei) finish() {
	t.w.endBlock()
	for _, note := range t.notes {
		t.w.text(note)
		t.w.endBlock()
	}
	t.notes = nil
	text := t.w.take()
	switch {
	case text != "" && oneLine(text) == t.partTitle(): // goes with the first chapter of the part
		t.pending = text
	case text != "":
		if t.pending != "" {
			text = t.pending + "\n\n" + text
			t.pending = ""
		}
		t.open.Text = text
		t.book.Chapters = append(t.book.Chapters, t.open)
	}
	t.open = Chapter{Part: t.partTitle()}
}

// header reads who wrote the text, when, in which language and on which terms.
func (t *tei) header(d *xml.Decoder, start xml.StartElement) error {
	var h struct {
		Titles       []string  `xml:"fileDesc>titleStmt>title"`
		Authors      []text    `xml:"fileDesc>titleStmt>author"`
		Availability text      `xml:"fileDesc>publicationStmt>availability"`
		Editions     []teiBibl `xml:"fileDesc>sourceDesc>bibl"`
		Languages    []struct {
			Ident string `xml:"ident,attr"`
			Text  string `xml:",chardata"`
		} `xml:"profileDesc>langUsage>language"`
	}
	if err := d.DecodeElement(&h, &start); err != nil {
		return fmt.Errorf("no XML: %w", err)
	}
	b := &t.book
	b.Title = or(b.Title, firstLine(h.Titles))
	for _, a := range h.Authors {
		b.Author = or(b.Author, a.plain())
	}
	editions := slices.SortedStableFunc(slices.Values(h.Editions), func(a, b teiBibl) int { return a.rank() - b.rank() })
	for _, e := range editions {
		b.Date = or(b.Date, isoDate(or(e.Date.When, oneLine(e.Date.Text))))
	}
	for _, l := range h.Languages {
		b.Language = or(b.Language, languageCode(or(l.Ident, oneLine(l.Text))))
	}
	if b.License == "" {
		b.License = clip(h.Availability.plain(), 300)
		if m := teiLicence.FindStringSubmatch(h.Availability.XML); m != nil {
			b.License = m[1]
		}
	}
	return nil
}

var teiLicence = regexp.MustCompile(`<(?:\w+:)?licen[cs]e\b[^>]*\btarget\s*=\s*["']([^"']+)`)

// A teiBibl is an edition that the text was taken from.
type teiBibl struct {
	Type string `xml:"type,attr"`
	Date struct {
		When string `xml:"when,attr"`
		Text string `xml:",chardata"`
	} `xml:"date"`
}

// rank orders editions: the first one tells the text's date.
func (b teiBibl) rank() int {
	if strings.Contains(strings.ToLower(b.Type), "first") {
		return 0
	}
	return 1
}

// text is the content of an element.
type text struct {
	XML string `xml:",innerxml"`
}

// plain is the content without tags, on one line.
func (t *text) plain() string {
	d := newXML([]byte(t.XML))
	var b strings.Builder
	for {
		token, err := d.Token()
		if err != nil {
			return oneLine(b.String())
		}
		if c, ok := token.(xml.CharData); ok {
			b.Write(c)
		} else {
			b.WriteByte(' ')
		}
	}
}

func clip(s string, n int) string {
	for i := range s {
		if i > n {
			return s[:i] + "…"
		}
	}
	return s
}

// ErrNested is returned for XML whose elements are nested too deep.
var ErrNested = errors.New("elements are nested too deep")
