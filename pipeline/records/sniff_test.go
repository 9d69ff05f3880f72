package records

import (
	"archive/zip"
	"bytes"
	"testing"
)

func TestSniff(t *testing.T) {
	zipOf := func(names ...string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			w, _ := z.CreateHeader(&zip.FileHeader{Name: name})
			if name == "mimetype" {
				w.Write([]byte("application/epub+zip"))
			}
		}
		z.Close()
		return b.String()
	}
	for content, want := range map[string]Kind{
		"":                                KindText,
		"Call me Ishmael.":                KindText,
		"[1] A footnote, {in braces}":     KindText,
		"BZh is no magic":                 KindText,
		"1984 was a year":                 KindText,
		"\xff\xfeh\x00i\x00":              KindText,
		"h\x00i\x00 \x00y\x00o\x00u\x00":  KindText,
		"< 3 is a heart":                  KindText,
		"<she> said":                      KindText,
		"\xef\xbb\xbf <!DOCTYPE HTML><p>": KindHTML,
		"<!-- a --><html>":                KindHTML,
		"<?xml version='1.0'?><!DOCTYPE html PUBLIC \"x\"><html>": KindHTML,
		"<title>T</title>": KindHTML,
		"<p>One<p>Two":     KindPiece,
		"<?xml version=\"1.0\"?>\n<TEI xmlns=\"http://www.tei-c.org/\">": KindTEI,
		"<TEI.2><teiHeader>":                                KindTEI,
		"<tei:TEI xmlns:tei='http://www.tei-c.org'>":        KindTEI,
		"<mediawiki xmlns=\"http://www.mediawiki.org/\">":   KindWiki,
		"<?xml version='1.0'?><rss/>":                       KindXML,
		"WARC/1.0\r\nWARC-Type: warcinfo\r\n":               KindWARC,
		"WARC/1.0 is a format":                              KindText,
		"http://b/ 1.2.3.4 20200203040506 text/html 3\nabc": KindWARC,
		"{\"text\": \"a\"}\n{\"text\":":                     KindJSONL,
		"[\n {\"a\": 1},\n {\"a\":":                         KindJSON,
		"PAR1\x15":                                          KindParquet,
		"ARROW1\x00\x00":                                    KindArrow,
		"%PDF-1.4":                                          KindPDF,
		"\x1f\x8b\x08\x00":                                  KindPacked,
		"\x89PNG\r\n\x1a\n":                                 KindImage,
		"\x7fELF\x02":                                       KindProgram,
		"a\x00b\x01c":                                       KindOther,
		zipOf("mimetype", "a.opf"):                          KindEPUB,
		zipOf("[Content_Types].xml", "word/document.xml"):   KindDOCX,
		zipOf("a.txt"):                                      KindZip,
	} {
		if got := Sniff([]byte(content)); got != want {
			t.Errorf("%.60q: %s, want %s", content, got, want)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("<?xml <!-- <!"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if Sniff(b) == "" {
			t.Fatal("no kind")
		}
	})
}
