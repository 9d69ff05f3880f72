package records

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline/fault"
)

// A Format knows how files of one kind hold records.
type Format interface {
	// Divide returns ranges of about size bytes, each readable without the others.
	Divide(ctx context.Context, f File, size int64) ([]Range, error)
	// Read yields the records of a range, in order.
	Read(ctx context.Context, f File, r Range) iter.Seq2[Record, error]
}

// A Record is one record of a raw file.
type Record struct {
	Offset int64          // where it begins: a byte of the unpacked file, a row of Parquet
	Line   int64          // counted from 1; 0: not known
	Fields map[string]any // by column: nil, bool, string, json.Number, int64, uint64, float64, []any, map[string]any
	order  []string       // of the columns; nil: sorted
}

// Names lists the columns, for a message.
func (r Record) Names() []string {
	if r.order != nil {
		return r.order
	}
	return slices.Sorted(maps.Keys(r.Fields))
}

// Lookup finds a column, or by a path with dots what is inside an object:
// doc.text.
func (r Record) Lookup(name string) (any, bool) { return lookup(r.Fields, name) }

func lookup(fields map[string]any, name string) (any, bool) {
	if v, ok := fields[name]; ok {
		return v, true
	}
	for at := range len(name) { // a.b.c may be a → b.c or a.b → c
		if name[at] != '.' {
			continue
		}
		if inner, ok := fields[name[:at]].(map[string]any); ok {
			if v, ok := lookup(inner, name[at+1:]); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// Text returns a column that must hold a text.
func (r Record) Text(name string) (string, error) {
	v, ok := r.Lookup(name)
	if !ok {
		return "", r.noColumn(name)
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("column %q is no text but %s", name, KindOf(v))
	}
	return s, nil
}

func (r Record) noColumn(name string) error {
	return fmt.Errorf("no column %q; there are %s", name, fault.Listed(r.Names()))
}

// Strings returns a column as texts: one of a text, a number or a boolean,
// several of a list of them.
func (r Record) Strings(name string) ([]string, error) {
	v, ok := r.Lookup(name)
	if !ok {
		return nil, r.noColumn(name)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	for _, v := range list {
		s, ok := String(v)
		if !ok {
			return nil, fmt.Errorf("column %q is %s, no text, number or list of them", name, KindOf(v))
		}
		out = append(out, s)
	}
	return out, nil
}

// String writes a text, number or boolean; of other values it returns false.
func String(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// KindOf names what a value is, for a message.
func KindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}

// A Failure is a record that could not be read, or, with Lost set, the rest of a
// file.
type Failure struct {
	File   string // its name
	Offset int64
	Line   int64 // 0: not known
	Lost   *Lost // nil: reading goes on with the next record
	Err    error
}

func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ": line %d", f.Line)
	} else {
		fmt.Fprintf(&b, ": offset %d", f.Offset)
	}
	return b.String() + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// Lost says how much of a file was not read, as far as it can be known.
type Lost struct {
	Rows  int64 // -1: not known
	Bytes int64 // of the file as it lies on disk; -1: not known
}

func (l *Lost) String() string {
	switch {
	case l.Rows >= 0:
		return fmt.Sprintf("%d rows", l.Rows)
	case l.Bytes > 0:
		return fmt.Sprintf("%d bytes", l.Bytes)
	}
	return "an unknown part"
}
