package inspect

import (
	"context"
	"iter"
	"slices"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// scan reads row group by row group. It leaves out those in which the statistics or
// bloom filters say that no row can match, and pages of which the page index says so.
func (s *Selection) scan(ctx context.Context, columns []string) iter.Seq2[Row, error] {
	read := columns
	if s.where != nil {
		read = append(slices.Clone(columns), s.where.columns...)
	}
	if read == nil {
		read = []string{}
	}
	return func(yield func(Row, error) bool) {
		first := int64(0)
		for _, name := range s.Files {
			scan := fileScan{Selection: s, ctx: ctx, name: name, first: first, read: read, yield: yield}
			more, err := scan.file()
			if err != nil {
				yield(Row{}, err)
			}
			if err != nil || !more {
				return
			}
			first += scan.rows
		}
	}
}

// A fileScan yields the selected rows of one file.
type fileScan struct {
	*Selection
	ctx   context.Context
	name  string
	first int64 // the number of its first row
	rows  int64 // of the row groups that are done with
	read  []string
	yield func(Row, error) bool
}

func (s *fileScan) file() (more bool, err error) {
	f, err := s.where.open(s.name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	for g, group := range f.RowGroups() {
		if from := s.Selection.first - s.first - s.rows; from < group.NumRows() {
			spans := []shard.Span{{From: max(0, from), To: group.NumRows()}}
			if s.where != nil {
				spans = s.narrow(f, g, spans)
			}
			for _, span := range spans {
				if more, err := s.span(f, g, span); err != nil || !more {
					return false, err
				}
			}
		}
		s.rows += group.NumRows()
	}
	return true, nil
}

// narrow leaves of a row group what may match.
func (s *fileScan) narrow(f *shard.ParquetFile, group int, spans []shard.Span) []shard.Span {
	if !s.where.possible(f, group) {
		s.Skipped++
		return nil
	}
	before := rowsIn(spans)
	spans = s.where.spans(f, group, spans)
	s.Passed += before - rowsIn(spans)
	return spans
}

func (s *fileScan) span(f *shard.ParquetFile, group int, span shard.Span) (more bool, err error) {
	row := Row{File: s.name, Number: s.first + s.rows + span.From}
	for values, err := range f.RecordsOf(group, span, s.read) {
		if err == nil {
			err = s.ctx.Err()
		}
		if err != nil {
			return false, err
		}
		row.Values = values
		matches := true
		if s.where != nil {
			if matches, err = s.where.holds(values); err != nil {
				return false, &fault.RowError{File: s.name, Row: row.Number - s.first, Err: err}
			}
		}
		if matches && !s.yield(row, nil) {
			return false, nil
		}
		row.Number++
	}
	return true, nil
}
