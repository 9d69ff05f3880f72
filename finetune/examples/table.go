package examples

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"fragua/pipeline/fault"
	"fragua/tokenize/chat"
)

// A record is one row of a raw file before it is checked.
type record struct {
	row    int64 // in its file, counted from 0
	text   string
	target string
	labels []string // as written
	group  string
	object map[string]any // of JSON, where all of it is asked for

	messages []chat.Message // of a conversation
	drop     string         // the rule by which the format itself leaves the row out; "": none
	err      error          // the row could not be read
}

// columns says which columns of a table hold what: names, or numbers counted
// from 1 for tables without a header.
type columns struct {
	text, target, label, group string
	separator                  string // between several labels in one cell; "": one label
}

// wanted lists the columns that must be there.
func (c columns) wanted() []string {
	var names []string
	for _, n := range []string{c.text, c.target, c.label, c.group} {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// numbered reports whether the columns are numbers: then the table has no header.
func (c columns) numbered() bool {
	for _, n := range c.wanted() {
		if i, err := strconv.Atoi(n); err != nil || i < 1 {
			return false
		}
	}
	return len(c.wanted()) > 0
}

// record puts cells, found by column, in their places.
func (c columns) record(row int64, cell func(column string) ([]string, error)) record {
	r := record{row: row}
	one := func(column string) string {
		if column == "" || r.err != nil {
			return ""
		}
		vs, err := cell(column)
		if err != nil {
			r.err = err
			return ""
		}
		return strings.Join(vs, " ")
	}
	r.text, r.target, r.group = one(c.text), one(c.target), one(c.group)
	if c.label != "" && r.err == nil {
		vs, err := cell(c.label)
		if errors.Is(err, errNull) {
			vs, err = []string{""}, nil // a row without a label: Label.Unlabelled says what becomes of it
		}
		if err != nil {
			r.err = err
			return r
		}
		for _, v := range vs {
			if c.separator == "" {
				r.labels = append(r.labels, v)
				continue
			}
			r.labels = append(r.labels, strings.Split(v, c.separator)...)
		}
	}
	return r
}

// readTable yields the rows of a CSV, TSV, JSON-lines or Parquet file. An error
// of the sequence is an error of the file; a row's own is in record.err.
func readTable(name string, cols columns) iter.Seq2[record, error] {
	switch format(name) {
	case "parquet":
		return readParquet(name, cols)
	case "jsonl", "ndjson", "json":
		return readText(name, cols, jsonLines)
	case "tsv", "tab", "txt":
		return readText(name, cols, tabs)
	case "csv":
		return readText(name, cols, commas)
	}
	return func(yield func(record, error) bool) {
		err := fmt.Errorf("%s: %q is no kind of table", name, format(name))
		yield(record{}, fault.Hintf(err, "tables are .csv, .tsv, .txt (tabs), .jsonl or .parquet; the text ones may end in .gz, .zst or .xz"))
	}
}

// readText opens a text table and leaves its rows to a format.
func readText(name string, cols columns, rows func(io.Reader, columns, func(record) bool) error) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		f, _, err := openText(name)
		if err != nil {
			yield(record{}, err)
			return
		}
		defer f.Close()
		if err := rows(f, cols, func(r record) bool { return yield(r, nil) }); err != nil {
			yield(record{}, fmt.Errorf("%s: %w", name, err))
		}
	}
}

// header finds the wanted columns among the names of a table.
func header(names []string, cols columns) (map[string]int, error) {
	at := map[string]int{}
	if cols.numbered() {
		for _, n := range cols.wanted() {
			i, _ := strconv.Atoi(n)
			at[n] = i - 1
		}
		return at, nil
	}
	for i, n := range names {
		n = strings.TrimSpace(n)
		if _, twice := at[n]; !twice {
			at[n] = i
		}
	}
	for _, n := range cols.wanted() {
		if _, ok := at[n]; !ok {
			return nil, fault.Hintf(fmt.Errorf("no column %q", n),
				"the table has: %s; a table without a header takes column numbers, counted from 1", fault.Listed(names))
		}
	}
	return at, nil
}

// cells looks columns up in one row.
func cells(row []string, at map[string]int) func(string) ([]string, error) {
	return func(column string) ([]string, error) {
		i := at[column]
		if i >= len(row) {
			return nil, fmt.Errorf("the row has %d columns, column %q is number %d", len(row), column, i+1)
		}
		return row[i : i+1], nil
	}
}

