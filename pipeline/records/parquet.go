package records

import (
	"context"
	"errors"
	"iter"
	"slices"
	"unicode/utf8"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// Parquet is the rows of Parquet files.
type Parquet struct {
	Columns []string // that are read, and others passed over; nil: all
}

// Divide divides a file by row groups: From and To count them. A file whose
// footer cannot be read is one range, which fails when it is read.
func (p Parquet) Divide(ctx context.Context, f File, size int64) ([]Range, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	pf, err := shard.OpenRaw(ctx, f.Path)
	if bad := new(fault.RowError); errors.As(err, &bad) {
		return []Range{{To: 1, Size: f.Size}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer pf.Close()
	var ranges []Range
	for i, g := range pf.Metadata().RowGroups {
		n := g.TotalCompressedSize
		if n <= 0 {
			n = g.TotalByteSize
		}
		ranges = append(ranges, Range{From: int64(i), To: int64(i) + 1, Size: max(n, 1)})
	}
	return ranges, nil
}

// Read yields the rows of the row groups of a range. A row that cannot be read
// ends the file: those after it in the range are lost.
func (p Parquet) Read(ctx context.Context, f File, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		pf, err := shard.OpenRaw(ctx, f.Path)
		if err != nil {
			yield(Record{}, p.lost(f, 0, Lost{Rows: -1, Bytes: f.Size}, err))
			return
		}
		defer pf.Close()
		row, end := int64(0), int64(0)
		for i, g := range pf.RowGroups() {
			if int64(i) < r.From {
				row += g.NumRows()
			}
			if int64(i) < r.To {
				end += g.NumRows()
			}
		}
		var order []string
		for _, column := range pf.Schema().Fields() {
			if p.Columns == nil || slices.Contains(p.Columns, column.Name()) {
				order = append(order, column.Name())
			}
		}
		for fields, err := range pf.Records(int(r.From), int(r.To), p.Columns) {
			if ctx.Err() != nil {
				yield(Record{}, context.Cause(ctx))
				return
			}
			if err != nil && pf.ReadErr() != nil {
				yield(Record{}, pf.ReadErr())
				return
			}
			if err != nil {
				yield(Record{Offset: row}, p.lost(f, row, Lost{Rows: end - row, Bytes: -1}, err))
				return
			}
			if _, bad := asUTF8(fields); bad != nil {
				err = &Failure{File: f.Name, Offset: row, Err: bad}
			}
			if !yield(Record{Offset: row, Fields: fields, order: order}, err) {
				return
			}
			row++
		}
	}
}

// lost makes a *Failure of what is wrong with the content of a file, and leaves
// other errors.
func (p Parquet) lost(f File, row int64, l Lost, err error) error {
	bad := new(fault.RowError)
	if !errors.As(err, &bad) {
		return err
	}
	if bad.Row > row && l.Rows >= 0 {
		l.Rows -= bad.Row - row
		row = bad.Row
	}
	if refused := (*shard.Refused)(nil); errors.As(bad.Err, &refused) { // no damage
		return &Failure{File: f.Name, Offset: row, Lost: &l, Err: bad.Err}
	}
	return &Failure{File: f.Name, Offset: row, Lost: &l, Err: &Damaged{bad.Err}}
}

// asUTF8 decodes the texts in a value that are not UTF-8.
func asUTF8(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			var b []byte
			b, err = new(decoder).decode([]byte(v))
			return string(b), err
		}
	case []any:
		for i := range v {
			if v[i], err = asUTF8(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = asUTF8(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
