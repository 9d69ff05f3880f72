package records

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

// A Quote says how a field holds the separator, line ends and quotes.
type Quote string

// Values of Quote. The zero value is by the file's extension: none for .tsv, .tab
// and .txt, double for all else.
const (
	QuoteDouble    Quote = "double"    // "a ""quoted"" field", as RFC 4180 has it
	QuoteBackslash Quote = "backslash" // "a \"quoted\" field"
	QuoteNone      Quote = "none"      // a quote is a character like any other, and a line a record
)

// Values lists what a Quote can be.
func (Quote) Values() []string {
	return []string{"", string(QuoteDouble), string(QuoteBackslash), string(QuoteNone)}
}

// CSV is tables of text: a record a line, or several lines where a quoted field
// holds line ends.
type CSV struct {
	Separator string // a character; "": tab by the file's extension, or of , ; tab | the one that the first line has most of
	Quote     Quote
	Header    bool  // the first record names the columns; without it they are called 1, 2, 3 …
	Max       int64 // bytes of a record
}

// maxFields bounds the fields of a record.
const maxFields = 1 << 16

func (c CSV) quote(name string) Quote {
	switch e := Extension(name); {
	case c.Quote != "":
		return c.Quote
	case e == ".tsv" || e == ".tab" || e == ".txt":
		return QuoteNone
	}
	return QuoteDouble
}

// Divide divides a file without quotes by bytes. Others are read whole: a quoted
// field may hold line ends, so records cannot be told from the middle.
func (c CSV) Divide(_ context.Context, f File, size int64) ([]Range, error) {
	if c.quote(f.Name) == QuoteNone {
		return divideLines(f, size)
	}
	return []Range{whole(f)}, nil
}

// Read yields the records of a range. The header is read from the file's
// beginning, wherever the range begins.
func (c CSV) Read(ctx context.Context, f File, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		t, err := c.open(ctx, f, r)
		if err != nil {
			yield(Record{}, err)
			return
		}
		if t == nil { // no records
			return
		}
		defer t.lines.in.Close()
		each(ctx, t.next, yield)
	}
}

// A table is a CSV file being read.
type table struct {
	lines     lineReader
	quote     Quote
	separator []byte
	names     []string // nil: there is no header

	// The record under way: its fields one after another, and where each ends.
	text []byte
	ends []int
	open bool // within quotes
}

// open goes to the first record of a range; it returns nil if there is none.
func (c CSV) open(ctx context.Context, f File, r Range) (*table, error) {
	in, err := Open(ctx, f.Path)
	if err != nil {
		return nil, lost(f, 0, 0, err)
	}
	t := &table{quote: c.quote(f.Name), separator: []byte(c.Separator), lines: lineReader{in: in, file: f, max: c.Max, to: -1}}
	named := false
	if c.Separator == "" {
		t.separator, named = guessSeparator(in, f.Name)
	}
	first := r
	first.From, first.To = 0, max(r.To, 1)
	err = t.lines.start(first)
	if err == nil && named {
		_, err = t.lines.next()
	}
	if err == nil && c.Header {
		t.names, err = t.header()
	}
	if err == nil && r.From > 0 {
		if begin := t.lines.offset; begin < r.To {
			r.From = max(r.From, begin)
			t.lines.offset = 0
			err = t.lines.start(r)
		} else {
			err = io.EOF
		}
	}
	if err == nil {
		return t, nil
	}
	in.Close()
	if err == io.EOF {
		return nil, nil
	}
	return nil, lost(f, 0, 1, err)
}

// sepLine is what spreadsheets write before the table to name its separator.
var sepLine = regexp.MustCompile(`^(?:\x{FEFF})?"?sep=([^"\r\n])"?\r?$`)

// guessSeparator looks at the first line. named: it says nothing but the separator.
func guessSeparator(in *Input, name string) (separator []byte, named bool) {
	head, _ := in.r.Peek(headSize) // an error is reported when the line is read
	head, _, _ = bytes.Cut(head, []byte{lineEnd(head)})
	if m := sepLine.FindSubmatch(head); m != nil {
		return bytes.Clone(m[1]), true
	}
	if e := Extension(name); e == ".tsv" || e == ".tab" || e == ".txt" {
		return []byte("\t"), false
	}
	best, most := ",", 0
	for _, s := range []string{",", ";", "\t", "|"} {
		if n := bytes.Count(head, []byte(s)); n > most {
			best, most = s, n
		}
	}
	return []byte(best), false
}

// header reads the names of the columns. Of two with the same name the second is
// called name.1.
func (t *table) header() ([]string, error) {
	fields, _, err := t.record()
	if bad := (*Failure)(nil); errors.As(err, &bad) && bad.Lost == nil {
		bad.Lost = &Lost{Rows: -1, Bytes: t.lines.file.Size} // no record can be understood
	}
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	for i, name := range fields {
		name = strings.TrimSpace(name)
		n := seen[name]
		if seen[name]++; n > 0 {
			name += "." + strconv.Itoa(n)
		}
		fields[i] = name
	}
	return fields, nil
}

