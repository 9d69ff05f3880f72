package corpus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline"
)

// Parquet reads the rows of Parquet files, in parts of their row groups.
// Columns inside lists and maps are passed over.
type Parquet struct {
	Raw     `yaml:",inline"`
	Columns `yaml:",inline"`
}

// NewParquet returns a Parquet with its defaults.
func NewParquet() *Parquet {
	return &Parquet{Raw: Raw{kind: "parquet", extensions: []string{".parquet"}}, Columns: defaultColumns()}
}

// Check finds what types cannot show.
func (s *Parquet) Check() []pipeline.Fault { return append(s.Raw.check(), s.Columns.check()...) }

// Parts divides files by row groups. A file whose footer cannot be read is one
// range, which fails when it is read.
func (s *Parquet) Parts(ctx context.Context, size int64) ([]Part, error) {
	files, err := s.Files()
	if err != nil {
		return nil, err
	}
	var ranges []Range
	for _, f := range files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		sizes, err := groupSizes(f.Path)
		if err != nil {
			sizes = []int64{f.Size}
		}
		for i, n := range sizes {
			ranges = append(ranges, Range{File: f.Name, From: int64(i), To: int64(i) + 1, Size: n})
		}
	}
	return pack(ranges, size), nil
}

// groupSizes returns the compressed size of each row group.
func groupSizes(name string) (sizes []int64, err error) {
	f, err := openParquet(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, g := range f.Metadata().RowGroups {
		n := g.TotalCompressedSize
		if n <= 0 {
			n = g.TotalByteSize
		}
		sizes = append(sizes, max(n, 1))
	}
	return sizes, nil
}

// openParquet opens a file, whose faults it marks as the file's own.
func openParquet(name string) (*pipeline.ParquetFile, error) {
	f, err := pipeline.OpenParquet(name)
	if bad := new(pipeline.RowError); errors.As(err, &bad) {
		return nil, &corrupt{bad.Err}
	}
	return f, err
}

// Read yields each row as a document.
func (s *Parquet) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			goOn := true
			row, err := s.rows(r, func(d *Document, err error) bool {
				if ctx.Err() != nil {
					d, err = nil, context.Cause(ctx)
				}
				goOn = yield(d, err) && (err == nil || isFailure(err))
				return goOn
			})
			if err != nil && goOn {
				err = asFailure(r.File, row, err)
				goOn = yield(nil, err) && isFailure(err)
			}
			if !goOn {
				return
			}
		}
	}
}

// A leaf is a column that is no part of a list or map.
type leaf struct {
	name  string
	index int
	node  parquet.Node
}

// rows reads the rows of a range. It returns where it stood when it failed.
func (s *Parquet) rows(r Range, yield func(*Document, error) bool) (row int64, err error) {
	f, err := openParquet(s.locate(r.File))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	leaves, names := leavesOf(f.Schema())
	for _, g := range f.RowGroups()[:min(r.From, int64(len(f.RowGroups())))] {
		row += g.NumRows()
	}
	for values, err := range f.Rows(int(r.From), int(r.To)) {
		if bad := new(pipeline.RowError); errors.As(err, &bad) {
			return bad.Row, &corrupt{bad.Err}
		}
		if err != nil {
			return row, err
		}
		d, bad := s.Columns.document(s.Name(), r.File, row, recordOf(values, leaves), names)
		if bad != nil {
			d, bad = nil, &Failure{r.File, row, bad}
		}
		row++
		if !yield(d, bad) {
			return row, nil
		}
	}
	return row, nil
}

// leavesOf lists the columns that a record can have.
func leavesOf(schema *parquet.Schema) (leaves map[int]leaf, names []string) {
	leaves = map[int]leaf{}
	for _, path := range schema.Columns() {
		l, ok := schema.Lookup(path...)
		if ok && len(path) == 1 && !l.Node.Repeated() {
			leaves[l.ColumnIndex] = leaf{path[0], l.ColumnIndex, l.Node}
			names = append(names, path[0])
		}
	}
	slices.Sort(names)
	return leaves, names
}

// recordOf copies the values of a row.
func recordOf(row parquet.Row, leaves map[int]leaf) map[string]any {
	record := make(map[string]any, len(leaves))
	for _, v := range row {
		l, ok := leaves[v.Column()]
		if !ok || v.IsNull() {
			continue
		}
		switch v.Kind() {
		case parquet.Boolean:
			record[l.name] = v.Boolean()
		case parquet.Int32:
			record[l.name] = int64(v.Int32())
		case parquet.Int64:
			record[l.name] = v.Int64()
		case parquet.Float:
			record[l.name] = number(float64(v.Float()))
		case parquet.Double:
			record[l.name] = number(v.Double())
		case parquet.ByteArray:
			if b := v.ByteArray(); utf8.Valid(b) {
				record[l.name] = string(b)
			} else if text, err := asUTF8(b); err == nil {
				record[l.name] = string(text)
			}
		}
	}
	return record
}

// number returns what JSON can hold of a number: infinities and NaN by name.
func number(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	return x
}
