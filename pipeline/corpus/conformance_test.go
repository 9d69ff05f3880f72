package corpus

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/ulikunitz/xz"

	"fragua/pipeline/records"
)

// packed compresses a text by the extension.
func packed(t *testing.T, extension, text string) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch extension {
	case ".gz":
		w := gzip.NewWriter(&b)
		_, err = w.Write([]byte(text))
		err = errors.Join(err, w.Close())
	case ".zst":
		w, _ := zstd.NewWriter(&b)
		_, err = w.Write([]byte(text))
		err = errors.Join(err, w.Close())
	case ".xz":
		var w *xz.Writer
		if w, err = xz.NewWriter(&b); err == nil {
			_, err = w.Write([]byte(text))
			err = errors.Join(err, w.Close())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// warcRecord is a record of a web archive with an HTTP response in it, or, of
// other kinds, with the body alone.
func warcRecord(kind, mime, body string) string {
	outer := mime
	if kind == "response" {
		outer, body = "application/http; msgtype=response", "HTTP/1.1 200 OK\r\nContent-Type: "+mime+"\r\n\r\n"+body
	}
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: http://example.org/\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", kind, outer, len(body), body)
}

type row struct {
	Text  string `parquet:"text"`
	URL   string `parquet:"url,optional"`
	Stars int32  `parquet:"stars"`
}

// zipFile packs files, sorted by name.
func zipFile(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// epubFile is an e-book whose parts are paragraphs.
func epubFile(t *testing.T, parts ...string) string {
	files := map[string]string{"META-INF/container.xml": `<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>`}
	items, refs := "", ""
	for i, p := range parts {
		name := fmt.Sprintf("%d.xhtml", i)
		files[name] = "<html><body><p>" + p + "</p></body></html>"
		items += fmt.Sprintf(`<item id="i%d" href="%s" media-type="application/xhtml+xml"/>`, i, name)
		refs += fmt.Sprintf(`<itemref idref="i%d"/>`, i)
	}
	files["book.opf"] = "<package><metadata><title>A book</title></metadata><manifest>" + items + "</manifest><spine>" + refs + "</spine></package>"
	return zipFile(t, files)
}

// arrowStream is a table of one column.
func arrowStream(t *testing.T, texts ...string) string {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String}}, nil))
	b.Field(0).(*array.StringBuilder).AppendValues(texts, nil)
	rows := b.NewRecord()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(rows.Schema()))
	if err := errors.Join(w.Write(rows), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// pdfFile is a PDF of one line.
func pdfFile(line string) string {
	content := "BT /F 10 Tf 72 700 Td (" + line + ") Tj ET"
	return "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n" +
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Courier>>>>>>>>endobj\n" +
		fmt.Sprintf("4 0 obj<</Length %d>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF\n", len(content), content)
}

// tei is an edition whose chapters are paragraphs.
func tei(chapters ...string) string {
	s := "<TEI><text><body>"
	for _, c := range chapters {
		s += "<div><p>" + c + "</p></div>"
	}
	return s + "</body></text></TEI>"
}

// parquetFile writes rows in groups of three.
func parquetFile(t *testing.T, rows []row) string {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.MaxRowsPerRowGroup(3))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSourcesConform: every source yields the same documents in the same order,
// however its files are divided; each valid UTF-8, each id once; and what cannot
// be read is a Failure with its file.
func TestSourcesConform(t *testing.T) {
	var lines, table, tabs, book strings.Builder
	var rows []row
	table.WriteString("text,url,stars\n")
	tabs.WriteString("text\turl\tstars\n")
	for i := range 40 {
		fmt.Fprintf(&lines, `{"text": "line %d %s", "url": "u%d", "n": {"deep": [%d]}}`+"\r\n", i, strings.Repeat("ñ", i), i, i)
		fmt.Fprintf(&table, "\"row %d,\n%s\",u%d,%d\n", i, strings.Repeat(`""`, i), i, i)
		fmt.Fprintf(&tabs, "row %d \"%s\tu%d\t%d\n", i, strings.Repeat("é", i), i, i)
		rows = append(rows, row{fmt.Sprintf("row %d", i), fmt.Sprintf("u%d", i), int32(i)})
		fmt.Fprintf(&book, "CHAPTER %d\n\n%s\n\n", i+1, strings.Repeat("Prose goes on. ", 40))
	}
	lines.WriteString("not json\n\n{\"no\": \"text\"}\n[1]\n{\"text\": 3}\n{\"text\": \"latin \xf1and\xfa\"}\n{\"text\": \"last\"}")
	table.WriteString("one field\nlast,u,1")
	tabs.WriteString("a\tb\nlast\tu\t1")
	page := "<title>T</title><article><p>" + strings.Repeat("A page has many words, and they go on. ", 30) + "</article>"
	archive := ""
	for i := range 40 {
		archive += packed(t, ".gz", warcRecord("request", "", ""))
		archive += packed(t, ".gz", warcRecord("response", "text/html; charset=utf-8", fmt.Sprintf("<title>%d</title>%s", i, page)))
	}
	wiki := "<mediawiki xmlns=\"http://www.mediawiki.org/xml/export-0.11/\">\n"
	for i := range 20 {
		wiki += fmt.Sprintf("  <page>\n    <title>T%d</title>\n    <ns>0</ns>\n    <id>%d</id>\n    <revision>\n      <timestamp>2020-01-02T00:00:00Z</timestamp>\n      <text>Page %d of &lt;b&gt;many&lt;/b&gt;.\n&lt;page&gt;</text>\n    </revision>\n  </page>\n", i, i, i)
	}
	wiki = strings.Replace(wiki+"</mediawiki>", "  <page>", "  <page>\n    <title>R</title>\n    <redirect title=\"T1\" />\n  </page>\n  <page>\n    <ns>1</ns>\n  </page>\n  <page>", 1)
	tests := []struct {
		kind           string
		files          map[string]string
		docs, failures int
	}{
		{"jsonl", map[string]string{"a.jsonl": lines.String(), "b/c.jsonl.gz": packed(t, ".gz", lines.String()), "d.jsonl.zst": packed(t, ".zst", lines.String()),
			"empty.jsonl": "", "torn.jsonl.gz": packed(t, ".gz", lines.String())[:20]}, 3 * 42, 3*4 + 1},
		{"csv", map[string]string{"a.csv": table.String(), "b.csv.xz": packed(t, ".xz", table.String()), "c.tsv": tabs.String(), "empty.csv": "", "utf16.tsv": "\xff\xfet\x00e\x00x\x00t\x00\n\x00a\x00"}, 3*41 + 1, 3},
		{"parquet", map[string]string{"a.parquet": parquetFile(t, rows), "b.parquet": parquetFile(t, rows[:7]), "bad.parquet": "PAR1 nothing PAR1"}, 47, 1},
		{"arrow", map[string]string{"a.arrow": arrowStream(t, "uno", "dos", "tres"), "b.arrow.gz": packed(t, ".gz", arrowStream(t, "uno")), "bad.arrow": "ARROW1\x00\x00", "text.arrow": "text"}, 4, 2},
		{"books", map[string]string{"a.txt": book.String(), "b.txt.gz": packed(t, ".gz", "A short book.\n"), "c.htm": "<p>One<p>Two", "binary.txt": "\x00\x01\x02\x03\x04\x05\x06\x07\x08", "empty.txt": ""}, 40 + 3, 1},
		{"warc", map[string]string{"a.warc.gz": archive, "b.warc": warcRecord("response", "text/html", page) + "rubbish\r\n\r\n" + warcRecord("response", "text/plain", "Text of a page."),
			"c.wet": warcRecord("conversion", "text/plain", "Text of a page."), "torn.warc.gz": archive[:len(archive)-20], "not.warc": "nothing"}, 40 + 3 + 39, 2},
		{"wiki", map[string]string{"a.xml": wiki, "b.xml.gz": packed(t, ".gz", wiki), "cut.xml": wiki[:len(wiki)-40], "c.xml": "<rss/>"}, 20 + 20 + 19, 2},
		{"epub", map[string]string{"a.epub": epubFile(t, "One", "Two", "Three"), "b.epub": epubFile(t, "One"), "bad.epub": "PK\x03\x04", "text.epub": "text"}, 4, 2},
		{"tei", map[string]string{"a.xml": tei("One", "Two"), "b.xml.gz": packed(t, ".gz", tei("One")), "c.xml": "<?xml version='1.0'?><rss/>"}, 3, 1},
		{"docx", map[string]string{"a.docx": zipFile(t, map[string]string{"word/document.xml": "<document><p><r><t>One</t></r></p></document>"}), "b.docx": zipFile(t, map[string]string{"a.txt": ""})}, 1, 1},
		{"pdf", map[string]string{"a.pdf": pdfFile("One"), "bad.pdf": "%PDF-1.7\n", "text.pdf": "text"}, 1, 2},
		{"markdown", map[string]string{"a.md": "# One\n\nText", "b.markdown": "<p align=center>Two</p>"}, 2, 0},
		{"zip", map[string]string{"a.zip": zipFile(t, map[string]string{"a.txt": "uno", "b/c.html": page, "d.txt": "caf\xe9", "e.png": "\x89PNG\r\n\x1a\n"}), "bad.zip": "PK\x05\x06"}, 3, 1},
		{"html", map[string]string{"a.html": page, "b.html.zst": packed(t, ".zst", page), "c.htm": "", "deep.html": strings.Repeat("<div>", 1000), "image.html": "\x89PNG\r\n\x1a\n\x00\x00"}, 4, 1},
		{"text", map[string]string{"a.txt": "uno\r\ndos", "b.txt": "caf\xe9", "bad.txt.xz": "no xz"}, 2, 1},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			dir := write(t, test.files)
			source := (&SourceChoice{}).Variants()[test.kind]().(Source)
			source.raw().Path.Written, source.raw().Path.Abs = dir, dir
			var want []*Document
			for _, size := range []int64{1 << 40, 1, 7, 100, 1000, 1 << 14} {
				parts, err := source.Parts(context.Background(), size)
				if err != nil {
					t.Fatal(err)
				}
				var docs []*Document
				ids := map[string]bool{}
				failures := 0
				for _, part := range parts {
					for d, err := range source.Read(context.Background(), part) {
						var bad *Failure
						if errors.As(err, &bad) {
							if failures++; test.files[bad.File] == "" {
								t.Errorf("failure of no file: %v", bad)
							}
							continue
						}
						if errors.As(err, new(*Skipped)) {
							continue
						}
						if err != nil {
							t.Fatal(err)
						}
						if ids[d.ID] {
							t.Errorf("id %s stands twice", d.ID)
						}
						if ids[d.ID] = true; !utf8.ValidString(d.Text) || !utf8.ValidString(d.Metadata) {
							t.Errorf("not UTF-8: %+v", d)
						}
						docs = append(docs, d)
					}
				}
				if want == nil {
					want = docs
					if len(docs) != test.docs || failures != test.failures {
						t.Fatalf("%d documents and %d failures, want %d and %d", len(docs), failures, test.docs, test.failures)
					}
				}
				if diff := cmp.Diff(want, docs, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Document{})); diff != "" {
					t.Fatalf("parts of %d bytes give other documents:\n%.2000s", size, diff)
				}
			}
			cancelled, cancel := context.WithCancel(context.Background())
			cancel()
			parts, err := source.Parts(context.Background(), 1<<40)
			if err != nil {
				t.Fatal(err)
			}
			for d, err := range source.Read(cancelled, parts[0]) {
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("after cancelling: %v %v", d, err)
				}
			}
		})
	}
}

