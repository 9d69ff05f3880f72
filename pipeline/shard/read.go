package shard

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/fault"
)

// Read yields the rows of a Parquet file in order. Columns that Row does
// not name are not read, so a small struct is a cheap projection; a column that
// Row names and the file lacks, or holds in another type, is an error. Whatever
// is wrong with the file comes as a *RowError with its name and row, and ends
// the sequence. Memory is bounded by a page of each column.
func Read[Row any](name string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		r, err := openShard[Row](name)
		if err != nil {
			yield(*new(Row), err)
			return
		}
		defer r.close()
		for {
			rows, err := r.next()
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(*new(Row), err)
				return
			}
		}
	}
}

type shardReader[Row any] struct {
	name  string
	file  *ParquetFile
	r     *parquet.GenericReader[Row] // nil: no rows
	batch []Row
	row   int64 // of the file, from which the next batch starts
	total int64
}

func openShard[Row any](name string) (r *shardReader[Row], err error) {
	f, err := OpenParquet(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	defer guard(name, -1, &err)
	if err := checkColumns(parquet.SchemaOf(*new(Row)), f.Schema()); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	r = &shardReader[Row]{name: name, file: f, total: f.NumRows(), batch: make([]Row, shardBatch)}
	if groups := f.RowGroups(); len(groups) > 0 {
		r.r = parquet.NewGenericRowGroupReader[Row](parquet.MultiRowGroup(groups...))
	}
	return r, nil
}

// next returns the next rows; io.EOF comes after the last, with or without rows.
func (r *shardReader[Row]) next() (rows []Row, err error) {
	defer guard(r.name, r.row, &err)
	if r.r == nil {
		return nil, io.EOF
	}
	clear(r.batch) // columns of the last batch must not shine through null values
	n, err := r.r.Read(r.batch)
	r.row += int64(n)
	switch {
	case err != nil && err != io.EOF:
		err = &fault.RowError{File: r.name, Row: r.row, Err: fmt.Errorf("parquet: %w", err)}
	case err == io.EOF && r.row != r.total:
		err = &fault.RowError{File: r.name, Row: r.row, Err: damaged(fmt.Errorf("parquet: the file ends here, but it announces %d rows", r.total))}
	case err == nil && n == 0:
		err = &fault.RowError{File: r.name, Row: r.row, Err: io.ErrNoProgress}
	}
	return r.batch[:n], err
}

func (r *shardReader[Row]) close() {
	defer func() { recover() }() // a reader of a corrupt file may trip over itself; the error is already reported
	defer r.file.Close()
	if r.r != nil {
		r.r.Close()
	}
}

// Rows returns the number of rows of a Parquet file from its footer.
func Rows(name string) (int64, error) {
	f, err := OpenParquet(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.NumRows(), nil
}

// checkColumns refuses a file that lacks a column of the row, or holds it in
// another type: the library would fill in zeros, or convert.
func checkColumns(row, file *parquet.Schema) error {
	for _, path := range row.Columns() {
		want, _ := row.Lookup(path...)
		name := strings.Join(path, ".")
		have, ok := file.Lookup(path...)
		if !ok {
			if want.MaxDefinitionLevel > 0 {
				continue // optional or repeated: its absence is a value
			}
			return fault.Hintf(fmt.Errorf("column %q is missing", name), "the file has: %s", columnNames(file))
		}
		if w, h := want.Node.Type().Kind(), have.Node.Type().Kind(); w != h {
			return fmt.Errorf("column %q is %s, want %s", name, h, w)
		}
	}
	return nil
}

func columnNames(s *parquet.Schema) string {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name())
	}
	return fault.Listed(names)
}
