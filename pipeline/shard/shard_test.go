package shard

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

type testRow struct {
	ID    string   `parquet:"id"`
	Text  string   `parquet:"text"`
	Words int64    `parquet:"words"`
	Score float64  `parquet:"score"`
	Tags  []string `parquet:"tags,list"`
	Note  *string  `parquet:"note,optional"`
}

func testRows(n, size int) iter.Seq2[testRow, error] {
	return func(yield func(testRow, error) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			b := make([]byte, size)
			for j := range b {
				b[j] = "etaoin shrdlu\n"[r.IntN(14)]
			}
			row := testRow{ID: fmt.Sprintf("%032x", r.Uint64()), Text: string(b), Words: int64(i), Score: r.Float64()}
			if i%3 == 0 {
				row.Tags, row.Note = []string{"a", "b"}, &row.ID
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func equalRow(a, b testRow) bool {
	note := func(p *string) string {
		if p == nil {
			return "\x00"
		}
		return *p
	}
	return a.ID == b.ID && a.Text == b.Text && a.Words == b.Words && a.Score == b.Score &&
		strings.Join(a.Tags, ",") == strings.Join(b.Tags, ",") && note(a.Note) == note(b.Note)
}

func TestShardRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, shardBatch - 1, shardBatch, shardBatch + 1, 1000} {
		name := filepath.Join(t.TempDir(), "deep", "x.parquet")
		s, err := Write(name, testRows(n, 200))
		if err != nil {
			t.Fatal(err)
		}
		size, sum, err := store.HashFile(name)
		if err != nil || s != (File{Name: name, Rows: int64(n), Bytes: size, XXH3: sum}) {
			t.Fatalf("n=%d: shard %+v, file has %d bytes and %s (%v)", n, s, size, sum, err)
		}
		if rows, err := Rows(name); rows != int64(n) || err != nil {
			t.Errorf("Rows = %d, %v; want %d", rows, err, n)
		}
		next, stop := iter.Pull2(testRows(n, 200))
		defer stop()
		i := 0
		for got, err := range Read[testRow](name) {
			want, _, ok := next()
			if err != nil || !ok || !equalRow(got, want) {
				t.Fatalf("n=%d row %d: got %v, %v; want %v", n, i, got, err, want)
			}
			i++
		}
		if i != n {
			t.Errorf("n=%d: read %d rows", n, i)
		}
	}
}

func TestShardRoundTripAny(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) testRow {
			r := testRow{ID: rapid.String().Draw(t, "id"), Text: rapid.String().Draw(t, "text"), Words: rapid.Int64().Draw(t, "words")}
			r.Tags = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "tags")
			return r
		}), 0, 150).Draw(t, "rows")
		name := filepath.Join(dir, "x.parquet")
		_, err := Write(name, func(yield func(testRow, error) bool) {
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for got, err := range Read[testRow](name) {
			if err != nil || !equalRow(got, rows[i]) {
				t.Fatalf("row %d: got %v, %v; want %v", i, got, err, rows[i])
			}
			i++
		}
		if i != len(rows) {
			t.Fatalf("read %d rows of %d", i, len(rows))
		}
	})
}

func TestShardBytesAreFixed(t *testing.T) {
	dir := t.TempDir()
	a, err1 := Write(filepath.Join(dir, "a"), testRows(500, 300))
	b, err2 := Write(filepath.Join(dir, "b"), testRows(500, 300))
	if err1 != nil || err2 != nil || a.XXH3 != b.XXH3 {
		t.Fatalf("%v %v; %v %v", a, err1, b, err2)
	}
	raw, _ := os.ReadFile(a.Name)
	for _, forbidden := range []string{"parquet-go", runtime.Version()} {
		if bytes.Contains(raw, []byte(forbidden)) {
			t.Errorf("the file names %q: its bytes would change with it", forbidden)
		}
	}
}