// TestFiles: names are relative to the fixed part of the pattern, sorted, and a
// pattern that matches nothing is an error that says where it looked.
func TestFiles(t *testing.T) {
	dir := write(t, map[string]string{"en/b.txt": "b", "en/a.txt": "a", "es/c.TXT.gz": "c", "es/d.pdf": "d", ".hidden/e.txt": "e", "[x].txt": "x"})
	if err := os.Symlink("..", filepath.Join(dir, "en", "up")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err) // a link in circles: it is not followed
	}
	tests := map[string]string{
		"":                 "[x].txt en/a.txt en/b.txt es/c.TXT.gz",
		"en":               "a.txt b.txt",
		"en/a.txt":         "a.txt",
		"[x].txt":          "[x].txt",
		"{en,es}/*":        "en/a.txt en/b.txt es/c.TXT.gz es/d.pdf",
		"**/*.txt":         ".hidden/e.txt [x].txt en/a.txt en/b.txt",
		"en/*.txt":         "a.txt b.txt",
		"*/[!a].{txt,pdf}": "en/b.txt es/d.pdf .hidden/e.txt",
	}
	for path, want := range tests {
		s := NewBooks()
		s.Path.Written, s.Path.Abs = path, filepath.Join(dir, path)
		files, err := s.Files()
		var names []string
		for _, f := range files {
			names = append(names, f.Name)
			if b, err := os.ReadFile(records.Locate(s.Path, f.Name)); err != nil || len(b) != 1 || f.Size != 1 {
				t.Errorf("%s: %s lies at %s: %v", path, f.Name, records.Locate(s.Path, f.Name), err)
			}
		}
		if diff := cmp.Diff(strings.Fields(want), names, cmpopts.SortSlices(func(a, b string) bool { return a < b })); err != nil || diff != "" {
			t.Errorf("%q: %v %s", path, err, diff)
		}
	}
	for _, path := range []string{"no/such/*.txt", "en/*.epub", "es/d.pdf/x"} {
		s := NewBooks()
		s.Path.Written, s.Path.Abs = path, filepath.Join(dir, path)
		if files, err := s.Files(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v %v", path, files, err)
		}
	}
}
