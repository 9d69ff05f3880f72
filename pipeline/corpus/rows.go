package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// A rowSource makes a document of each record of a table.
type rowSource struct {
	Raw     `yaml:",inline"`
	Columns `yaml:",inline"`

	kinds []records.Kind // that it reads; nil: the format tells itself
}

func newRowSource(kind string, extensions ...string) rowSource {
	return rowSource{Raw: Raw{kind: kind, extensions: extensions}, Columns: defaultColumns()}
}

// Check finds what types cannot show.
func (s *rowSource) Check() []fault.Fault { return append(s.Raw.check(), s.Columns.check()...) }

// read makes documents of the records of a Part.
func (s *rowSource) read(ctx context.Context, format records.Format, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			f := s.file(r)
			if s.kinds != nil {
				if err := refuseFile(ctx, f, s.kinds); err != nil {
					if r.From > 0 && goesOn(err) {
						continue // reported once a file
					}
					if !yield(nil, err) || !goesOn(err) {
						return
					}
					continue
				}
			}
			for record, err := range format.Read(ctx, f, r.Range) {
				var d *Document
				if err == nil {
					if d, err = s.document(s.Name(), r.File, record); err != nil {
						err = &records.Failure{File: r.File, Offset: record.Offset, Line: record.Line, Err: err}
					}
				}
				if !yield(d, err) || err != nil && !goesOn(err) {
					return
				}
			}
		}
	}
}
