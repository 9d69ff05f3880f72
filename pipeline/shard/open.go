package shard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A ParquetFile is an open Parquet file.
type ParquetFile struct {
	parquet.FileView
	name   string
	file   *store.RawReader
	footer *footer
	groups []parquet.RowGroup
}

// ReadErr returns the first error of reading the file that is not its content's
// fault.
func (f *ParquetFile) ReadErr() error { return f.file.Err() }

// Close closes the file.
func (f *ParquetFile) Close() error { return f.file.Close() }

// RowGroups returns the row groups. What their pages claim is held against the
// bytes that they have before it is trusted.
func (f *ParquetFile) RowGroups() []parquet.RowGroup { return f.groups }

// Rows yields the rows of the row groups from up to, but without, to. Whatever
// is wrong comes as a *RowError with the file's name and the row's number in it,
// and ends the sequence. A row holds until the next is asked for.
func (f *ParquetFile) Rows(from, to int) iter.Seq2[parquet.Row, error] {
	return func(yield func(parquet.Row, error) bool) {
		row := int64(0)
		for i, g := range f.groups[:min(to, len(f.groups))] {
			if i < from {
				row += g.NumRows()
				continue
			}
			r := groupReader{name: f.name, row: row, end: row + g.NumRows()}
			err := r.open(g)
			for err == nil {
				var n int
				n, err = r.read()
				for _, values := range r.batch[:n] {
					if !yield(values, nil) {
						r.close()
						return
					}
				}
			}
			r.close()
			if err != io.EOF {
				yield(nil, err)
				return
			}
			row = r.end
		}
	}
}

// A groupReader reads the rows of a row group.
type groupReader struct {
	name     string
	row, end int64 // of the file: the next to be read, and where the group ends
	rows     parquet.Rows
	batch    [16]parquet.Row
}

func (r *groupReader) open(g parquet.RowGroup) (err error) {
	defer guard(r.name, r.row, &err)
	r.rows = g.Rows()
	return nil
}

func (r *groupReader) read() (n int, err error) {
	defer guard(r.name, r.row, &err)
	n, err = r.rows.ReadRows(r.batch[:])
	r.row += int64(n)
	switch {
	case err == io.EOF && r.row != r.end:
		err = damaged(fmt.Errorf("the group of rows ends here, but the footer says at row %d", r.end))
	case err == nil && n == 0:
		err = io.ErrNoProgress
	}
	if err != nil && err != io.EOF {
		err = &fault.RowError{File: r.name, Row: r.row, Err: err}
	}
	return n, err
}

func (r *groupReader) close() {
	defer func() { recover() }() // a reader of damaged pages may trip over itself; the error is already reported
	if r.rows != nil {
		r.rows.Close()
	}
}

// OpenParquet opens a Parquet file that anyone may have written. The library
// trusts what it reads; here damage costs neither memory nor a panic.
// Page indexes are not read, nor bloom filters unless an option asks for them.
//
// What is wrong with the content comes as a *RowError of the whole file, what
// hinders the reading of it as it is. Pages are checked when they are read. On
// some damaged ones the library still panics: Rows and Read catch that.
func OpenParquet(name string, options ...parquet.FileOption) (*ParquetFile, error) {
	return OpenRaw(context.Background(), name, options...)
}

// OpenRaw is OpenParquet of a raw file: see store.OpenRaw.
func OpenRaw(ctx context.Context, name string, options ...parquet.FileOption) (f *ParquetFile, err error) {
	file, err := store.OpenRaw(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if file.Err() != nil {
			err = file.Err() // not the content's fault
		}
		if err != nil {
			file.Close()
		}
	}()
	defer guard(name, -1, &err)
	file.BackAndForth()
	foot, err := readFooter(file, file.Size())
	var pf *parquet.File
	if err == nil {
		pf, err = foot.open(options)
	}
	if err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	f = &ParquetFile{FileView: pf, name: name, file: file, footer: foot}
	for i, g := range pf.RowGroups() {
		f.groups = append(f.groups, checkGroup(g, &foot.meta.RowGroups[i], foot))
	}
	return f, nil
}

// Metadata returns the footer.
func (f *ParquetFile) Metadata() *format.FileMetaData { return f.footer.meta }

func notParquet(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file is empty or cut short")
	}
	return fmt.Errorf("not a whole Parquet file: %w", err)
}
