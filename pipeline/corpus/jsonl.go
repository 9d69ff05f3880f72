package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/records"
)

// JSONL reads JSON Lines: one object a line. Plain files are read in parts of
// their bytes.
type JSONL struct {
	rowSource `yaml:",inline"`
	MaxBytes  int64 `yaml:"max_record_bytes" doc:"The length of a line from which it is rejected."`
}

// NewJSONL returns a JSONL with its defaults.
func NewJSONL() *JSONL {
	s := &JSONL{rowSource: newRowSource("jsonl", ".jsonl", ".ndjson", ".json"), MaxBytes: records.DefaultMaxRecord}
	s.kinds = []records.Kind{records.KindJSONL, records.KindJSON, records.KindText} // each line tells what is wrong with it
	return s
}

// Parts divides plain files by bytes.
func (s *JSONL) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, records.JSONL{Max: s.MaxBytes}, size)
}

// Read yields each line as a document.
func (s *JSONL) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.read(ctx, records.JSONL{Max: s.MaxBytes}, part)
}
