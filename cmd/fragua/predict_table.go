package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/finetune"
	"fragua/finetune/examples"
	"fragua/pipeline/fault"
	"fragua/pipeline/records"
	"fragua/pipeline/store"
)

// tableFormats are the formats of tables, by their extension.
var tableFormats = map[string]string{".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}

// tableFormat returns the format of a table by its name, or "".
func tableFormat(name string) string { return tableFormats[records.Extension(name)] }

// rowsAtOnce bounds the rows that are answered together.
const rowsAtOnce = 64

// predictTable answers a column of a table and writes the table with the answers.
func predictTable(c *cli.Context, file, column string) error {
	from := tableFormat(file)
	if from == "" {
		return fault.Hintf(usage("%s is no table that predict reads", file), "tables end in .csv, .tsv, .jsonl or .parquet, packed or not")
	}
	info, err := store.Stat(file)
	if err != nil {
		return err
	}
	f := records.File{Name: file, Path: file, Size: info.Size}
	names, err := columnsOf(c.Context, f, from)
	if err != nil {
		return err
	}
	if column == "" {
		return fault.Hintf(usage("%s is a table: which of its columns holds the text?", file), "--text COLUMN; there are %s", fault.Listed(names))
	}
	out := c.String("output")
	to := from
	switch {
	case out != "" && records.Compressed(out):
		return fault.Hintf(usage("%s: the output is not compressed", out), "leave the last extension out")
	case out != "":
		to = tableFormat(out)
	case from == "parquet":
		to = "jsonl" // a terminal cannot show Parquet
	}
	if to != "jsonl" && to != from && !(from == "csv" && to == "tsv" || from == "tsv" && to == "csv") {
		return fault.Hintf(usage("%s cannot become %s", file, out), "give -o a name with the table's own extension, or .jsonl")
	}
	p, err := openPredictor(c)
	if err != nil {
		return err
	}
	t := annotator{ctx: c.Context, predictor: p, file: f, from: from, column: column, added: addedColumns(p, names)}
	if out == "" {
		w := bufio.NewWriter(c.App.Writer)
		if err := t.run(w, to); err != nil {
			return errors.Join(err, w.Flush())
		}
		err = w.Flush()
	} else {
		err = store.WriteFile(out, func(w io.Writer) error { return t.run(w, to) })
	}
	if err == nil {
		fmt.Fprintf(c.App.ErrWriter, "%s: %s", file, plural(t.rows, "row"))
		if t.blank > 0 {
			fmt.Fprintf(c.App.ErrWriter, ", %d of them without a text and so without an answer", t.blank)
		}
		fmt.Fprintf(c.App.ErrWriter, "; added: %s\n", strings.Join(t.added, ", "))
	}
	return err
}

// columnsOf lists the columns of a table.
func columnsOf(ctx context.Context, f records.File, format string) ([]string, error) {
	for r, err := range readTable(ctx, f, format) {
		return r.Names(), err
	}
	return nil, fault.Hintf(&fault.RowError{File: f.Name, Row: -1, Err: errors.New("the table has no rows")}, "there is nothing to answer")
}

func readTable(ctx context.Context, f records.File, format string) iter.Seq2[records.Record, error] {
	whole := records.Range{To: f.Size, Size: f.Size}
	switch format {
	case "csv", "tsv":
		csv := records.CSV{Header: true, Max: records.DefaultMaxRecord}
		return csv.Read(ctx, f, whole)
	case "jsonl":
		return records.JSONL{Max: records.DefaultMaxRecord}.Read(ctx, f, whole)
	}
	return records.Parquet{}.Read(ctx, f, records.Range{To: 1 << 30, Size: f.Size})
}

// addedColumns names what is added: label and probability_CLASS, value, or translation.
// Where the table has one of these names already, all get a prefix.
func addedColumns(p *finetune.Predictor, names []string) []string {
	added := []string{answerColumn(p)}
	if p.Labels() != nil {
		added = []string{"label"}
		for _, class := range p.Labels() {
			added = append(added, "probability_"+class)
		}
	}
	for slices.ContainsFunc(added, func(name string) bool { return slices.Contains(names, name) }) {
		for i, name := range added {
			added[i] = "predicted_" + name
		}
	}
	return added
}

// An annotator answers a table's rows and writes them with their answers.
type annotator struct {
	ctx       context.Context
	predictor *finetune.Predictor
	file      records.File
	from      string
	column    string
	added     []string

	rows, blank int
}

// An answer is what is added to a row.
type answer struct {
	text  string // the class, the number or the translation; empty where the row has no text
	probs []float32
}

// each answers the rows in their order, some at a time, and hands them to write.
func (t *annotator) each(write func(records.Record, answer) error) error {
	var window []records.Record
	var texts []examples.Example // of the rows that have one
	flush := func() error {
		got, err := t.predictor.Answer(t.ctx, texts)
		if err != nil {
			return err
		}
		for _, r := range window {
			var a answer
			if text, _ := t.text(r); text == "" {
				t.blank++
			} else {
				if got[0].TooLong {
					return t.at(r, errors.New("the text does not fit into the model's context"))
				}
				a = answer{got[0].Got, got[0].Probs}
				got = got[1:]
			}
			t.rows++
			if err := write(r, a); err != nil {
				return err
			}
		}
		window, texts = window[:0], texts[:0]
		return nil
	}
	for r, err := range readTable(t.ctx, t.file, t.from) {
		if err != nil {
			return err
		}
		text, err := t.text(r)
		if err != nil {
			return t.at(r, err)
		}
		if text != "" {
			texts = append(texts, examples.Example{ID: "text", Text: text})
		}
		if window = append(window, r); len(window) == rowsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// text returns the text of a row; a null is an empty one.
func (t *annotator) text(r records.Record) (string, error) {
	if v, ok := r.Lookup(t.column); ok && v == nil {
		return "", nil
	}
	s, err := r.Text(t.column)
	return examples.Tidy(s), err
}

// at says in which row something is wrong.
func (t *annotator) at(r records.Record, err error) error {
	if r.Line > 0 {
		return fmt.Errorf("%s: line %d: %w", t.file.Name, r.Line, err)
	}
	return &fault.RowError{File: t.file.Name, Row: r.Offset, Err: err}
}

// run writes the table in a format.
func (t *annotator) run(w io.Writer, format string) error {
	switch {
	case format == "parquet":
		return t.toParquet(w)
	case format != "jsonl":
		return t.toCSV(w, format)
	case t.from == "jsonl":
		return t.ontoLines(w)
	}
	return t.toJSONL(w)
}

func (t *annotator) toCSV(w io.Writer, format string) error {
	out := csv.NewWriter(w)
	if format == "tsv" {
		out.Comma = '\t'
	}
	header := false
	err := t.each(func(r records.Record, a answer) error {
		if !header {
			header = true
			if err := out.Write(slices.Concat(r.Names(), t.added)); err != nil {
				return err
			}
		}
		var row []string
		for _, name := range r.Names() {
			s, _ := records.String(r.Fields[name]) // CSV has texts only
			row = append(row, s)
		}
		row = append(row, a.text)
		for i := range t.added[1:] {
			p := ""
			if a.probs != nil {
				p = strconv.FormatFloat(float64(a.probs[i]), 'g', -1, 32)
			}
			row = append(row, p)
		}
		return out.Write(row)
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

// values are the added columns of a row as JSON has them.
func (t *annotator) values(a answer) []any {
	values := make([]any, len(t.added))
	if v, err := strconv.ParseFloat(a.text, 64); err == nil && t.predictor.Numbers() {
		values[0] = v
	} else if a.text != "" {
		values[0] = a.text
	}
	for i, p := range a.probs {
		values[1+i] = p
	}
	return values
}

func (t *annotator) toJSONL(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return t.each(func(r records.Record, a answer) error {
		row := maps.Clone(r.Fields)
		for i, v := range t.values(a) {
			row[t.added[i]] = v
		}
		return enc.Encode(row)
	})
}

// ontoLines adds to each object of JSON Lines at its end, so that what stands
// there stays as it is written: order, numbers, spaces.
func (t *annotator) ontoLines(w io.Writer) error {
	whole := records.Range{To: t.file.Size, Size: t.file.Size}
	next, stop := iter.Pull2(records.Lines(t.ctx, t.file, whole, records.DefaultMaxRecord))
	defer stop()
	return t.each(func(r records.Record, a answer) error {
		var object []byte
		for len(object) == 0 {
			line, err, ok := next()
			if err != nil || !ok {
				return cmp.Or(err, fmt.Errorf("%s: the file changed while it was read", t.file.Name))
			}
			object = bytes.TrimSpace(line.Text)
		}
		object = bytes.TrimSpace(object[:len(object)-1]) // without the closing brace
		comma := ","
		if len(r.Fields) == 0 {
			comma = ""
		}
		if _, err := w.Write(object); err != nil {
			return err
		}
		for i, v := range t.values(a) {
			name, _ := json.Marshal(t.added[i])
			value, err := json.Marshal(v)
			if err != nil {
				return t.at(r, err)
			}
			if _, err := fmt.Fprintf(w, "%s%s:%s", comma, name, value); err != nil {
				return err
			}
			comma = ","
		}
		_, err := io.WriteString(w, "}\n")
		return err
	})
}
