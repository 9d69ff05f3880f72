package corpus

import (
	"context"
	"errors"
	"iter"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// A rowSource makes a document of each record of a table.
type rowSource struct {
	Raw     `yaml:",inline"`
	Columns `yaml:",inline"`
}

func newRowSource(kind string, extensions ...string) rowSource {
	return rowSource{Raw: Raw{kind: kind, extensions: extensions}, Columns: defaultColumns()}
}

// Check finds what types cannot show.
func (s *rowSource) Check() []fault.Fault { return append(s.Raw.check(), s.Columns.check()...) }

// divide makes Parts of files as their format divides them.
func (s *rowSource) divide(ctx context.Context, format records.Format, size int64) ([]Part, error) {
	files, err := s.Files()
	if err != nil {
		return nil, err
	}
	var ranges []Range
	for _, f := range files {
		some, err := format.Divide(ctx, f, size)
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			ranges = append(ranges, Range{f.Name, r})
		}
	}
	return pack(ranges, size), nil
}

// read makes documents of the records of a Part.
func (s *rowSource) read(ctx context.Context, format records.Format, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			for record, err := range format.Read(ctx, s.file(r), r.Range) {
				var d *Document
				if err == nil {
					if d, err = s.document(s.Name(), r.File, record); err != nil {
						err = &records.Failure{File: r.File, Offset: record.Offset, Line: record.Line, Err: err}
					}
				}
				if !yield(d, err) || err != nil && !isFailure(err) {
					return
				}
			}
		}
	}
}

// isFailure reports whether reading goes on after an error, with the next record
// or file.
func isFailure(err error) bool {
	return errors.As(err, new(*records.Failure))
}
