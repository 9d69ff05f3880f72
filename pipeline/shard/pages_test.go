package shard

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

type paged struct {
	ID    string   `parquet:"id,dict"`
	N     int64    `parquet:"n"`
	Score *float64 `parquet:"score"`
	Tags  []string `parquet:"tags,list"`
	Text  string   `parquet:"text,zstd"`
}

// pagedFile has small pages in row groups of 300 rows.
func pagedFile(t testing.TB, version int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "paged.parquet")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[paged](f, parquet.PageBufferSize(256), parquet.DataPageVersion(version), parquet.SkipPageBounds("text"))
	for i := range 700 {
		r := paged{ID: fmt.Sprint("r", i%7), N: int64(i), Text: strings.Repeat("x", i%11)}
		if i%3 > 0 {
			half := float64(i) / 2
			r.Score = &half
		}
		for range i % 4 {
			r.Tags = append(r.Tags, fmt.Sprint(i))
		}
		if _, err := w.Write([]paged{r}); err != nil {
			t.Fatal(err)
		}
		if i%300 == 299 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRecordsOf: a part of a row group is what all rows have there, with the offset
// index and without, in pages of both versions.
func TestRecordsOf(t *testing.T) {
	for _, version := range []int{1, 2} {
		f, err := OpenParquet(pagedFile(t, version))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var all []map[string]any
		for row, err := range f.Records(0, 3, nil) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, row)
		}
		if len(all) != 700 || len(f.PageStats(0, 1)) < 5 {
			t.Fatalf("%d rows, pages %v", len(all), f.PageStats(0, 1))
		}
		for g := range f.Metadata().RowGroups { // the last group loses its offset index
			for c := range f.Metadata().RowGroups[g].Columns {
				if g == 2 {
					f.Metadata().RowGroups[g].Columns[c].OffsetIndexOffset = 0
				}
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			group := rapid.IntRange(0, 2).Draw(t, "group")
			n := f.RowGroups()[group].NumRows()
			from := rapid.Int64Range(0, n-1).Draw(t, "from")
			to := rapid.Int64Range(from+1, n).Draw(t, "to")
			at := from + int64(group)*300
			for row, err := range f.RecordsOf(group, Span{from, to}, nil) {
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(row, all[at]) {
					t.Fatalf("row %d: %v, want %v", at, row, all[at])
				}
				at++
			}
			if at != int64(group)*300+to {
				t.Fatalf("it ended before row %d", at)
			}
		})
	}
}

// TestPageStats: what the page index says of a page is true of its rows.
func TestPageStats(t *testing.T) {
	f, err := OpenParquet(pagedFile(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pages := f.PageStats(1, 1)
	row := int64(0)
	for _, p := range pages {
		if p.From != row || p.Least != 300+p.From || p.Greatest != 300+p.To-1 || p.Null {
			t.Errorf("%+v after row %d", p, row)
		}
		row = p.To
	}
	if row != 300 {
		t.Errorf("pages end at row %d", row)
	}
	for _, p := range f.PageStats(1, 4) { // written without bounds
		if p.Least != nil || p.Greatest != nil {
			t.Errorf("bounds of a text: %+v", p)
		}
	}
	c := &f.Metadata().RowGroups[1].Columns[1]
	for _, at := range []int64{0, 4, c.OffsetIndexOffset + 1, 1 << 40} { // damage
		c.OffsetIndexOffset = at
		for _, p := range f.PageStats(1, 1) {
			if p.From < 0 || p.To > 300 {
				t.Errorf("index at %d: %+v", at, p)
			}
		}
	}
}
