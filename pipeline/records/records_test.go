package records

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

// file writes a file and describes it.
func file(t testing.TB, dir, name string, content []byte) File {
	t.Helper()
	at := filepath.Join(dir, name)
	if err := os.WriteFile(at, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return File{Name: name, Path: at, Size: int64(len(content))}
}

// readAll reads a file in ranges of the size given. Of failures it returns the
// text.
func readAll(t testing.TB, format Format, f File, size int64) (rows []Record, failures []string) {
	t.Helper()
	ctx := context.Background()
	ranges, err := format.Divide(ctx, f, size)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges {
		for record, err := range format.Read(ctx, f, r) {
			var bad *Failure
			switch {
			case errors.As(err, &bad):
				text := bad.Error()
				if bad.Lost != nil {
					text += "; lost " + bad.Lost.String()
				}
				failures = append(failures, text)
			case err != nil:
				t.Fatal(err)
			default:
				rows = append(rows, record)
			}
		}
	}
	return rows, failures
}

// packed compresses by an extension. The bytes of .bz2 were made by bzip2: nobody
// writes it in Go.
func packed(t testing.TB, extension string, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch extension {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	case ".xz":
		w, err = xz.NewWriter(&b)
	case ".lz4":
		w = lz4.NewWriter(&b)
	}
	if err == nil {
		_, err = w.Write(text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const helloBz2 = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x4e\xec\xe8\x36\x00\x00\x02\x51\x80\x00\x10\x40\x00\x06\x44\x90\x80\x20\x00\x31\x06\x4c\x41\x01\xa7\xa9\xa5\x80\xbb\x94\x31\xf8\xbb\x92\x29\xc2\x84\x82\x77\x67\x41\xb0"

// TestOpen: what is compressed reads as what it was, damage is damage, and what
// does not keep its name's promise is refused.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	text := []byte(strings.Repeat("Dos líneas.\nOtra.\n", 1000))
	for _, extension := range []string{".gz", ".zst", ".xz", ".lz4"} {
		whole := packed(t, extension, text)
		f := file(t, dir, "a.txt"+extension, whole)
		if b, err := ReadFile(context.Background(), f, 1<<20); err != nil || !bytes.Equal(b, text) {
			t.Errorf("%s: %v", f.Name, err)
		}
		if _, err := ReadFile(context.Background(), f, 100); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: a limit of 100 bytes: %v", f.Name, err)
		}
		for name, damaged := range map[string][]byte{"cut": whole[:len(whole)*2/3], "plain": text, "empty": nil} {
			f := file(t, dir, name+".txt"+extension, damaged)
			_, err := ReadFile(context.Background(), f, 1<<20)
			var bad *Failure
			if !errors.As(err, &bad) || bad.Lost == nil || bad.File != f.Name || !errors.As(err, new(*Damaged)) {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	f := file(t, dir, "a.txt.bz2", []byte(helloBz2))
	if b, err := ReadFile(context.Background(), f, 1<<20); err != nil || string(b) != "hello world\n" {
		t.Errorf("%s: %q %v", f.Name, b, err)
	}
	padded := file(t, dir, "padded.txt.gz", append(packed(t, ".gz", text), make([]byte, 512)...))
	if b, err := ReadFile(context.Background(), padded, 1<<20); err != nil || !bytes.Equal(b, text) {
		t.Errorf("zero bytes behind gzip: %v", err)
	}
	trailing := file(t, dir, "trailing.txt.gz", append(packed(t, ".gz", text), "something else"...))
	if _, err := ReadFile(context.Background(), trailing, 1<<20); !errors.Is(err, errTrailing) {
		t.Errorf("text behind gzip: %v", err)
	}
	frame := file(t, dir, "frame.txt.zst", append([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00pzst"), packed(t, ".zst", text)...))
	if b, err := ReadFile(context.Background(), frame, 1<<20); err != nil || !bytes.Equal(b, text) {
		t.Errorf("a skippable frame of zstd: %v", err)
	}
	for name, mark := range map[string]string{"le": "\xff\xfe\x00\x00\xf1\x00\x00\x00\n\x00\x00\x00", "be": "\x00\x00\xfe\xff\x00\x00\x00\xf1\x00\x00\x00\n"} {
		wide := file(t, dir, name+".txt", []byte(mark))
		if b, err := ReadFile(context.Background(), wide, 1<<20); err != nil || string(b) != "ñ\n" {
			t.Errorf("UTF-32: %q %v", b, err)
		}
	}
	two := file(t, dir, "two.txt.gz", slices.Concat(packed(t, ".gz", text), packed(t, ".gz", text)))
	if b, err := ReadFile(context.Background(), two, 1<<20); err != nil || len(b) != 2*len(text) {
		t.Errorf("two members of gzip: %d bytes, %v", len(b), err)
	}
}

// TestCSV holds tables of every kind to their cells, and faults to their
// sentences.
func TestCSV(t *testing.T) {
	tests := []struct {
		name, content string
		format        CSV
		rows          string // fields by | and rows by /
		failures      []string
	}{
		{"a.csv", "a,b\n1,\"x, \"\"y\"\"\nz\"\n\n2,\r\n", CSV{Header: true}, "1|x, \"y\"\nz/2|", nil},
		{"a.csv", "\ufeffa;b\n1;2", CSV{Header: true}, "1|2", nil},
		{"a.csv", "a|b\n\"1\"|2", CSV{Header: true}, "1|2", nil},
		{"a.csv", "a\tb\n\"1\t\"\t2", CSV{Header: true}, "1\t|2", nil},
		{"a.tsv", "a\tb\n\"1\t2,\"", CSV{Header: true}, "\"1|2,\"", nil},
		{"a.tsv", "\xff\xfea\x00\t\x00b\x00\n\x001\x00\t\x00\xf1\x00\n\x00", CSV{Header: true}, "1|ñ", nil},
		{"a.csv", "caf\xe9,b\n", CSV{}, "café|b", nil},
		{"a.csv", "1,2\n3\n", CSV{}, "1|2/3", nil},
		{"a.csv", `a,b` + "\n" + `1,"say \"hi\", \\ and \n"`, CSV{Header: true, Quote: QuoteBackslash}, `1|say "hi", \ and \n`, nil},
		{"a.csv", `a,b` + "\n" + `1,"say \"hi\""` + "\n2,3", CSV{Header: true}, "2|3",
			[]string{`a.csv: line 2: text behind the quote that ends a field; where quotes are written \", set quote: backslash`}},
		{"a.csv", "a,b\n1,2,3\n4,x\"y\n5,6\n", CSV{Header: true}, "5|6",
			[]string{"a.csv: line 2: 3 fields, but the table has 2 columns",
				"a.csv: line 3: a quote within a field that is not quoted; where quotes are characters like any other, set quote: none"}},
		{"a.csv", "a,b\n1,\"2\n3,4\n5,6\n", CSV{Header: true}, "",
			[]string{"a.csv: line 2: the quote that opens in it is never closed; where quotes are characters like any other, set quote: none; lost 13 bytes"}},
		{"a.csv", "a,\"b\n", CSV{Header: true}, "",
			[]string{"a.csv: line 1: the quote that opens in it is never closed; where quotes are characters like any other, set quote: none; lost 5 bytes"}},
		{"a.csv", strings.Repeat(",", 1<<17), CSV{Header: true}, "", []string{"a.csv: line 1: more than 65536 fields; lost 131072 bytes"}},
		{"a.csv", "a,b\r1,2\r3,4\r", CSV{Header: true}, "1|2/3|4", nil},
		{"a.csv", "\ufeffsep=;\r\na;b\r\n1,5;2\r\n", CSV{Header: true}, "1,5|2", nil},
		{"a.csv", "\"sep=|\"\n1|2\n", CSV{}, "1|2", nil},
		{"a.tsv", "a\tb\n\"1\n2\"\t3\n", CSV{Header: true}, "2\"|3",
			[]string{"a.tsv: line 2: 1 fields, but the table has 2 columns; where fields stand in quotes, set quote: double"}},
		{"a.csv", "", CSV{Header: true}, "", nil},
		{"a.csv", "a,b", CSV{Header: true}, "", nil},
	}
	for _, test := range tests {
		f := file(t, t.TempDir(), test.name, []byte(test.content))
		test.format.Max = 1 << 20
		records, failures := readAll(t, test.format, f, 1<<40)
		var rows []string
		for _, r := range records {
			var cells []string
			for _, name := range r.Names() {
				cells = append(cells, fmt.Sprint(r.Fields[name]))
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
		if got := strings.Join(rows, "/"); got != test.rows || !slices.Equal(failures, test.failures) {
			t.Errorf("%q: %q and %q, want %q and %q", test.content[:min(60, len(test.content))], got, failures, test.rows, test.failures)
		}
	}
}

// TestCSVAsStandard: what Go's own reader reads, this one reads alike.
func TestCSVAsStandard(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.StringOf(rapid.SampledFrom([]rune("a,\"\n\r ñ"))).Draw(t, "content")
		if lineEnd([]byte(content)) == '\r' {
			return // lines that end as on old Macs, which the library takes for one line
		}
		reader := csv.NewReader(strings.NewReader(content))
		reader.FieldsPerRecord = -1
		want, err := reader.ReadAll()
		if err != nil {
			return
		}
		at := filepath.Join(dir, "a.csv")
		if err := os.WriteFile(at, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		var got [][]string
		f := File{Name: "a.csv", Path: at, Size: int64(len(content))}
		for r, err := range (CSV{Separator: ",", Max: 1 << 20}).Read(context.Background(), f, whole(f)) {
			if err != nil {
				t.Fatalf("%q: %v", content, err)
			}
			var cells []string
			for _, name := range r.Names() {
				cells = append(cells, r.Fields[name].(string))
			}
			got = append(got, cells)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", content, diff)
		}
	})
}

// TestRanges: whatever the size of ranges, the records are the same.
func TestRanges(t *testing.T) {
	var table, lines strings.Builder
	table.WriteString("n\ttext\n")
	for i := range 200 {
		fmt.Fprintf(&table, "%d\t%s\n", i, strings.Repeat("ñ", i%17))
		fmt.Fprintf(&lines, "{\"n\": %d, \"text\": %q}\r\n", i, strings.Repeat("x", i%23))
	}
	utf16, err := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(table.String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, format := range map[string]Format{
		"a.tsv": CSV{Header: true, Max: 1000}, "b.jsonl": JSONL{Max: 1000}, "c.tsv": CSV{Header: true, Max: 1000},
		"d.tsv.gz": CSV{Header: true, Max: 1000},
	} {
		content := []byte(table.String())
		switch name {
		case "b.jsonl":
			content = []byte(lines.String())
		case "c.tsv":
			content = []byte(utf16)
		case "d.tsv.gz":
			content = packed(t, ".gz", content)
		}
		f := file(t, dir, name, content)
		want, failures := readAll(t, format, f, 1<<40)
		if len(want) != 200 || len(failures) > 0 {
			t.Fatalf("%s: %d records, %q", name, len(want), failures)
		}
		for size := int64(1); size < 1500; size = size*3/2 + 1 {
			got, failures := readAll(t, format, f, size)
			for i := range got {
				got[i].Line = want[min(i, len(want)-1)].Line // known only from the beginning
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Record{})); diff != "" || len(failures) > 0 {
				t.Fatalf("%s in ranges of %d: %q %.1000s", name, size, failures, diff)
			}
		}
	}
}

// TestLongLine: what is longer than allowed costs a failure, and no memory.
func TestLongLine(t *testing.T) {
	f := file(t, t.TempDir(), "a.jsonl", []byte("{\"a\": 1}\n\""+strings.Repeat("x", 5<<20)+"\"\n{\"a\": 2}\n"))
	rows, failures := readAll(t, JSONL{Max: 1 << 10}, f, 1<<40)
	if len(rows) != 2 || len(failures) != 1 || !strings.Contains(failures[0], "a.jsonl: line 2: the line is longer than max_record_bytes") {
		t.Errorf("%d rows, %q", len(rows), failures)
	}
}

func TestLookup(t *testing.T) {
	r := Record{Fields: map[string]any{"a": map[string]any{"b.c": "1", "b": map[string]any{"d": "2"}}, "a.x": "3"}}
	for name, want := range map[string]any{"a.b.c": "1", "a.b.d": "2", "a.x": "3", "a.y": nil, "b": nil, ".": nil} {
		if got, ok := r.Lookup(name); got != want || ok != (want != nil) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n\"x\"\"\n\",2\n"), uint8(0), int64(5))
	f.Add([]byte("a\tb\n\xff\xfe\t\"\n"), uint8(2), int64(1))
	f.Add([]byte(`"\"\\`+"\n"), uint8(1), int64(1))
	dir := f.TempDir()
	quotes := []Quote{QuoteDouble, QuoteBackslash, QuoteNone}
	f.Fuzz(func(t *testing.T, b []byte, quote uint8, size int64) {
		format := CSV{Quote: quotes[quote%3], Header: true, Max: 1000}
		at := file(t, dir, "a.csv", b)
		rows, failures := readAll(t, format, at, 1<<40)
		again, failed := readAll(t, format, at, 1+(size&0xffff)%64)
		if len(rows) != len(again) || len(failures) != len(failed) {
			t.Errorf("%d and %d rows, %q and %q", len(rows), len(again), failures, failed)
		}
	})
}

func FuzzJSONL(f *testing.F) {
	f.Add([]byte("{\"a\":1}\r\n\n{\"b\":[1]}"), int64(3))
	f.Add([]byte("\ufeff{\"a\":\"\xff\"}\nnull\n1\n{}"), int64(1))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		at := file(t, dir, "a.jsonl", b)
		rows, failures := readAll(t, JSONL{Max: 1000}, at, 1<<40)
		again, failed := readAll(t, JSONL{Max: 1000}, at, 1+(size&0xffff)%64)
		if len(rows) != len(again) || len(failures) != len(failed) {
			t.Errorf("%d and %d rows, %q and %q", len(rows), len(again), failures, failed)
		}
	})
}
