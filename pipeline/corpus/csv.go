package corpus

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"fragua/pipeline"
)

// CSV reads tables: comma-separated with quotes (RFC 4180), or tab-separated,
// where a quote is a character like any other and a line a record. What is not
// named .tsv or .tab has commas.
type CSV struct {
	Raw      `yaml:",inline"`
	Columns  `yaml:",inline"`
	Comma    string `yaml:"separator" doc:"The character between fields; tab or , by the file's extension if left out."`
	Header   bool   `yaml:"header" doc:"The first line names the columns; without it they are called 1, 2, 3 …"`
	MaxBytes int64  `yaml:"max_record_bytes" doc:"The length of a record from which it is rejected."`
}

// NewCSV returns a CSV with its defaults.
func NewCSV() *CSV {
	return &CSV{Raw: Raw{kind: "csv", extensions: []string{".csv", ".tsv", ".tab"}}, Columns: defaultColumns(), Header: true, MaxBytes: 64 << 20}
}

// Check finds what types cannot show.
func (s *CSV) Check() []pipeline.Fault {
	faults := append(s.Raw.check(), s.Columns.check()...)
	if r, n := utf8.DecodeRuneInString(s.Comma); s.Comma != "" && (n != len(s.Comma) || r == '"' || r == '\n' || r == '\r' || r == utf8.RuneError) {
		faults = append(faults, pipeline.Fault{Path: "separator", Err: fmt.Sprintf("separator %q must be one character, and no quote", s.Comma), Hint: `separator: ";" or "\t"`})
	}
	return faults
}

// separator returns the character between the fields of a file.
func (s *CSV) separator(name string) rune {
	if s.Comma != "" {
		r, _ := utf8.DecodeRuneInString(s.Comma)
		return r
	}
	if e := extension(name); e == ".tsv" || e == ".tab" {
		return '\t'
	}
	return ','
}

// Parts takes each file whole: a quoted field may hold line ends, so that
// records cannot be told from the middle.
func (s *CSV) Parts(_ context.Context, size int64) ([]Part, error) {
	files, err := s.Files()
	return pack(wholeFiles(files), size), err
}

// Read yields each record as a document.
func (s *CSV) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			t := table{csv: s, name: r.File, header: s.Header}
			goOn := true
			each := t.commas
			if s.separator(r.File) == '\t' {
				each = t.tabs
			}
			each(r, func(offset int64, fields []string, err error) bool {
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				var d *Document
				if err == nil {
					if d, err = t.document(offset, fields); err != nil {
						err = &Failure{r.File, offset, err}
					} else if d == nil { // the header
						return true
					}
				}
				goOn = yield(d, err) && (err == nil || isFailure(err))
				return goOn
			})
			if !goOn {
				return
			}
		}
	}
}

// A table is a file being read.
type table struct {
	csv    *CSV
	name   string
	header bool // is still to come
	names  []string
}

// tabs reads lines of fields between tabs.
func (t *table) tabs(r Range, yield func(int64, []string, error) bool) {
	f := lineFile{t.csv.locate(r.File), r.File, compressions[lastExtension(r.File)], t.csv.MaxBytes}
	f.each(r, func(offset int64, line []byte, err error) bool {
		if err != nil {
			return yield(offset, nil, err)
		}
		if len(line) == 0 {
			return true
		}
		if !utf8.Valid(line) {
			if line, err = asUTF8(line); err != nil {
				return yield(offset, nil, &Failure{r.File, offset, err})
			}
		}
		return yield(offset, strings.Split(string(line), "\t"), nil)
	})
}

// commas reads records with quotes.
func (t *table) commas(r Range, yield func(int64, []string, error) bool) {
	in, err := Open(t.csv.locate(r.File))
	if err != nil {
		yield(0, nil, asFailure(r.File, 0, err))
		return
	}
	defer in.Close()
	source := &bounded{r: in, limit: t.csv.MaxBytes}
	reader := csv.NewReader(source)
	reader.Comma = t.csv.separator(r.File)
	reader.FieldsPerRecord = -1
	for {
		offset := reader.InputOffset()
		source.start = offset
		fields, err := reader.Read()
		var bad *csv.ParseError
		switch {
		case err == io.EOF:
			return
		case errors.As(err, &bad):
			err = &Failure{r.File, offset, bad.Err}
		case errors.Is(err, errLongRecord):
			yield(offset, nil, &Failure{r.File, offset, err})
			return
		case err != nil:
			yield(offset, nil, asFailure(r.File, offset, err))
			return
		case offset == 0:
			fields[0] = strings.TrimPrefix(fields[0], "\ufeff")
		}
		for i := range fields {
			if err == nil && !utf8.ValidString(fields[i]) {
				var b []byte
				if b, err = asUTF8([]byte(fields[i])); err != nil {
					err = &Failure{r.File, offset, err}
				}
				fields[i] = string(b)
			}
		}
		if !yield(offset, fields, err) {
			return
		}
	}
}

var errLongRecord = errors.New("the record is longer than max_record_bytes; a quote may be left open")

// A bounded reader fails when a record grows beyond all bounds, as it does after
// a quote that no one closed.
type bounded struct {
	r           io.Reader
	read, start int64 // bytes read; where the record began
	limit       int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read-b.start > b.limit {
		return 0, errLongRecord
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	return n, err
}

// document makes a document of a record, or nil of the header.
func (t *table) document(offset int64, fields []string) (*Document, error) {
	if t.header {
		t.header, t.names = false, fields
		return nil, nil
	}
	if t.names == nil {
		for i := range fields {
			t.names = append(t.names, strconv.Itoa(i+1))
		}
	}
	if len(fields) != len(t.names) {
		return nil, fmt.Errorf("%d fields, but the table has %d columns", len(fields), len(t.names))
	}
	record := make(map[string]any, len(fields))
	for i, name := range t.names {
		record[name] = fields[i]
	}
	return t.csv.Columns.document(t.csv.Name(), t.name, offset, record, t.names)
}