func (t *table) next() (Record, error) {
	fields, line, err := t.record()
	if err != nil {
		return Record{}, err
	}
	r := Record{Offset: line.Offset, Line: line.Number, Fields: make(map[string]any, len(fields)), order: t.names}
	if t.names == nil {
		for i := range fields {
			r.order = append(r.order, strconv.Itoa(i+1))
		}
	}
	if len(fields) != len(r.order) {
		err := fmt.Errorf("%d fields, but the table has %d columns", len(fields), len(r.order))
		if t.quote == QuoteNone && slices.ContainsFunc(fields, func(s string) bool { return strings.HasPrefix(s, `"`) }) {
			err = fault.Hintf(fmt.Errorf("%w; where fields stand in quotes, set quote: double", err), "quote: double")
		}
		return r, t.lines.failure(line, err)
	}
	for i, name := range r.order {
		r.Fields[name] = fields[i]
	}
	return r, nil
}

// Faults of quoting.
var (
	errBareQuote = errors.New(`a quote within a field that is not quoted`)
	errAfter     = errors.New(`text behind the quote that ends a field`)
	errFields    = fmt.Errorf("more than %d fields", maxFields)
)

// record returns the fields of the next record that is not an empty line, and the
// line on which it begins.
func (t *table) record() (fields []string, line Line, err error) {
	for len(line.Text) == 0 {
		if line, err = t.lines.next(); err != nil {
			return nil, line, err
		}
	}
	first := line
	first.Text = nil
	t.text, t.ends, t.open = t.text[:0], t.ends[:0], false
	size := int64(0)
	for {
		err := t.parse(line.Text)
		if err != nil {
			return nil, first, t.lines.failure(first, t.remedy(err, line.Text))
		}
		if !t.open {
			break
		}
		size += int64(len(line.Text)) + 1
		t.text = append(t.text, '\n')
		switch line, err = t.lines.next(); {
		case size > t.lines.max:
			err = fmt.Errorf("the record is longer than max_record_bytes (%d)", t.lines.max)
			fallthrough
		case err == io.EOF:
			return nil, first, t.neverClosed(first, err)
		case err != nil:
			return nil, first, err
		}
	}
	all := string(t.text)
	from := 0
	for _, end := range t.ends {
		fields = append(fields, all[from:end])
		from = end
	}
	return fields, first, nil
}

// neverClosed says that a quote swallowed the rest of the file.
func (t *table) neverClosed(first Line, err error) error {
	l := &Lost{Rows: -1, Bytes: -1}
	if !t.lines.in.packed {
		l.Bytes = t.lines.file.Size - first.Offset
	}
	why := errors.New("the quote that opens in it is never closed")
	if err != io.EOF {
		why = fmt.Errorf("%w, or %w", why, err)
	}
	return &Failure{File: t.lines.file.Name, Offset: first.Offset, Line: first.Number, Lost: l, Err: t.remedy(why, nil)}
}

// remedy names the setting that reads other ways of quoting.
func (t *table) remedy(err error, line []byte) error {
	switch {
	case errors.Is(err, errFields):
		return err
	case t.quote == QuoteDouble && bytes.Contains(line, []byte(`\"`)):
		return fault.Hintf(fmt.Errorf(`%w; where quotes are written \", set quote: backslash`, err), "quote: backslash")
	}
	return fault.Hintf(fmt.Errorf("%w; where quotes are characters like any other, set quote: none", err), "quote: none")
}

// parse appends the fields of a line to the record. A quoted field may remain
// open at its end.
func (t *table) parse(line []byte) error {
	if t.quote == QuoteNone {
		for {
			field, rest, more := bytes.Cut(line, t.separator)
			t.text = append(t.text, field...)
			t.ends = append(t.ends, len(t.text))
			if !more {
				return nil
			}
			if line = rest; len(t.ends) == maxFields {
				return errFields
			}
		}
	}
	for {
		if len(t.ends) == maxFields {
			return errFields
		}
		if !t.open {
			if len(line) == 0 || line[0] != '"' {
				field, rest, more := bytes.Cut(line, t.separator)
				if bytes.IndexByte(field, '"') >= 0 {
					return errBareQuote
				}
				t.text = append(t.text, field...)
				t.ends = append(t.ends, len(t.text))
				if !more {
					return nil
				}
				line = rest
				continue
			}
			t.open, line = true, line[1:]
		}
		if line = t.quoted(line); t.open {
			return nil
		}
		t.ends = append(t.ends, len(t.text))
		if len(line) == 0 {
			return nil
		}
		rest, ok := bytes.CutPrefix(line, t.separator)
		if !ok {
			return errAfter
		}
		line = rest
	}
}

// quoted appends what stands within quotes, and returns what is behind them.
func (t *table) quoted(line []byte) []byte {
	special := `"`
	if t.quote == QuoteBackslash {
		special = `"\`
	}
	for {
		i := bytes.IndexAny(line, special)
		if i < 0 {
			t.text = append(t.text, line...)
			return nil
		}
		t.text = append(t.text, line[:i]...)
		c, rest := line[i], line[i+1:]
		switch {
		case c == '\\' && len(rest) > 0 && (rest[0] == '"' || rest[0] == '\\'), c == '"' && len(rest) > 0 && rest[0] == '"':
			t.text = append(t.text, rest[0])
			line = rest[1:]
		case c == '\\':
			t.text = append(t.text, c)
			line = rest
		default:
			t.open = false
			return rest
		}
	}
}

// CheckSeparator finds what is wrong with a separator that a person wrote.
func CheckSeparator(s string) error {
	if r, n := utf8.DecodeRuneInString(s); s != "" && (n != len(s) || slices.Contains([]rune{'"', '\n', '\r', '\\', utf8.RuneError}, r)) {
		return fmt.Errorf("separator %q must be one character, and no quote", s)
	}
	return nil
}