// tabs reads lines cut at tabs. Quotes are ordinary characters: TSV has no
// quoting, and sentences are full of them.
func tabs(r io.Reader, cols columns, yield func(record) bool) error {
	b := bufio.NewReaderSize(r, 1<<16)
	var at map[string]int
	if cols.numbered() {
		at, _ = header(nil, cols)
	}
	for row := int64(0); ; row++ {
		line, tooLong, err := readLine(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		if at == nil {
			if at, err = header(strings.Split(line, "\t"), cols); err != nil {
				return err
			}
			row--
			continue
		}
		rec := record{row: row, err: errTooLong}
		if !tooLong {
			rec = cols.record(row, cells(strings.Split(line, "\t"), at))
		}
		if !yield(rec) {
			return nil
		}
	}
}

var errTooLong = fmt.Errorf("the row is longer than %d MiB", maxRow>>20)

// A quote that is never closed swallows what follows; beyond this many lines the
// file, and not the row, is at fault.
const maxQuotedLines = 1000

// commas reads CSV (RFC 4180) whose delimiter is the one of , ; and tab that
// its first line holds most of.
func commas(r io.Reader, cols columns, yield func(record) bool) error {
	b := bufio.NewReaderSize(r, 1<<16)
	first, _ := b.Peek(1 << 15)
	first, _, _ = bytes.Cut(first, []byte("\n"))
	c := csv.NewReader(b)
	c.Comma = ','
	for _, d := range ";\t" {
		if strings.Count(string(first), string(d)) > strings.Count(string(first), string(c.Comma)) {
			c.Comma = d
		}
	}
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	var at map[string]int
	if cols.numbered() {
		at, _ = header(nil, cols)
	}
	for row := int64(0); ; row++ {
		fields, err := c.Read()
		if err == io.EOF {
			return nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) && bad.Line-bad.StartLine <= maxQuotedLines && at != nil {
			if !yield(record{row: row, err: fmt.Errorf("line %d: %w", bad.StartLine, bad.Err)}) {
				return nil
			}
			continue
		}
		if err != nil {
			return fault.Hintf(fmt.Errorf("row %d: %w", row, err), "is it CSV, and is every quote closed? A table whose quotes are ordinary characters is a .tsv")
		}
		if at == nil {
			if at, err = header(append([]string(nil), fields...), cols); err != nil {
				return err
			}
			row--
			continue
		}
		if !yield(cols.record(row, cells(fields, at))) {
			return nil
		}
	}
}

// jsonLines reads one JSON object a line; a column name may reach inside with
// dots. Lists give several labels.
func jsonLines(r io.Reader, cols columns, yield func(record) bool) error {
	return jsonObjects(r, cols, func(rec record) bool {
		if rec.err == nil {
			object := rec.object
			rec = cols.record(rec.row, func(column string) ([]string, error) { return jsonCell(object, column) })
		}
		return yield(rec)
	})
}

// jsonObjects yields the JSON object of each line.
func jsonObjects(r io.Reader, _ columns, yield func(record) bool) error {
	b := bufio.NewReaderSize(r, 1<<16)
	for row := int64(0); ; row++ {
		line, tooLong, err := readLine(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		rec := record{row: row, err: errTooLong}
		if !tooLong {
			if strings.TrimSpace(line) == "" {
				row--
				continue
			}
			var value any
			d := json.NewDecoder(strings.NewReader(line))
			d.UseNumber()
			if err := d.Decode(&value); err != nil {
				rec.err = fmt.Errorf("not a JSON object: %w", err)
			} else if strings.TrimSpace(line[d.InputOffset():]) != "" {
				rec.err = fmt.Errorf("more than one JSON value on the line, at byte %d of it", d.InputOffset())
			} else if object, ok := value.(map[string]any); !ok {
				rec.err = errors.New("not a JSON object but another value")
			} else {
				rec = record{row: row, object: object}
			}
		}
		if !yield(rec) {
			return nil
		}
	}
}

// errNull is part of the error of a cell that is null.
var errNull = errors.New("")

func jsonCell(object map[string]any, column string) ([]string, error) {
	v, ok := object[column]
	for rest := column; !ok; {
		head, tail, cut := strings.Cut(rest, ".")
		inner, is := object[head].(map[string]any)
		if !cut || !is {
			return nil, fmt.Errorf("no field %q", column)
		}
		object, rest = inner, tail
		v, ok = object[rest]
	}
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case json.Number:
		return []string{v.String()}, nil
	case bool, int64, uint64:
		return []string{fmt.Sprint(v)}, nil
	case []any:
		var out []string
		for _, e := range v {
			switch e := e.(type) {
			case string:
				out = append(out, e)
			case json.Number:
				out = append(out, e.String())
			case int64, uint64:
				out = append(out, fmt.Sprint(e))
			default:
				return nil, fmt.Errorf("field %q is a list of more than texts and numbers", column)
			}
		}
		return out, nil
	case nil:
		return nil, fmt.Errorf("column %q is null%w", column, errNull)
	}
	return nil, fmt.Errorf("field %q is an object, not a text", column)
}
