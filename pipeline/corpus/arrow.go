package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/records"
)

// Arrow reads the rows of Arrow IPC files and streams, as Feather and the data sets of
// Hugging Face are.
type Arrow struct {
	rowSource `yaml:",inline"`
}

// NewArrow returns an Arrow with its defaults.
func NewArrow() *Arrow {
	s := &Arrow{newRowSource("arrow", ".arrow", ".feather", ".ipc")}
	s.kinds = []records.Kind{records.KindArrow}
	return s
}

// Parts leaves files whole.
func (s *Arrow) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, records.Arrow{}, size)
}

// Read yields each row as a document.
func (s *Arrow) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.read(ctx, records.Arrow{}, part)
}
