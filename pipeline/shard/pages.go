package shard

import (
	"fmt"
	"iter"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/fault"
)

// A Span is rows of a row group: from From up to, but without, To.
type Span struct{ From, To int64 }

// RecordsOf is Records of a part of one row group. The pages before it are not
// unpacked: the offset index says where the first lies that is needed, or else the
// headers tell how many rows are passed over.
func (f *ParquetFile) RecordsOf(group int, span Span, columns []string) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		root, err := treeOf(f.Metadata().Schema)
		if err != nil {
			yield(nil, &fault.RowError{File: f.name, Row: -1, Err: notParquet(err)})
			return
		}
		row := int64(0)
		for _, g := range f.groups[:group] {
			row += g.NumRows()
		}
		f.records(root, f.groups[group], row, span, columns, yield)
	}
}

// PageStats is what the page index says of a page of a leaf column.
type PageStats struct {
	Span
	Null            bool // all its values are null
	Least, Greatest any  // as Records gives values, though texts may be cut; nil: not known
}

// PageStats returns what the page index says of a leaf column in a row group
// (github.com/apache/parquet-format, PageIndex.md); nothing where there is no index,
// or a damaged one.
func (f *ParquetFile) PageStats(group, column int) (pages []PageStats) {
	root, err := treeOf(f.Metadata().Schema)
	if err != nil || column >= root.leaves {
		return nil
	}
	defer func() {
		if recover() != nil { // the library panics on a number of the wrong length
			pages = nil
		}
	}()
	g := &f.Metadata().RowGroups[group]
	at := f.footer.offsets(g, column)
	var index format.ColumnIndex
	c := &g.Columns[column]
	if at == nil || f.footer.index(c.ColumnIndexOffset, int64(c.ColumnIndexLength), &index) != nil {
		return nil
	}
	if n := len(at); len(index.NullPages) != n || len(index.MinValues) != n || len(index.MaxValues) != n {
		return nil
	}
	root.eachLeaf(func(leaf *node) {
		if leaf.first != column {
			return
		}
		kind := parquet.Kind(c.MetaData.Type)
		for i, p := range at {
			s := PageStats{Span: Span{p.FirstRowIndex, g.NumRows}, Null: index.NullPages[i]}
			if i+1 < len(at) {
				s.To = at[i+1].FirstRowIndex
			}
			if !s.Null && len(index.MaxValues[i]) > 0 { // a writer that leaves bounds out writes empty ones
				s.Least, _ = leaf.value(kind.Value(index.MinValues[i]))
				s.Greatest, _ = leaf.value(kind.Value(index.MaxValues[i]))
			}
			pages = append(pages, s)
		}
	})
	return pages
}

// offsets is where the pages of a column lie: nil where there is no offset index, or one
// that cannot be right.
func (f *footer) offsets(g *format.RowGroup, column int) []format.PageLocation {
	var index format.OffsetIndex
	c := &g.Columns[column]
	if f.index(c.OffsetIndexOffset, int64(c.OffsetIndexLength), &index) != nil {
		return nil
	}
	row, at := int64(-1), int64(0)
	for i, p := range index.PageLocations {
		if p.FirstRowIndex <= row || p.FirstRowIndex >= g.NumRows || i == 0 && p.FirstRowIndex != 0 || p.Offset <= at || p.Offset >= f.at {
			return nil
		}
		row, at = p.FirstRowIndex, p.Offset
	}
	return index.PageLocations
}

// index reads a part of the page index.
func (f *footer) index(at, size int64, into any) error {
	const most = 64 << 20
	if at < 4 || size <= 0 || size > most || at > f.at-size {
		return fmt.Errorf("no index of %d bytes at %d", size, at)
	}
	b := make([]byte, size)
	if _, err := f.file.ReadAt(b, at); err != nil {
		return err
	}
	n, err := compactStruct(b)
	if err != nil {
		return err
	}
	return thrift.Unmarshal(new(thrift.CompactProtocol), b[:n], into)
}
