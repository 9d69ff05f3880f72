package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// zipOf packs members, given as name and content by turns.
func zipOf(t testing.TB, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const container = `<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>`

func opfOf(spine ...string) string {
	s := `<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>The Mill</dc:title><dc:creator>Ana Field</dc:creator><dc:creator>Another</dc:creator><dc:language>en-GB</dc:language><dc:date>1901-05</dc:date><dc:rights>CC BY 4.0</dc:rights></metadata><manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/><item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/><item id="pic" href="p.png" media-type="image/png"/>`
	for _, name := range spine {
		s += fmt.Sprintf(`<item id="%s" href="text/%s.xhtml" media-type="application/xhtml+xml"/>`, name, strings.ReplaceAll(name, " ", "%20"))
	}
	s += `</manifest><spine toc="ncx"><itemref idref="nav"/>`
	for _, name := range spine {
		s += fmt.Sprintf(`<itemref idref="%s"/>`, name)
	}
	return s + `</spine></package>`
}

func xhtml(body string) string {
	return `<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title/><style/></head><body>` + body + `</body></html>`
}

const (
	nav = `<html xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol><li><a href="text/one.xhtml">I</a></li><li><span>Part Two</span><ol>
<li><a href="text/two%20b.xhtml#c2">II</a></li><li><a href="text/two%20b.xhtml#c3">III</a></li></ol></li></ol></nav><nav epub:type="page-list"><ol><li><a href="text/one.xhtml#p1">1</a></li></ol></nav></body></html>`
	ncx = `<ncx><navMap><navPoint><navLabel><text>I</text></navLabel><content src="text/one.xhtml"/></navPoint><navPoint><navLabel><text>Part Two</text></navLabel><content src="text/none.xhtml"/>
<navPoint><navLabel><text>II</text></navLabel><content src="text/two%20b.xhtml#c2"/></navPoint><navPoint><navLabel><text>III</text></navLabel><content src="text/two%20b.xhtml#c3"/></navPoint></navPoint></navMap></ncx>`
	partOne = `Text outside of a paragraph.<p>One <span epub:type="pagebreak" id="p1">[12]</span>goes on.<a id="x"/></p><div/>And <b>bold</b> text.`
	partTwo = `<h2 id="c2">II</h2><p>Two.</p><a id="c3"/><h2>III</h2><p>Three &amp; &eacute;.</p>`
)

func bookText(b Book) (list []string) {
	for _, c := range b.Chapters {
		list = append(list, fmt.Sprintf("%s|%s|%s", c.Part, c.Title, strings.ReplaceAll(c.Text, "\n\n", "¶")))
	}
	return list
}

// TestEPUB: the parts come in the order of the spine, chapters are those of the
// table of contents, and a broken part loses itself alone.
func TestEPUB(t *testing.T) {
	want := []string{"|I|Text outside of a paragraph.¶One goes on.¶And bold text.", "Part Two|II|II¶Two.", "Part Two|III|III¶Three & é."}
	broken := zipOf(t, "META-INF/container.xml", container, "OEBPS/text/two b.xhtml", xhtml(strings.Repeat(partTwo, 50)), "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/nav.xhtml", nav, "OEBPS/book.opf", opfOf("one", "two b"))
	at := bytes.Index(broken, []byte("two b.xhtml")) + 60
	broken[at] ^= 0xff
	for name, test := range map[string]struct {
		file   []byte
		want   []string
		broken int
	}{
		"nav":          {zipOf(t, "OEBPS/text/two b.xhtml", xhtml(partTwo), "META-INF/container.xml", container, "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/nav.xhtml", nav, "OEBPS/book.opf", opfOf("one", "two b")), want, 0},
		"ncx":          {zipOf(t, "OEBPS/text/two b.xhtml", xhtml(partTwo), "META-INF/container.xml", container, "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/toc.ncx", ncx, "OEBPS/book.opf", opfOf("one", "two b")), want, 0},
		"no list":      {zipOf(t, "META-INF/container.xml", container, "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/text/two.xhtml", xhtml("<p>Two.")+"", "OEBPS/book.opf", opfOf("one", "two")), []string{"||Text outside of a paragraph.¶One goes on.¶And bold text.", "||Two."}, 0},
		"no container": {zipOf(t, "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/book.opf", opfOf("one")), []string{"||Text outside of a paragraph.¶One goes on.¶And bold text."}, 0},
		"broken":       {broken, want[:1], 1},
		"missing":      {zipOf(t, "META-INF/container.xml", container, "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/nav.xhtml", nav, "OEBPS/book.opf", opfOf("one", "two b")), want[:1], 1},
		"encrypted":    {zipOf(t, "META-INF/container.xml", container, "META-INF/encryption.xml", `<encryption><EncryptedData><CipherData><CipherReference URI="OEBPS/text/two%20b.xhtml"/></CipherData></EncryptedData></encryption>`, "OEBPS/text/two b.xhtml", "\x01\x02\x03", "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/nav.xhtml", nav, "OEBPS/book.opf", opfOf("one", "two b")), want[:1], 1},
		"latin-1":      {zipOf(t, "META-INF/container.xml", container, "OEBPS/text/one.xhtml", strings.Replace(xhtml("<p>Ni\xf1o"), "utf-8", "iso-8859-1", 1), "OEBPS/book.opf", opfOf("one")), []string{"||Niño"}, 0},
		"links":        {zipOf(t, "META-INF/container.xml", container, "OEBPS/text/one.xhtml", xhtml("<h1>Contents</h1>"+strings.Repeat(`<p><a href="x">A chapter of the book</a></p>`, 9)), "OEBPS/text/two.xhtml", xhtml("<p>Two."), "OEBPS/book.opf", opfOf("one", "two")), []string{"||Two."}, 0},
	} {
		b, err := EPUB(context.Background(), test.file, 1<<20)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, bookText(b)); diff != "" || len(b.Broken) != test.broken {
			t.Errorf("%s: %s %v", name, diff, b.Broken)
		}
		if b.Title != "The Mill" || b.Author != "Ana Field" || b.Language != "en" || b.Date != "1901-05" || b.License != "CC BY 4.0" {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

// TestBooksHostile: what unpacks to too much is refused, whatever it says of its
// size, and nothing nests without end.
func TestBooksHostile(t *testing.T) {
	bomb := strings.Repeat("a", 20<<20)
	for name, b := range map[string][]byte{
		"part":      zipOf(t, "META-INF/container.xml", container, "OEBPS/text/one.xhtml", xhtml(bomb), "OEBPS/book.opf", opfOf("one")),
		"package":   zipOf(t, "META-INF/container.xml", container, "OEBPS/book.opf", bomb),
		"no e-book": zipOf(t, "a.txt", "text"),
		"no zip":    []byte("PK\x03\x04 nothing"),
	} {
		if book, err := EPUB(context.Background(), b, 1<<20); err == nil {
			t.Errorf("%s: %+v", name, book)
		} else if (name == "part" || name == "package") && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DOCX(zipOf(t, "word/document.xml", bomb), 1<<20); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if _, err := TEI([]byte("<TEI><text>" + strings.Repeat("<p>", 100_000))); !errors.Is(err, ErrNested) {
		t.Error(err)
	}
	entities := `<!DOCTYPE TEI [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><TEI><text><p>&b;</p></text></TEI>`
	if b, err := TEI([]byte(entities)); err == nil && len(b.Text()) > 100 {
		t.Error("entities unfold")
	}
}

// TestWithoutSubset: the declarations of a part are no text of it.
func TestWithoutSubset(t *testing.T) {
	for in, want := range map[string]string{
		`<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "x]y"> <!ENTITY b "&a;">] ><html>a</html>`: `<?xml version="1.0"?><html>a</html>`,
		`<!DOCTYPE html><p>a[1]></p>`: `<!DOCTYPE html><p>a[1]></p>`,
		`<!DOCTYPE html [ <p>open`:    `<!DOCTYPE html [ <p>open`,
		`<p>a</p>`:                    `<p>a</p>`,
	} {
		if got := withoutSubset(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestTEI(t *testing.T) {
	const head = `<?xml version="1.0" encoding="ISO-8859-1"?><TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>El molino</title><author><persName>Ana <surname>Campo</surname></persName></author></titleStmt>
<publicationStmt><availability><licence target="https://creativecommons.org/licenses/by/4.0/">Free</licence></availability></publicationStmt>
<sourceDesc><bibl type="digital"><date>2019</date></bibl><bibl type="firstEdition"><date when="1888">1888</date></bibl></sourceDesc></fileDesc><profileDesc><langUsage><language ident="es">Spanish</language></langUsage></profileDesc></teiHeader><text>`
	for body, want := range map[string][]string{
		`<body><div type="chapter"><head>I</head><p>Uno <pb n="3"/>dos.</p></div><div type="chapter"><head>II</head><p>Tres.</p></div></body>`: {"|I|I¶Uno dos.", "|II|II¶Tres."},
		`<front><div><head>Pr` + "\xf3" + `logo</head><p>Lector.</p></div></front><body><div type="part"><head>Parte primera</head><div><head>I</head><p>Uno.</p></div><div><head>II</head><p>Dos.</p></div></div></body>`: {
			"|Prólogo|Prólogo¶Lector.", "Parte primera|I|Parte primera¶I¶Uno.", "Parte primera|II|II¶Dos."},
		`<body><div><head>A</head><lg><l>Un verso</l><l>y otro</l></lg><lg><l>Estrofa</l></lg></div><div><head>B</head><sp><speaker>ANA</speaker><p>Di.</p></sp></div></body>`: {
			"|A|A¶Un verso\ny otro¶Estrofa", "|B|B¶ANA¶Di."},
		`<body><div><head>A</head><p>La <choice><sic>caza</sic><corr>casa</corr></choice> del <choice><abbr>Sr.</abbr><expan>Señor</expan></choice>, <sic>asin</sic><note place="foot"><p>Una nota.</p></note> dijo.</p><fw>12</fw></div><div><head>B</head><p>el ca-<lb break="no"/>mino<lb/>largo</p></div></body>`: {
			"|A|A¶La casa del Señor, asin dijo.¶Una nota.", "|B|B¶el camino largo"},
		`<body><p>Sin divisiones.</p></body>`: {"||Sin divisiones."},
		`<body><div><table><row><cell>a</cell><cell>b</cell></row><row><cell>c</cell></row></table><list><item>x</item><item>y</item></list></div></body>`: {"||a\tb\nc¶x\ny"},
	} {
		latin := strings.NewReplacer("ñ", "\xf1").Replace(body)
		b, err := TEI([]byte(head + latin + "</text></TEI>"))
		if diff := cmp.Diff(want, bookText(b)); err != nil || diff != "" || len(b.Broken) > 0 {
			t.Errorf("%.60s: %v %v %s", body, err, b.Broken, diff)
		}
		if b.Title != "El molino" || b.Author != "Ana Campo" || b.Date != "1888" || b.Language != "es" || b.License != "https://creativecommons.org/licenses/by/4.0/" {
			t.Errorf("%+v", b)
		}
	}
	if b, err := TEI([]byte(`<TEI><text><body><p>One.</p><p>Cut`)); err != nil || len(b.Broken) != 1 || !strings.HasPrefix(b.Text(), "One.") {
		t.Errorf("cut short: %+v %v", b, err)
	}
	if _, err := TEI([]byte(`<TEI></TEI>`)); err == nil {
		t.Error("no text, no error")
	}
}

func TestDOCX(t *testing.T) {
	const open = `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`
	p := func(s string) string { return "<w:p>" + s + "</w:p>" }
	r := func(s string) string { return `<w:r><w:t xml:space="preserve">` + s + "</w:t></w:r>" }
	h := func(s string) string { return p(`<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>` + r(s)) }
	cell := func(s string) string { return "<w:tc>" + p(r(s)) + "</w:tc>" }
	body := open + p(r("Before")) + h("One") + p(r("Some ")+r("text")+`<w:r><w:tab/><w:t>tab</w:t><w:br/><w:t>line</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>`) +
		h("Two") + "<w:tbl><w:tr>" + cell("a") + cell("b") + "</w:tr><w:tr>" + cell("c") + cell("d") + "</w:tr></w:tbl>" + p("<w:r><w:instrText>PAGE</w:instrText></w:r>"+r("End &amp; é")) + "</w:body></w:document>"
	notes := strings.Replace(open, "document", "footnotes", 1) + p(r("A note.")) + "</w:body></w:footnotes>"
	core := `<cp:coreProperties xmlns:dc="d" xmlns:cp="c" xmlns:dcterms="t"><dc:title>T</dc:title><dc:creator>A B</dc:creator><dcterms:created>2020-01-02T03:04:05Z</dcterms:created></cp:coreProperties>`
	b, err := DOCX(zipOf(t, "[Content_Types].xml", "", "word/document.xml", body, "word/footnotes.xml", notes, "docProps/core.xml", core), 1<<20)
	want := []string{"||Before", "|One|One¶Some text\ttab\nline", "|Two|Two¶a\tb\nc\td¶End & é¶A note."}
	if diff := cmp.Diff(want, bookText(b)); err != nil || diff != "" || len(b.Broken) > 0 || b.Title != "T" || b.Author != "A B" || b.Date != "2020-01-02" {
		t.Errorf("%v %+v %s", err, b, diff)
	}
	if b, err := DOCX(zipOf(t, "word/document.xml", body[:len(body)-60]), 1<<20); err != nil || len(b.Broken) != 1 || !strings.Contains(b.Text(), "Some text") {
		t.Errorf("cut short: %v %+v", err, b)
	}
	if _, err := DOCX(zipOf(t, "a.txt", ""), 1<<20); err == nil {
		t.Error("no document, no error")
	}
}

func TestMarkdown(t *testing.T) {
	const text = "---\ntitle: A title\nauthor: [Ana, Eva]\ndate: 2020-02-03\nlang: en-US\n---\n# Heading\n\nSome *text* <!-- hidden -->and [a link](http://x).\n\n| a | b |\n|---|---|\n| c | d |\n\n```go\ncode()\n```\n"
	page, err := MarkdownText(context.Background(), text, false)
	if want := "# Heading\n\nSome *text* and [a link](http://x).\n\n| a | b |\n|---|---|\n| c | d |\n\n```go\ncode()\n```"; err != nil || page.Text != want || page.Title != "A title" || page.Author != "Ana" || page.Date != "2020-02-03" || page.Language != "en" {
		t.Errorf("%+v %v", page, err)
	}
	page, err = MarkdownText(context.Background(), text, true)
	if err != nil || !strings.HasPrefix(page.Text, "Heading\n\nSome text and a link.") || !strings.Contains(page.Text, "code()") || strings.Contains(page.Text, "|") {
		t.Errorf("%q %v", page.Text, err)
	}
	for text, want := range map[string]string{"---\n\nA rule first.\n---\nThen text": "---\n\nA rule first.\n---\nThen text", "+++\ntitle = \"T\"\n+++\nText": "Text", "# T\nText": "# T\nText"} {
		if page, err := MarkdownText(context.Background(), text, false); err != nil || page.Text != want {
			t.Errorf("%q: %q %v", text, page.Text, err)
		}
	}
}

func FuzzEPUB(f *testing.F) {
	f.Add(zipOf(f, "META-INF/container.xml", container, "OEBPS/text/one.xhtml", xhtml(partOne), "OEBPS/nav.xhtml", nav, "OEBPS/toc.ncx", ncx, "OEBPS/book.opf", opfOf("one", "two b")))
	f.Fuzz(func(t *testing.T, b []byte) {
		book, err := EPUB(context.Background(), b, 1<<16)
		if err == nil && len(book.Text()) > 1<<20 {
			t.Fatalf("%d bytes of text", len(book.Text()))
		}
	})
}

// FuzzXHTML: what is prepared for the HTML reader keeps its text.
func FuzzXHTML(f *testing.F) {
	f.Add(xhtml(partOne))
	f.Add("<a/><![CDATA[<x>]]><p class='pagenum'>1")
	f.Fuzz(func(t *testing.T, s string) {
		prepareXHTML(s, map[string][]int{"": {0}, "c2": {1}})
		navEntries([]byte(s), "")
		ncxEntries([]byte(s), "")
	})
}

func FuzzTEI(f *testing.F) {
	f.Add([]byte(`<TEI><teiHeader/><text><body><div><head>I</head><p>One<note>n</note></p></div></body></text></TEI>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if book, err := TEI(b); err == nil && len(book.Text()) > 4*len(b)+100 {
			t.Fatalf("%d bytes of text from %d", len(book.Text()), len(b))
		}
	})
}

func FuzzDOCX(f *testing.F) {
	f.Add([]byte(`<w:document><w:body><w:p><w:pStyle w:val="Heading1"/><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := DOCX(zipOf(t, "word/document.xml", string(b)), 1<<20); err != nil && err.Error() == "" {
			t.Fatal("an empty error")
		}
	})
}

func FuzzMarkdown(f *testing.F) {
	f.Add("---\na: b\n---\n# T\n<!-- x -->\n* a")
	f.Fuzz(func(t *testing.T, s string) { frontMatter(s) })
}
