package fault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one thing wrong with a configuration. It is an error, so that
// Reader.Reads can return it too, alone or joined with others.
type Fault struct {
	Path string // within the stage's settings: "sources[0].books.path"; "" for the stage itself
	Err  string
	Hint string // the likely remedy; may be empty
}

func (f *Fault) Error() string { return f.Err }

// A PlacedFault is a Fault with the place where it was written.
type Placed struct {
	Fault               // Path counted from the file's root: "stages[0].with.sources[0]"
	File         string // as given to Parse, or the flag: `--set bpe.vocab_size=many`
	Line, Column int    // counted from 1; 0 for a flag
	Text         string // the line
}

// A ConfigError is all that is wrong with a configuration, in the order of its
// lines.
type ConfigError struct{ Faults []Placed }

// Error shows every fault as file:line:column, then the line with a caret, and
// what to do.
func (e *ConfigError) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteByte('\n')
		}
		if f.Line == 0 {
			fmt.Fprintf(&b, "%s: %s", f.File, f.Err)
		} else {
			fmt.Fprintf(&b, "%s:%d:%d: %s", f.File, f.Line, f.Column, f.Err)
			text, caret := excerpt(f.Text, f.Column)
			fmt.Fprintf(&b, "\n    %s\n    %s", text, caret)
		}
		if f.Hint != "" {
			fmt.Fprintf(&b, "\n    hint: %s", f.Hint)
		}
	}
	return b.String()
}

// excerpt returns the line, cut around the column where it is long, and a line
// with a caret below the column.
func excerpt(line string, column int) (text, caret string) {
	const before, after = 60, 50
	runes := []rune(strings.ToValidUTF8(line, "�"))
	at := min(max(column-1, 0), len(runes))
	end := len(runes)
	if end > at+after {
		end = at + after
	}
	start := 0
	if at > before {
		start = at - before
	}
	var t, c strings.Builder
	if start > 0 {
		t.WriteString("…")
		c.WriteByte(' ')
	}
	for i, r := range runes[start:end] {
		if r != '\t' && (r < ' ' || r == 0x7f) {
			r = '�'
		}
		t.WriteRune(r)
		if start+i < at {
			if r != '\t' {
				r = ' '
			}
			c.WriteRune(r) // a tab stays a tab, so that the caret stands below its letter
		}
	}
	if end < len(runes) {
		t.WriteString("…")
	}
	return t.String(), c.String() + "^"
}

func Sort(faults []Placed) []Placed {
	slices.SortStableFunc(faults, func(a, b Placed) int {
		// Flags come after the file.
		return cmp.Or(cmp.Compare(min(1, b.Line), min(1, a.Line)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(faults, func(a, b Placed) bool {
		return a.Line == b.Line && a.Column == b.Column && a.File == b.File && a.Err == b.Err
	})
}

// faultsOf takes apart an error that may hold several faults.
func Of(err error) []Fault {
	switch e := err.(type) {
	case nil:
		return nil
	case *Fault:
		return []Fault{*e}
	case interface{ Unwrap() []error }:
		var all []Fault
		for _, err := range e.Unwrap() {
			all = append(all, Of(err)...)
		}
		return all
	}
	var f *Fault
	if errors.As(err, &f) {
		return []Fault{{Path: f.Path, Err: err.Error(), Hint: f.Hint}}
	}
	var h *Hint
	if errors.As(err, &h) {
		return []Fault{{Err: err.Error(), Hint: h.Fix}}
	}
	return []Fault{{Err: err.Error()}}
}
