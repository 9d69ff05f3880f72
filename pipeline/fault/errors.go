package fault

import "fmt"

// A RowError places an error at a row of a file.
type RowError struct {
	File string
	Row  int64 // counted from 0; -1: the whole file is at fault
	Err  error
}

func (e *RowError) Error() string {
	if e.Row < 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s: row %d: %v", e.File, e.Row, e.Err)
}

func (e *RowError) Unwrap() error { return e.Err }

// A Hint adds to an error what the reader can do about it.
type Hint struct {
	Err error
	Fix string
}

func (h *Hint) Error() string { return h.Err.Error() }
func (h *Hint) Unwrap() error { return h.Err }

// Hintf wraps err with advice.
func Hintf(err error, format string, args ...any) error {
	return &Hint{Err: err, Fix: fmt.Sprintf(format, args...)}
}

// UsageError marks wrong usage or configuration: exit code 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }
