package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/records"
)

// Parquet reads the rows of Parquet files, in parts of their row groups. Lists,
// maps and structs come as JSON, dates and times as ISO 8601.
type Parquet struct {
	rowSource `yaml:",inline"`
}

// NewParquet returns a Parquet with its defaults.
func NewParquet() *Parquet { return &Parquet{newRowSource("parquet", ".parquet")} }

// format reads the columns that documents are made of: all, or those named.
func (s *Parquet) format() records.Format {
	if s.Rest {
		return records.Parquet{}
	}
	return records.Parquet{Columns: s.Columns.names()}
}

// Parts divides files by row groups. A file whose footer cannot be read is one
// range, which fails when it is read.
func (s *Parquet) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, s.format(), size)
}

// Read yields each row as a document.
func (s *Parquet) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.read(ctx, s.format(), part)
}
