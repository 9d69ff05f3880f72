package blocks

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"pgregory.net/rapid"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

func writeFor(t testing.TB, path string, perRow, width int, rows []block) shard.File {
	t.Helper()
	s, err := writeBlocks(path, perRow, width, 7, func(write func(block) error) error {
		for _, b := range rows {
			if err := write(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drawRows(t *rapid.T, perRow, vocab int) []block {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) block {
		b := block{ids: rapid.SliceOfN(rapid.Int32Range(0, int32(vocab-1)), 1, perRow).Draw(t, "ids")}
		for i := range b.ids {
			if rapid.IntRange(0, 3).Draw(t, "start") == 0 {
				b.starts = append(b.starts, int32(i))
			}
		}
		return b
	}), 0, 12).Draw(t, "rows")
}

// What is written is read: by our walk over the mapped file, and by the Arrow
// library, which knows nothing of blocks.
func TestBlocksRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.arrow")
	rapid.Check(t, func(rt *rapid.T) {
		perRow := rapid.IntRange(2, 9).Draw(rt, "ids of a row")
		vocab, width := 1<<16, 2
		if rapid.Bool().Draw(rt, "wide") {
			vocab, width = 1<<20, 4
		}
		rows := drawRows(rt, perRow, vocab)
		shard := writeFor(t, path, perRow, width, rows)
		if st, _ := os.Stat(path); st.Size() != shard.Bytes || shard.Rows != int64(len(rows)) {
			rt.Fatalf("shard %+v, %d rows and %d bytes written", shard, len(rows), st.Size())
		}
		f, err := Open(path)
		if err != nil {
			rt.Fatal(err)
		}
		defer f.Close()
		if f.Len() != len(rows) || f.Context() != perRow-1 {
			rt.Fatalf("%d rows of %d, want %d of %d", f.Len(), f.Context(), len(rows), perRow-1)
		}
		if err := f.CheckIDs(vocab); err != nil {
			rt.Fatal(err)
		}
		var dst []int32
		for i, want := range rows {
			ids, starts, length, err := f.Row(i, dst)
			if err != nil || length != len(want.ids) || !slices.Equal(ids[:length], want.ids) || !slices.Equal(starts, want.starts) {
				rt.Fatalf("row %d: %v %v %d, want %v", i, ids, starts, length, want)
			}
			for _, id := range ids[length:] {
				if id != 7 {
					rt.Fatalf("row %d padded with %d", i, id)
				}
			}
			dst = ids[:0]
		}
		compareWithLibrary(rt, path, perRow, rows)
	})
}

func compareWithLibrary(t *rapid.T, path string, perRow int, rows []block) {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := ipc.NewFileReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	row := 0
	for i := range r.NumRecords() {
		rec, err := r.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		ids := rec.Column(0).(*array.FixedSizeList).ListValues()
		starts := rec.Column(1).(*array.List)
		lengths := rec.Column(2).(*array.Int32)
		for j := range int(rec.NumRows()) {
			want := rows[row]
			for k, id := range want.ids {
				var got int32
				switch v := ids.(type) {
				case *array.Uint16:
					got = int32(v.Value(j*perRow + k))
				case *array.Uint32:
					got = int32(v.Value(j*perRow + k))
				}
				if got != id {
					t.Fatalf("library: row %d, id %d: %d, want %d", row, k, got, id)
				}
			}
			lo, hi := starts.ValueOffsets(j)
			got := starts.ListValues().(*array.Int32).Int32Values()[lo:hi]
			if !slices.Equal(got, want.starts) || int(lengths.Value(j)) != len(want.ids) {
				t.Fatalf("library: row %d: %v, %d", row, got, lengths.Value(j))
			}
			row++
		}
	}
	if row != len(rows) {
		t.Fatalf("library: %d rows, want %d", row, len(rows))
	}
}

func TestManyBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.arrow")
	const perRow, n = 100_001, 101 // 20 rows a batch
	row := make([]int32, perRow)
	_, err := writeBlocks(path, perRow, 2, 0, func(write func(block) error) error {
		for i := range n {
			row[0], row[perRow-1] = int32(i), int32(2*i)
			if err := write(block{ids: row, starts: []int32{int32(i)}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.batches) != 6 || f.Len() != n {
		t.Fatalf("%d batches, %d rows", len(f.batches), f.Len())
	}
	var dst []int32
	for _, i := range []int{0, 19, 20, 21, 59, 60, 99, 100} {
		ids, starts, length, err := f.Row(i, dst)
		if err != nil || ids[0] != int32(i) || ids[perRow-1] != int32(2*i) || starts[0] != int32(i) || length != perRow {
			t.Errorf("row %d: %d %d %v %d", i, ids[0], ids[perRow-1], starts, length)
		}
		dst = ids[:0]
	}
	if got := testing.AllocsPerRun(10, func() { ids, _, _, _ := f.Row(50, dst); dst = ids[:0] }); got > 1 {
		t.Errorf("%v allocations a row", got)
	}
	if err := f.CheckIDs(150); err == nil || !strings.Contains(err.Error(), "row 75") || !strings.Contains(err.Error(), "id 150") {
		t.Errorf("ids out of the vocabulary: %v", err)
	}
}

// A file cut short anywhere, or with any one byte changed, is refused or read
// without harm.
func TestDamagedBlocks(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "b.arrow")
	writeFor(t, path, 4, 2, []block{{ids: []int32{1, 2, 3, 4}, starts: []int32{0, 2}}, {ids: []int32{4, 5}}})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, _, _, err := walkArrow(whole[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
	for i := range whole {
		for _, x := range []byte{0x01, 0x80, 0xff} {
			b := slices.Clone(whole)
			b[i] ^= x
			readAll(t, b)
		}
	}
	for name, b := range map[string][]byte{"empty": nil, "text": []byte("It was the best of forges"), "short": whole[:len(whole)-3]} {
		os.WriteFile(path, b, 0o644)
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none.arrow")); err == nil {
		t.Error("no file: no error")
	}
}

// readAll reads what walkArrow accepts; it must not panic.
func readAll(t testing.TB, b []byte) {
	perRow, width, batches, err := walkArrow(b)
	if err != nil {
		return
	}
	f := &File{perRow: perRow, width: width, batches: batches}
	for _, b := range batches {
		f.first = append(f.first, f.rows)
		f.rows += b.rows
	}
	var dst []int32
	for i := range min(f.Len(), 1000) {
		ids, starts, length, err := f.row(i, dst)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) != perRow || length > perRow || len(starts) > 0 && int(starts[len(starts)-1]) >= perRow {
			t.Fatalf("row %d: %d ids, starts %v, length %d", i, len(ids), starts, length)
		}
		dst = ids[:0]
	}
}

// A file that is shortened or changed while it is open is an error, not a signal,
// wherever it is cut.
func TestShortenedWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.arrow")
	var rows []block
	for i := range 2000 {
		rows = append(rows, block{ids: []int32{int32(i % 5), 1, 2, 3, 4, 5, 6}, starts: []int32{0, 3}})
	}
	writeFor(t, path, 8, 4, rows)
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{st.Size() - 1, st.Size() / 2, 4096, 100, 0} {
		writeFor(t, path, 8, 4, rows)
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 1000, 1999} {
			if _, _, _, err := f.Row(i, nil); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "shortened") {
				t.Errorf("%d bytes, row %d: %v", size, i, err)
			}
		}
		if err := f.CheckIDs(8); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%d bytes: CheckIDs: %v", size, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	writeFor(t, path, 8, 4, rows)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xff}, int(st.Size())), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := f.Row(7, nil); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("overwritten: %v", err)
	}
}

func FuzzBlocks(f *testing.F) {
	dir := f.TempDir()
	for i, rows := range [][]block{nil, {{ids: []int32{1, 2, 3}, starts: []int32{0, 2}}}, {{ids: []int32{1}}, {ids: []int32{1, 2}}}} {
		path := filepath.Join(dir, "b.arrow")
		writeFor(f, path, 3, 2+i/2*2, rows)
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { readAll(t, b) })
}

func TestSet(t *testing.T) {
	dir := t.TempDir()
	d := pipeline.Dir{Path: dir, Manifest: &pipeline.Manifest{}}
	for i, rows := range [][]block{{{ids: []int32{0}}, {ids: []int32{1}}}, {}, {{ids: []int32{2}}}} {
		name := "train-0000" + string(rune('0'+i)) + ".arrow"
		s := writeFor(t, filepath.Join(dir, name), 3, 2, rows)
		s.Name = name
		d.Manifest.Shards = append(d.Manifest.Shards, s)
	}
	s, err := OpenSplit(d, "train")
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 3 || s.Context() != 2 {
		t.Fatalf("%d rows of context %d", s.Len(), s.Context())
	}
	for i := range 3 {
		if ids, _, length, err := s.Row(i, nil); err != nil || ids[0] != int32(i) || length != 1 {
			t.Errorf("row %d: %v %d", i, ids, length)
		}
	}
	if err := s.CheckIDs(8); err != nil {
		t.Error(err)
	}
	if err := s.CheckIDs(2); err == nil {
		t.Error("an id beyond the vocabulary: no error")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s, err := OpenSplit(d, "test"); err != nil || s.Len() != 0 {
		t.Errorf("a split without blocks: %v, %v", s, err)
	}
	writeFor(t, filepath.Join(dir, "train-00001.arrow"), 5, 2, nil)
	if _, err := OpenSplit(d, "train"); err == nil || !strings.Contains(err.Error(), "context") {
		t.Errorf("two contexts: %v", err)
	}
}

func TestPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, epoch, seed := rapid.IntRange(0, 3000).Draw(t, "n"), rapid.IntRange(0, 5).Draw(t, "epoch"), rapid.Uint64().Draw(t, "seed")
		o := NewPermutation(n, epoch, seed)
		seen := make([]bool, n)
		for i := range n {
			at := o.At(i)
			if at < 0 || at >= n || seen[at] {
				t.Fatalf("At(%d) = %d of %d, a second time or outside", i, at, n)
			}
			seen[at] = true
		}
	})
	a, b := NewPermutation(1000, 0, 1), NewPermutation(1000, 1, 1)
	same := 0
	for i := range 1000 {
		if a.At(i) == b.At(i) {
			same++
		}
	}
	if same > 20 { // one is expected
		t.Errorf("two epochs agree in %d of 1000 places", same)
	}
	// Golden: a resumed training must find the order it began with.
	got := make([]int, 8)
	for i := range got {
		got[i] = NewPermutation(100, 3, 1337).At(i)
	}
	if want := []int{31, 66, 4, 85, 8, 23, 54, 21}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Every place is as likely as any other: chi-squared over seeds.
