package document

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline/fault"
)

// A piece is bytes of a file that stay, or a text to be translated.
type piece struct {
	raw  string
	text bool
	// write turns a translation of raw into what the file holds; nil: as it is.
	write func(translated string) string
}

// A Document is a file in pieces.
type Document struct {
	pieces []piece
	save   func(w io.Writer, content string) error // nil: the pieces one after the other
}

// Languages are codes as files name them; only formats that hold several languages ask for them.
type Languages struct{ Source, Target string }

// formats is the table of formats: a new one is a file, and a line here.
var formats = map[string]func(content string, l Languages) (*Document, error){
	".txt":  readLines,
	".srt":  readSRT,
	".po":   readPO,
	".pot":  readPO,
	".html": readHTML,
	".htm":  readHTML,
	".md":   readMarkdown,
	".tmx":  readTMX,
	".docx": readDocx,
}

// Known reports whether a file's suffix is that of a format.
func Known(name string) bool { return formats[suffix(name)] != nil }

func suffix(name string) string { return strings.ToLower(filepath.Ext(name)) }

// Read takes a file apart; its name's suffix tells the format.
func Read(name string, content []byte, l Languages) (*Document, error) {
	read := formats[suffix(name)]
	if read == nil {
		var known []string
		for s := range formats {
			known = append(known, s)
		}
		slices.Sort(known)
		return nil, fault.Hintf(fmt.Errorf("%s: %q is no format whose texts are known", name, suffix(name)), "known are %s", strings.Join(known, ", "))
	}
	d, err := read(string(content), l)
	if err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	return d, nil
}

// Texts are the texts of a document, in their order.
func (d *Document) Texts() (texts []string) {
	for _, p := range d.pieces {
		if p.text {
			texts = append(texts, p.raw)
		}
	}
	return texts
}

// Write writes the document with translations in the places of its texts.
func (d *Document) Write(w io.Writer, translations []string) error {
	var b strings.Builder
	for _, p := range d.pieces {
		if !p.text {
			b.WriteString(p.raw)
			continue
		}
		if len(translations) == 0 {
			return fmt.Errorf("there are fewer translations than texts")
		}
		t := translations[0]
		translations = translations[1:]
		if p.write != nil {
			t = p.write(t)
		}
		b.WriteString(t)
	}
	if len(translations) > 0 {
		return fmt.Errorf("there are %d translations more than texts", len(translations))
	}
	if d.save != nil {
		return d.save(w, b.String())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (d *Document) raw(s string) {
	if s != "" {
		d.pieces = append(d.pieces, piece{raw: s})
	}
}

// add adds a text, the white space around it as bytes that stay. What has no letter is no text.
func (d *Document) add(s string, write func(string) string) {
	inner := strings.TrimSpace(s)
	if !hasLetter(inner) {
		d.raw(s)
		return
	}
	at := strings.Index(s, inner)
	d.raw(s[:at])
	d.pieces = append(d.pieces, piece{raw: inner, text: true, write: write})
	d.raw(s[at+len(inner):])
}
