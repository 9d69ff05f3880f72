package shard

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/fault"
)

// Records yields the rows of the row groups from up to, but without, to, as what
// their columns mean: see valueOf for leaves; lists are []any, structs and maps
// map[string]any, nulls nil. A text that is not UTF-8 comes as it is. With
// columns, others are not read; a name that the file lacks gives nothing, and one
// with dots reads the column that it begins in.
//
// Whatever is wrong comes as a *RowError with the file's name and the row's
// number in it, and ends the sequence.
func (f *ParquetFile) Records(from, to int, columns []string) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		root, err := treeOf(f.Metadata().Schema)
		if err != nil {
			yield(nil, &fault.RowError{File: f.name, Row: -1, Err: notParquet(err)})
			return
		}
		row := int64(0)
		for i, g := range f.groups[:min(to, len(f.groups))] {
			if i >= from && !f.records(root, g, row, Span{0, g.NumRows()}, columns, yield) {
				return
			}
			row += g.NumRows()
		}
	}
}

// records yields a part of a row group, which begins at a row of the file; false: it is
// the last.
func (f *ParquetFile) records(root *node, g parquet.RowGroup, first int64, span Span, columns []string, yield func(map[string]any, error) bool) bool {
	r := newRecordReader(root, columns)
	defer r.close()
	err := r.open(g.ColumnChunks(), span.From)
	for err == nil && r.row < span.To {
		var fields map[string]any
		if fields, err = r.next(); err == nil && !yield(fields, nil) {
			return false
		}
	}
	if err == nil && span.To == g.NumRows() {
		err = r.end()
	}
	if err == nil {
		return true
	}
	if bad, ok := err.(*fault.RowError); ok {
		err = bad.Err
	}
	yield(nil, &fault.RowError{File: f.name, Row: first + r.row, Err: err})
	return false
}

// A recordReader puts together the rows of one row group.
type recordReader struct {
	fields []*node
	leaves []*leafReader // nil: not read
	row    int64         // of the group
	values [][]entry     // of one row, by leaf
}

func newRecordReader(root *node, columns []string) *recordReader {
	r := &recordReader{leaves: make([]*leafReader, root.leaves), values: make([][]entry, root.leaves)}
	wanted := func(name string) bool {
		for _, c := range columns {
			if c == name || strings.HasPrefix(c, name+".") {
				return true
			}
		}
		return columns == nil
	}
	for _, n := range root.children {
		if wanted(n.name) {
			r.fields = append(r.fields, n)
			n.eachLeaf(func(leaf *node) { r.leaves[leaf.first] = &leafReader{node: leaf} })
		}
	}
	return r
}

func (n *node) eachLeaf(do func(*node)) {
	if n.children == nil {
		do(n)
	}
	for _, c := range n.children {
		c.eachLeaf(do)
	}
}

// open goes to a row of the group.
func (r *recordReader) open(chunks []parquet.ColumnChunk, row int64) (err error) {
	r.row = row
	defer guard("", r.row, &err)
	for i, l := range r.leaves {
		if l == nil {
			continue
		}
		if i >= len(chunks) {
			return damaged(fmt.Errorf("the group has %d columns, and the schema %d", len(chunks), len(r.leaves)))
		}
		pages := chunks[i].(*checkedChunk).pagesFrom(row, l.node.rep == 0)
		l.pages = pages
		if row > 0 {
			if _, _, err := l.peek(); err != nil { // reads the page in which the row lies
				return err
			}
			if err := l.pass(pages.plain.skip); err != nil {
				return err
			}
		}
	}
	return nil
}

// next puts the next row together.
func (r *recordReader) next() (fields map[string]any, err error) {
	defer guard("", r.row, &err)
	for i, l := range r.leaves {
		if l == nil {
			continue
		}
		if r.values[i], err = l.row(r.values[i][:0]); err != nil {
			return nil, err
		}
	}
	fields = make(map[string]any, len(r.fields))
	for _, n := range r.fields {
		fields[n.name] = n.assemble(r.values)
	}
	r.row++
	return fields, nil
}

// end checks that no column has more values than rows.
func (r *recordReader) end() (err error) {
	defer guard("", r.row, &err)
	for _, l := range r.leaves {
		if l == nil {
			continue
		}
		if _, ok, err := l.peek(); err != nil {
			return err
		} else if ok {
			return damaged(fmt.Errorf("column %q has more rows than the footer says", l.node.name))
		}
	}
	return nil
}

func (r *recordReader) close() {
	defer func() { recover() }() // a reader of damaged pages may trip over itself; the error is already reported
	for _, l := range r.leaves {
		if l != nil && l.pages != nil {
			l.pages.Close()
		}
	}
}

// A leafReader reads the values of one column chunk.
type leafReader struct {
	node   *node
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    [64]parquet.Value
	at, n  int // in buf
	ended  bool
}

// row appends the values of the next row.
func (l *leafReader) row(dst []entry) ([]entry, error) {
	for {
		v, ok, err := l.peek()
		if err != nil {
			return nil, err
		}
		if ok && (len(dst) == 0) != (v.RepetitionLevel() == 0) {
			if len(dst) > 0 {
				return dst, nil // the next row
			}
			return nil, damaged(fmt.Errorf("column %q begins in the middle of a row", l.node.name))
		}
		if !ok {
			if len(dst) == 0 {
				return nil, damaged(fmt.Errorf("column %q has fewer rows than the footer says", l.node.name))
			}
			return dst, nil
		}
		e := entry{rep: v.RepetitionLevel(), def: v.DefinitionLevel()}
		if e.def >= l.node.def && !v.IsNull() {
			e.value, _ = l.node.value(v)
		}
		dst = append(dst, e)
		l.at++
		if l.node.rep == 0 {
			return dst, nil
		}
	}
}

// pass goes on by some rows.
func (l *leafReader) pass(rows int64) (err error) {
	if l.node.rep > 0 {
		var values []entry
		for ; rows > 0 && err == nil; rows-- {
			values, err = l.row(values[:0])
		}
		return err
	}
	for rows > 0 {
		_, ok, err := l.peek()
		if err != nil {
			return err
		}
		if !ok {
			return damaged(fmt.Errorf("column %q has fewer rows than the footer says", l.node.name))
		}
		n := min(rows, int64(l.n-l.at))
		l.at += int(n)
		rows -= n
	}
	return nil
}

// peek returns the next value, if there is one.
func (l *leafReader) peek() (v parquet.Value, ok bool, err error) {
	for l.at == l.n && !l.ended {
		if l.values == nil {
			if l.page != nil {
				parquet.Release(l.page) // its last values have been taken
			}
			if l.page, err = l.pages.ReadPage(); err == io.EOF {
				l.ended = true
				break
			} else if err != nil {
				return v, false, err
			}
			l.values = l.page.Values()
		}
		l.at = 0
		if l.n, err = l.values.ReadValues(l.buf[:]); err == io.EOF {
			l.values = nil
		} else if err != nil {
			return v, false, damaged(err)
		} else if l.n == 0 {
			return v, false, io.ErrNoProgress
		}
	}
	if l.at == l.n {
		return v, false, nil
	}
	return l.buf[l.at], true, nil
}