func TestShardLayout(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.parquet")
	if _, err := Write(name, testRows(900, 80<<10)); err != nil { // 72 MB of text: three row groups
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	pf, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pf.RowGroups()); n != 3 {
		t.Errorf("%d row groups, want 3", n)
	}
	for i, g := range pf.RowGroups() {
		// Headers must not repeat texts, as statistics of a page would.
		if size, texts := pf.Metadata().RowGroups[i].Columns[1].MetaData.TotalUncompressedSize, g.NumRows()*(80<<10); size > texts+texts/100 {
			t.Errorf("%d bytes of text take %d before compression", texts, size)
		}
		id, text, words := g.ColumnChunks()[0], g.ColumnChunks()[1], g.ColumnChunks()[2]
		if id.BloomFilter() == nil {
			t.Error("id has no bloom filter")
		}
		if text.BloomFilter() != nil {
			t.Error("text has a bloom filter")
		}
		if lo, hi, ok := words.(*parquet.FileColumnChunk).Bounds(); !ok || lo.Int64() > hi.Int64() {
			t.Errorf("words has no bounds: %v %v %v", lo, hi, ok)
		}
	}
}

func TestShardErrors(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.parquet")
	if _, err := Write(whole, testRows(300, 500)); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(whole)
	put := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	tests := []struct{ name, file, want string }{
		{"empty", put("empty.parquet", nil), "empty.parquet: not a whole Parquet file"},
		{"cut", put("cut.parquet", raw[:len(raw)/2]), "cut.parquet: not a whole Parquet file"},
		{"text", put("text.parquet", []byte("just some words of text")), "text.parquet: not a whole Parquet file"},
		{"absent", filepath.Join(dir, "absent.parquet"), "no such file"},
	}
	for _, tt := range tests {
		for _, err := range Read[testRow](tt.file) {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
		}
		if _, err := Rows(tt.file); err == nil {
			t.Errorf("%s: Rows gives no error", tt.name)
		}
	}

	type lacking struct {
		Missing int64 `parquet:"missing"`
	}
	for _, err := range Read[lacking](whole) {
		var hint *fault.Hint
		if err == nil || !strings.Contains(err.Error(), `column "missing" is missing`) || !errors.As(err, &hint) {
			t.Errorf("missing column: %v", err)
		}
	}
	type other struct {
		Words string `parquet:"words"`
	}
	for _, err := range Read[other](whole) {
		if err == nil || !strings.Contains(err.Error(), `column "words" is INT64, want BYTE_ARRAY`) {
			t.Errorf("other type: %v", err)
		}
	}
}

// A flipped bit gives an error or other values, never a panic.
func TestShardFlippedBits(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.parquet")
	if _, err := Write(name, testRows(200, 100)); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(name)
	r := rand.New(rand.NewPCG(3, 4))
	failed := 0
	for range 300 {
		b := bytes.Clone(raw)
		for range 3 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, err := range Read[testRow](name) {
			if err == nil {
				continue
			}
			failed++
			var at *fault.RowError
			if !errors.As(err, &at) || at.File != name {
				t.Fatalf("error without its place: %v", err)
			}
		}
	}
	if failed == 0 {
		t.Error("no flipped bit was noticed")
	}
}

func TestShardWriterLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.parquet")
	boom := errors.New("boom")
	_, err := Write(name, func(yield func(testRow, error) bool) {
		yield(testRow{ID: "a"}, nil)
		yield(testRow{}, boom)
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestShardStopsEarly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.parquet")
	if _, err := Write(name, testRows(300, 10)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range Read[testRow](name) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 70 {
			break
		}
	}
}

func FuzzReadShard(f *testing.F) {
	name := filepath.Join(f.TempDir(), "x.parquet")
	if _, err := Write(name, testRows(5, 20)); err != nil {
		f.Fatal(err)
	}
	raw, _ := os.ReadFile(name)
	f.Add(raw)
	f.Add([]byte("PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), "x.parquet")
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		for range Read[testRow](name) {
		}
	})
}

// benchRows are 2,000 texts of 5 kB, drawn once.
func benchRows(b *testing.B) (rows []testRow, bytes int64) {
	for row, err := range testRows(2000, 5000) {
		if err != nil {
			b.Fatal(err)
		}
		rows = append(rows, row)
		bytes += int64(len(row.Text))
	}
	return rows, bytes
}

func BenchmarkWriteShard(b *testing.B) {
	rows, bytes := benchRows(b)
	name := filepath.Join(b.TempDir(), "x.parquet")
	b.SetBytes(bytes)
	for b.Loop() {
		_, err := Write(name, func(yield func(testRow, error) bool) {
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadShard(b *testing.B) {
	_, bytes := benchRows(b)
	name := filepath.Join(b.TempDir(), "x.parquet")
	if _, err := Write(name, testRows(2000, 5000)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(bytes)
	for b.Loop() {
		for _, err := range Read[testRow](name) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