func TestPermutationIsUniform(t *testing.T) {
	const n, seeds = 10, 20000
	var count [n][n]float64
	for s := range seeds {
		o := NewPermutation(n, 0, uint64(s))
		for i := range n {
			count[i][o.At(i)]++
		}
	}
	chi := 0.0
	for i := range n {
		for j := range n {
			d := count[i][j] - seeds/n
			chi += d * d / (seeds / n)
		}
	}
	if chi > 150 { // 81 degrees of freedom: beyond 126 once in a thousand
		t.Errorf("chi-squared %.0f", chi)
	}
}

func TestRunRanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "train.run")
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.SampledFrom([]int{2, 4}).Draw(t, "width")
		rows := drawRows(t, 6, 1<<16)
		keys := rapid.SliceOfN(rapid.Uint64Range(0, 40), len(rows), len(rows)).Draw(t, "keys")
		var out bytes.Buffer
		w := &runWriter{w: &out, width: width, limit: rapid.IntRange(1, 900).Draw(t, "segment")}
		var all []keyed
		for i, b := range rows {
			if err := w.add(keys[i], b); err != nil {
				t.Fatal(err)
			}
			all = append(all, keyed{keys[i], b})
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		lo := rapid.Uint64Range(0, 40).Draw(t, "lo")
		hi := rapid.Uint64Range(lo, 41).Draw(t, "hi")
		os.WriteFile(path, out.Bytes(), 0o644)
		got, err := readRun(path, width, lo, hi, nil)
		if err != nil {
			t.Fatal(err)
		}
		show := func(rows []keyed) (s []string) {
			for _, r := range rows {
				if r.key >= lo && r.key <= hi {
					s = append(s, fmt.Sprint(r.key, r.ids, r.starts))
				}
			}
			slices.Sort(s)
			return s
		}
		if !reflect.DeepEqual(show(got), show(all)) {
			t.Fatalf("range %d to %d: %v of %v", lo, hi, got, all)
		}
	})
}
