package corpus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// readAll reads b as a file of a source in parts of the size given.
func readAll(t *testing.T, source Source, dir, name string, b []byte, size int64) (docs []Document, failures int) {
	t.Helper()
	source.raw().Path.Written, source.raw().Path.Abs = name, filepath.Join(dir, name)
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
		t.Fatal(err)
	}
	parts, err := source.Parts(context.Background(), size)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		for d, err := range source.Read(context.Background(), part) {
			var bad *Failure
			switch {
			case errors.As(err, &bad):
				failures++
			case err != nil:
				t.Fatal(err)
			case !utf8.ValidString(d.Text + d.Metadata + d.URL + d.Title):
				t.Fatalf("not UTF-8: %+v", d)
			default:
				docs = append(docs, *d)
			}
		}
	}
	return docs, failures
}

func FuzzJSONL(f *testing.F) {
	f.Add([]byte(`{"text":"a"}`+"\r\n\n"+`{"text":"b","x":[1]}`), int64(3))
	f.Add([]byte("\ufeff{\"text\":\"\xff\"}\nnull\n1\n{}"), int64(1))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		size = 1 + (size&0xffff)%64
		docs, failures := readAll(t, NewJSONL(), dir, "a.jsonl", b, 1<<40)
		parts, failed := readAll(t, NewJSONL(), dir, "a.jsonl", b, size)
		if diff := cmp.Diff(docs, parts, cmpopts.IgnoreUnexported(Document{})); diff != "" || failures != failed {
			t.Errorf("in parts of %d: %d and %d failures %s", size, failures, failed, diff)
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("text,b\n\"a\n\"\"\",2\n"), true)
	f.Add([]byte("text\tb\na\t2\t3\n\xff\t\n"), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, commas bool) {
		name := "a.tsv"
		if commas {
			name = "a.csv"
		}
		readAll(t, NewCSV(), dir, name, b, 1<<40)
	})
}

func FuzzParquet(f *testing.F) {
	dir := f.TempDir()
	f.Add([]byte("PAR1\x15\x04PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) { readAll(t, NewParquet(), dir, "a.parquet", b, 1) })
}

// TestDamagedParquet: a flipped byte anywhere makes failures, never a panic or a
// stop.
func TestDamagedParquet(t *testing.T) {
	rows := make([]row, 10)
	for i := range rows {
		rows[i] = row{Text: "some text that is long enough to be a text", Stars: int32(i)}
	}
	whole := parquetFile(t, rows)
	dir := t.TempDir()
	for i := 0; i < len(whole); i += 3 {
		b := []byte(whole)
		b[i] ^= 0x55
		docs, failures := readAll(t, NewParquet(), dir, "a.parquet", b, 1)
		if len(docs) > 2*len(rows) || len(docs) < len(rows) && failures == 0 {
			t.Errorf("byte %d flipped: %d documents and %d failures of %d rows", i, len(docs), failures, len(rows))
		}
	}
}

// TestBrokenJSONL: what is wrong with each line is said in its own words.
func TestBrokenJSONL(t *testing.T) {
	dir := t.TempDir()
	for line, want := range map[string]string{
		`{"text": 5}`:                 `column "text" is no text but a number`,
		`{"text": null}`:              `column "text" is no text but null`,
		`{"text": {"a": 1}}`:          `column "text" is no text but an object`,
		`{"body": "a"}`:               `no column "text"; there are body`,
		`[1, 2]`:                      "no JSON object but a list; `jq -c '.[]'` makes JSON Lines of it",
		`null`:                        `no JSON object but null`,
		`true`:                        `no JSON object but a boolean`,
		`"a"`:                         `no JSON object but a string`,
		`{"text": "a"`:                `no JSON object: unexpected EOF`,
		`{"text": "a"} {"text": "b"}`: `more than one JSON value on the line, at byte 13 of it`,
	} {
		name := filepath.Join(dir, "x.jsonl")
		if err := os.WriteFile(name, []byte(line), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(context.Background(), name)
		var bad *Failure
		if !errors.As(err, &bad) || bad.Err.Error() != want || bad.Lost != nil {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
