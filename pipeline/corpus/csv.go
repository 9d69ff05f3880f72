package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// CSV reads tables of text: with quotes (RFC 4180), or without, as .tsv files are.
type CSV struct {
	rowSource `yaml:",inline"`
	Separator string        `yaml:"separator" doc:"The character between fields; if left out, tab by the file's extension, or of , ; tab and | the one that the first line has most of."`
	Quote     records.Quote `yaml:"quote" doc:"How quotes stand in a quoted field: double (\"\"), backslash (\\\"), or none: a quote is a character like any other; by the file's extension if left out."`
	Header    bool          `yaml:"header" doc:"The first line names the columns; without it they are called 1, 2, 3 and so on."`
	MaxBytes  int64         `yaml:"max_record_bytes" doc:"The length of a record from which it is rejected."`
}

// NewCSV returns a CSV with its defaults.
func NewCSV() *CSV {
	s := &CSV{rowSource: newRowSource("csv", ".csv", ".tsv", ".tab"), Header: true, MaxBytes: records.DefaultMaxRecord}
	s.kinds = []records.Kind{"a table of text (CSV or TSV)", records.KindText, records.KindPiece, records.KindJSON}
	return s
}

// Check finds what types cannot show.
func (s *CSV) Check() []fault.Fault {
	faults := s.rowSource.Check()
	if err := records.CheckSeparator(s.Separator); err != nil {
		faults = append(faults, fault.Fault{Path: "separator", Err: err.Error(), Hint: `separator: ";" or "\t"`})
	}
	return faults
}

func (s *CSV) format() records.Format {
	return records.CSV{Separator: s.Separator, Quote: s.Quote, Header: s.Header, Max: s.MaxBytes}
}

// Parts divides files without quotes by bytes, and takes others whole.
func (s *CSV) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, s.format(), size)
}

// Read yields each record as a document.
func (s *CSV) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.read(ctx, s.format(), part)
}
