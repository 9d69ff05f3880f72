package corpus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fragua/pipeline"
)

// readWith reads a folder or file with a source of a kind: texts, and failures.
func readWith(t *testing.T, kind, path string) (texts, failures []string) {
	t.Helper()
	source := (&SourceChoice{}).Variants()[kind]().(Source)
	source.raw().Path.Written, source.raw().Path.Abs = path, path
	parts, err := source.Parts(context.Background(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		for d, err := range source.Read(context.Background(), part) {
			var bad *Failure
			var skipped *Skipped
			switch {
			case errors.As(err, &bad):
				failures = append(failures, err.Error())
				if bad.Lost == nil {
					failures[len(failures)-1] = "a record: " + err.Error()
				}
			case errors.As(err, &skipped):
				texts = append(texts, skipped.Error())
			case err != nil:
				t.Fatal(err)
			default:
				texts = append(texts, d.Text)
			}
		}
	}
	return texts, failures
}

// TestOtherKinds: a file of another kind than its source is refused as a whole,
// with the source that reads it.
func TestOtherKinds(t *testing.T) {
	page := "<!DOCTYPE html><title>T</title><p>A page."
	archive := warcRecord("response", "text/html", page)
	for _, test := range []struct{ source, name, content, want string }{
		{"html", "two.warc.gz", packed(t, ".gz", archive), "it is a web archive (WARC or ARC), not HTML; the source warc reads that: warc: {path: …}"},
		{"html", "a.html", "Plain text, and no tag at all: 3 < 4.", "it is plain text, not HTML"},
		{"html", "a.html", "%PDF-1.4", "it is PDF, not HTML"},
		{"books", "mini.xml", `<TEI xmlns="http://www.tei-c.org/ns/1.0"><text/></TEI>`, "it is TEI XML, not plain text; the source tei reads that"},
		{"books", "a.txt", "PK\x03\x04", "it is a zip archive, not plain text; the source zip reads that"},
		{"books", "a.txt", archive, "the source warc reads that"},
		{"text", "a.txt", page, "it is HTML, not plain text; the source html reads that"},
		{"text", "a.txt", `{"text": "one"}` + "\n" + `{"text": "two"}`, "the source jsonl reads that"},
		{"text", "a.txt", "\x7fELF\x02\x01", "it is a program, not plain text; no source reads that: leave it out"},
		{"text", "a.txt", packed(t, ".gz", "text"), "it is compressed data, not plain text; name it by its compression"},
		{"jsonl", "a.jsonl", page, "it is HTML"},
		{"jsonl", "a.jsonl", "PAR1\x00\x00", "the source parquet reads that"},
		{"csv", "a.csv", page, "it is HTML, not a table of text (CSV or TSV)"},
		{"csv", "a.csv", `{"text": "one"}`, "the source jsonl reads that"},
		{"warc", "a.warc", page, "no header of a WARC or ARC record"},
		{"parquet", "a.parquet", page, "not a whole Parquet file"},
	} {
		dir := write(t, map[string]string{test.name: test.content})
		texts, failures := readWith(t, test.source, filepath.Join(dir, test.name))
		if len(texts) != 0 || len(failures) != 1 || !strings.Contains(failures[0], test.want) {
			t.Errorf("%s of %s: %q %q, want %q", test.source, test.name, texts, failures, test.want)
		}
	}
}

// TestWARCDocuments: what is no document is skipped with its reason, and what
// only goes with captures is passed over.
func TestWARCDocuments(t *testing.T) {
	page := "<p>" + strings.Repeat("A page of words. ", 20)
	revisit := strings.Replace(warcRecord("revisit", "application/http", ""), "Content-Type", "WARC-Refers-To-Target-URI: http://example.org/first\r\nContent-Type", 1)
	gone := strings.Replace(warcRecord("response", "text/html", page), "200 OK", "404 No", 1)
	cut := strings.Replace(warcRecord("response", "text/html", page), "WARC-Type", "WARC-Truncated: length\r\nWARC-Type", 1)
	dir := write(t, map[string]string{"a.warc": warcRecord("warcinfo", "", "software: test") + warcRecord("request", "application/http", "GET /") +
		warcRecord("response", "text/html; charset=windows-1251", "<p>\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0") +
		revisit + gone + cut + warcRecord("response", "image/png", "\x89PNG") + warcRecord("response", "", "\x89PNG\r\n\x1a\n") + warcRecord("response", "", "<html><p>Untyped")})
	want := []string{"Привет, мир", "warc.revisit the same as http://example.org/first", "warc.status", "warc.truncated length", "warc.type image/png", "warc.type unknown", "Untyped"}
	texts, failures := readWith(t, "warc", filepath.Join(dir, "a.warc"))
	if diff := cmp.Diff(want, texts); diff != "" || failures != nil {
		t.Error(diff, failures)
	}
}

// TestUnread: what a folder holds besides is told, by kind, with the source that
// would read it, and not if another source of the stage reads it.
func TestUnread(t *testing.T) {
	dir := write(t, map[string]string{"a.txt": "a", "b.epub": "b", "c/d.jpg": "d", "c/e.JSONL.gz": "e", ".git/x": "x", "noextension": "n", "d.warc": "", "e.jpg": ""})
	in := NewIngest()
	books, warc := NewBooks(), NewWARC()
	books.Path.Written, books.Path.Abs = "lib", dir
	warc.Path.Written, warc.Path.Abs = "lib/*.warc", filepath.Join(dir, "*.warc")
	in.Sources = []SourceChoice{{name: "books", source: books}, {name: "warc", source: warc}}
	lines := in.Unread()
	if len(lines) != 1 {
		t.Fatal(lines)
	}
	for _, want := range []string{"lib: 6 files are not read: 2 .jpg (no source reads them in a folder", "1 .jsonl.gz (jsonl: {path: …} reads them)", "1 .epub (epub: {path: …} reads them)", "1 hidden", "1 without an extension"} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("%q lacks %q", lines[0], want)
		}
	}
}

