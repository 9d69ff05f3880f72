package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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
type PlacedFault struct {
	Fault               // Path counted from the file's root: "stages[0].with.sources[0]"
	File         string // as given to Parse, or the flag: `--set bpe.vocab_size=many`
	Line, Column int    // counted from 1; 0 for a flag
	Text         string // the line
}

// A ConfigError is all that is wrong with a configuration, in the order of its
// lines.
type ConfigError struct{ Faults []PlacedFault }

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

func sortFaults(faults []PlacedFault) []PlacedFault {
	slices.SortStableFunc(faults, func(a, b PlacedFault) int {
		// Flags come after the file.
		return cmp.Or(cmp.Compare(min(1, b.Line), min(1, a.Line)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(faults, func(a, b PlacedFault) bool {
		return a.Line == b.Line && a.Column == b.Column && a.File == b.File && a.Err == b.Err
	})
}

// faultsOf takes apart an error that may hold several faults.
func faultsOf(err error) []Fault {
	switch e := err.(type) {
	case nil:
		return nil
	case *Fault:
		return []Fault{*e}
	case interface{ Unwrap() []error }:
		var all []Fault
		for _, err := range e.Unwrap() {
			all = append(all, faultsOf(err)...)
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

// didYouMean is the hint for a name that is none of the known ones.
func didYouMean(name, what string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return what + ": " + Listed(slices.Sorted(slices.Values(known)))
}

// Listed joins names for a message: not too many, none too long, and none that
// would upset a terminal, since they may come from a file that is no table.
func Listed(names []string) string {
	const most, longest = 24, 60
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == most {
			b.WriteString("…")
			break
		}
		n := 0
		for _, r := range name {
			if n++; n > longest {
				b.WriteString("…")
				break
			}
			if !unicode.IsPrint(r) {
				r = utf8.RuneError
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Nearest returns the known name that name is most likely a misspelling of, or
// "". Case and the kind of dash do not count.
func Nearest(name string, known []string) string {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "_")) }
	best, least := "", 1+max(1, utf8.RuneCountInString(name)/3)
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := editDistance([]rune(plain(name)), []rune(plain(k))); d < least {
			best, least = k, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours (optimal string alignment).
func editDistance(a, b []rune) int {
	if len(a) > 64 || len(b) > 64 { // no name is that long
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
