package inspect

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

// Formats in which rows are written.
const (
	AsTable = "table"
	AsJSON  = "json" // an object a line
	AsCSV   = "csv"
)

// WriteRows writes at most limit rows (0: all) of those selected. A table is as
// wide as the terminal; JSON Lines and CSV hold whole values.
func (s *Selection) WriteRows(ctx context.Context, w io.Writer, format string, limit, width int) error {
	out := bufio.NewWriter(w)
	names := s.Shown()
	var table []Row
	if format == AsCSV {
		cells := make([]any, len(names))
		for i, n := range names {
			cells[i] = n
		}
		writeCSV(out, cells)
	}
	n := 0
	for row, err := range s.Rows(ctx) {
		if err != nil {
			out.Flush()
			return err
		}
		switch format {
		case AsTable:
			table = append(table, row)
		case AsJSON:
			if err := writeJSONRow(out, names, row.Values); err != nil {
				return &fault.RowError{File: row.File, Row: row.Number, Err: err}
			}
		case AsCSV:
			cells := make([]any, len(names))
			for i, name := range names {
				cells[i] = row.Values[name]
			}
			writeCSV(out, cells)
		}
		if n++; n == limit {
			break
		}
	}
	if format == AsTable {
		writeGrid(out, names, table, width)
	}
	return out.Flush()
}

// WriteRow writes one row in full: a column a line, one of several lines below its
// name; or as a JSON object. The row groups before it are not read.
func (s *Selection) WriteRow(ctx context.Context, w io.Writer, format string, number int64) error {
	if format == AsCSV {
		return fault.Hintf(&fault.UsageError{Err: errors.New("--row shows a row as text or with --json")}, "leave --csv out")
	}
	for row, err := range s.From(number).Rows(ctx) {
		if err != nil {
			return err
		}
		if row.Number != number {
			break
		}
		out := bufio.NewWriter(w)
		if format == AsJSON {
			if err := writeJSONRow(out, s.Shown(), row.Values); err != nil {
				return &fault.RowError{File: row.File, Row: number, Err: err}
			}
			return out.Flush()
		}
		fmt.Fprintf(out, "%s: row %d\n", fault.Printable(row.File), row.Number)
		for _, name := range s.Shown() {
			text := fault.Printable(full(row.Values[name]))
			if strings.Contains(text, "\n") {
				text = "\n    " + strings.ReplaceAll(text, "\n", "\n    ")
			}
			fmt.Fprintf(out, "%s: %s\n", fault.Printable(name), text)
		}
		return out.Flush()
	}
	return fault.Hintf(&fault.UsageError{Err: fmt.Errorf("there is no row %d among those selected", number)}, "rows count from 0; --count tells how many there are")
}

// full writes a value for people; null and an empty text can be told apart.
func full(v any) string {
	switch v {
	case nil:
		return "null"
	case "":
		return `""`
	}
	return cellOf(v)
}

// writeJSONRow keeps the order of the columns.
func writeJSONRow(out *bufio.Writer, names []string, values map[string]any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		for k, v := range []any{name, values[name]} {
			if k == 1 {
				b.WriteString(": ")
			}
			if err := enc.Encode(v); err != nil {
				return err
			}
			b.Truncate(b.Len() - 1) // the line feed
		}
	}
	b.WriteString("}\n")
	_, err := out.Write(b.Bytes())
	return err
}

// writeCSV quotes as RFC 4180 says. Null is a field without anything, an empty text "".
func writeCSV(out *bufio.Writer, cells []any) {
	for i, v := range cells {
		if i > 0 {
			out.WriteByte(',')
		}
		text := cellOf(v)
		if v != nil && (text == "" || strings.ContainsAny(text, "\",\r\n")) {
			text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		}
		out.WriteString(text)
	}
	out.WriteByte('\n')
}

// writeGrid writes rows as a table that fits a width: columns that need little
// get what they need, the others share the rest.
func writeGrid(out *bufio.Writer, names []string, rows []Row, width int) {
	const gap, least = 2, 6
	need := make([]int, len(names))
	cells := make([][]string, len(rows))
	for i, n := range names {
		need[i] = utf8.RuneCountInString(show(n, 40))
	}
	for r, row := range rows {
		for i, n := range names {
			text := show(full(row.Values[n]), 400)
			cells[r] = append(cells[r], text)
			need[i] = max(need[i], utf8.RuneCountInString(text))
		}
	}
	numbers := len("row")
	for _, row := range rows {
		numbers = max(numbers, len(fmt.Sprint(row.Number)))
	}
	widths := share(need, width-numbers-gap*len(names), least)
	line := func(first string, cell func(i int) string) {
		fmt.Fprintf(out, "%*s", numbers, first)
		for i := range names {
			text := cut(cell(i), widths[i])
			pad := widths[i] - utf8.RuneCountInString(text)
			if i == len(names)-1 {
				pad = 0
			}
			out.WriteString("  " + text + strings.Repeat(" ", pad))
		}
		out.WriteByte('\n')
	}
	line("row", func(i int) string { return show(names[i], 40) })
	for r, row := range rows {
		line(fmt.Sprint(row.Number), func(i int) string { return cells[r][i] })
	}
}

// share divides a width among columns: each gets what it needs, or an equal part
// of what those that need less leave over, but never less than least.
func share(need []int, width, least int) []int {
	got := make([]int, len(need))
	left, open := width, len(need)
	for changed := true; changed && open > 0; {
		changed = false
		part := max(left/open, least)
		for i, n := range need {
			if got[i] == 0 && n <= part {
				got[i], changed = max(n, 1), true
				left -= n
				open--
			}
			if open == 0 {
				break
			}
		}
	}
	for i := range got {
		if got[i] == 0 {
			got[i] = max(left/max(open, 1), least)
		}
	}
	return got
}

func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// Text writes a value for people: a text as it is, a list or struct as JSON, and
// null and an empty text so that they can be told apart.
func Text(v any) string { return full(v) }

// Compare orders values of one column: nulls first, numbers by size, texts by
// their bytes.
func Compare(a, b any) int {
	if a == nil || b == nil {
		return cmp.Compare(bit(a != nil), bit(b != nil))
	}
	x, okX := numeric(a)
	y, okY := numeric(b)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return strings.Compare(cellOf(a), cellOf(b))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func numeric(v any) (float64, bool) {
	switch v := comparable(v).(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