// TestNamesNotUTF8: two names that differ in a byte that is not UTF-8 are two
// files with two ids, and the path column is UTF-8.
func TestNamesNotUTF8(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a\xff.txt": "FIRST", "a\uFFFD.txt": "SECOND", "b\xfe\xff.txt": "THIRD"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Skipf("this file system has no such names: %v", err)
		}
	}
	res := run(t, dir, "stages: [{name: corpus, use: ingest, with: {sources: [{text: {path: .}}]}}]", pipeline.Options{Out: t.TempDir()})
	got := map[string]string{}
	ids := map[string]bool{}
	for _, d := range documents(t, res.Stages[0].Dir, DocumentShards...) {
		got[d.Path] = d.Text
		ids[d.ID] = true
	}
	if diff := cmp.Diff(map[string]string{`a\xff.txt`: "FIRST", "a\uFFFD.txt": "SECOND", `b\xfe\xff.txt`: "THIRD"}, got); diff != "" || len(ids) != 3 {
		t.Error(diff, ids)
	}
}

// TestBrokenParts: a part of a book that is missing is skipped with its reason,
// and so is what a zip archive holds besides.
func TestBrokenParts(t *testing.T) {
	dir := write(t, map[string]string{
		"a.epub": strings.ReplaceAll(epubFile(t, "One", "Two", "Three"), "1.xhtml", "9.xhtml"),
		"b.zip":  zipFile(t, map[string]string{"a.txt": "uno", "big.txt": strings.Repeat("a", 1000), "p.png": "\x89PNG\r\n\x1a\n"}),
	})
	texts, failures := readWith(t, "epub", filepath.Join(dir, "a.epub"))
	if diff := cmp.Diff([]string{"One", "Three", `epub.broken part "1.xhtml": it is not there`}, texts); diff != "" || failures != nil {
		t.Error(diff, failures)
	}
	z := NewZip()
	z.Path.Written, z.Path.Abs, z.MaxBytes = "b.zip", filepath.Join(dir, "b.zip"), 100
	var got []string
	parts, err := z.Parts(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		for d, err := range z.Read(context.Background(), p) {
			if err != nil {
				got = append(got, err.Error())
			} else {
				got = append(got, d.Text+" "+d.Metadata)
			}
		}
	}
	want := []string{`uno {"encoding":"utf-8","member":"a.txt"}`, `zip.broken member "big.txt": it unpacks to 1000 bytes: larger than max_bytes allows`, "zip.type p.png is an image"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
