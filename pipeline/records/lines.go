package records

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

	"fragua/pipeline/extract"
	"fragua/pipeline/store"
)

// DefaultMaxRecord is the length of a record, in bytes, above which it fails.
const DefaultMaxRecord = 64 << 20

// A Line is one line of a file, without its end, in UTF-8.
type Line struct {
	Offset int64  // of the unpacked file
	Number int64  // counted from 1; 0: not known
	Text   []byte // valid until the next line
}

var errLongLine = errors.New("the line is longer than max_record_bytes")

// divideLines divides a file of lines by bytes. A line belongs to the range in
// which it begins. Compressed files and those in UTF-16 or -32 are not divided.
func divideLines(f File, size int64) ([]Range, error) {
	if f.Size <= size || Compressed(f.Name) {
		return []Range{whole(f)}, nil
	}
	if wide, err := isWide(f.Path); wide || err != nil {
		return []Range{whole(f)}, err
	}
	var ranges []Range
	for from := int64(0); from < f.Size; from += size {
		to := min(from+size, f.Size)
		ranges = append(ranges, Range{From: from, To: to, Size: to - from})
	}
	return ranges, nil
}

// isWide reports whether a file begins with the mark of UTF-16 or UTF-32.
func isWide(name string) (bool, error) {
	f, err := store.OpenRaw(context.Background(), name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var mark [4]byte
	n, err := io.ReadFull(f, mark[:])
	if err != nil && err != io.ErrUnexpectedEOF {
		return false, nil // too short for a mark; whoever reads it tells of an error
	}
	return n >= 2 && (mark[0] == 0xff && mark[1] == 0xfe || mark[0] == 0xfe && mark[1] == 0xff) || mark == [4]byte{0, 0, 0xfe, 0xff}, nil
}

// Lines yields the lines of a range of at most max bytes each; a longer one is a
// *Failure. A line that is not UTF-8 is decoded from the encoding that the file's
// beginning is in, or that its own bytes suggest.
func Lines(ctx context.Context, f File, r Range, max int64) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		in, err := Open(ctx, f.Path)
		if err != nil {
			yield(Line{}, lost(f, 0, 0, err))
			return
		}
		defer in.Close()
		lines := lineReader{in: in, file: f, max: max, to: -1}
		if err := lines.start(r); err != nil {
			yield(Line{}, lost(f, lines.offset, 0, err))
			return
		}
		each(ctx, lines.next, yield)
	}
}

// each yields what next returns until the file ends, cannot be read on, or ctx is done.
// A record that cannot be read does not end it.
func each[T any](ctx context.Context, next func() (T, error), yield func(T, error) bool) {
	for {
		if ctx.Err() != nil {
			var none T
			yield(none, context.Cause(ctx))
			return
		}
		record, err := next()
		if err == io.EOF {
			return
		}
		var bad *Failure
		if !yield(record, err) || err != nil && (!errors.As(err, &bad) || bad.Lost != nil) {
			return
		}
	}
}

// A lineReader reads lines and knows where it is.
type lineReader struct {
	in     *Input
	file   File
	max    int64
	to     int64 // offset at which no further line begins; -1: the end
	offset int64 // of the next line
	number int64 // of the last line; -1: not known
	end    byte  // of a line: "\n", or "\r" as old Macs wrote it
	buf    []byte
	utf8   decoder
}

// start goes to the first line of a range.
func (l *lineReader) start(r Range) error {
	l.utf8.take(l.in.r)
	l.end = lineEnd(l.utf8.head)
	if l.in.packed {
		return nil
	}
	l.to = r.To
	if r.From == 0 {
		return nil
	}
	l.number = -1
	// One byte earlier, to see whether a line begins right at From.
	l.offset = r.From - 1
	l.in.seek(l.offset)
	n, err := skipLine(l.in.r, l.end)
	l.offset += n
	if err == io.EOF {
		return nil // the next line tells
	}
	return l.in.cause(err)
}

// next returns the next line; io.EOF after the last.
func (l *lineReader) next() (line Line, err error) {
	if l.to >= 0 && l.offset >= l.to {
		return line, io.EOF
	}
	text, n, err := readLine(l.in.r, l.buf[:0], l.end, l.max)
	l.buf = text[:0]
	if n == 0 && err == io.EOF {
		return line, io.EOF
	}
	line = Line{Offset: l.offset, Text: text}
	if l.number >= 0 {
		l.number++
		line.Number = l.number
	}
	l.offset += n
	switch {
	case errors.Is(err, errLongLine):
		return line, l.failure(line, fmt.Errorf("%w: %d bytes", errLongLine, n))
	case err != nil && err != io.EOF:
		return line, lost(l.file, line.Offset, line.Number, l.in.cause(err))
	}
	if line.Offset == 0 {
		line.Text = bytes.TrimPrefix(line.Text, []byte("\xef\xbb\xbf"))
	}
	if line.Text, err = l.utf8.decode(line.Text); err != nil {
		return line, l.failure(line, err)
	}
	return line, nil
}

func (l *lineReader) failure(line Line, err error) error {
	return &Failure{File: l.file.Name, Offset: line.Offset, Line: line.Number, Err: err}
}

// lineEnd returns what ends the lines of a file that begins with head.
func lineEnd(head []byte) byte {
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		return '\r'
	}
	return '\n'
}

// readLine appends a line to dst, without its end, and returns how many
// bytes it took. Of one longer than max nothing is kept: errLongLine.
func readLine(r *bufio.Reader, dst []byte, end byte, max int64) ([]byte, int64, error) {
	var n int64
	for {
		b, err := r.ReadSlice(end)
		n += int64(len(b))
		if n <= max {
			dst = append(dst, b...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if n > max && (err == nil || err == io.EOF) {
			return nil, n, errLongLine
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(dst, []byte("\n")), []byte("\r")), n, err
	}
}

func skipLine(r *bufio.Reader, end byte) (n int64, err error) {
	for {
		b, err := r.ReadSlice(end)
		n += int64(len(b))
		if err != bufio.ErrBufferFull {
			return n, err
		}
	}
}

// headSize is how much of a file's beginning tells its encoding.
const headSize = 64 << 10

// A decoder turns records into UTF-8. Which encoding those are in that are not
// UTF-8 depends on the file's beginning and on the record alone.
type decoder struct {
	head    []byte
	taken   bool
	sniffed bool
	name    string // of the encoding of the head; "": UTF-8 or unknown
}

// take looks at the beginning of a file. An error is left for whoever reads on.
func (d *decoder) take(r *bufio.Reader) {
	if d.taken {
		return
	}
	d.taken = true
	head, _ := r.Peek(headSize)
	for len(head) == headSize && !utf8.RuneStart(head[len(head)-1]) {
		head = head[:len(head)-1] // not in the middle of a character
	}
	if len(head) == headSize && head[headSize-1] >= utf8.RuneSelf {
		head = head[:headSize-1]
	}
	d.head = bytes.Clone(head)
}

// errNotText is wrapped by failures of records in an unknown encoding.
var errNotText = errors.New("neither UTF-8 nor another encoding that we know")

func (d *decoder) decode(b []byte) ([]byte, error) {
	if utf8.Valid(b) {
		return b, nil
	}
	if !d.sniffed {
		d.sniffed = true
		if _, name, err := extract.Decode(d.head, ""); err == nil && name != "utf-8" {
			d.name = name
		}
		d.head = nil
	}
	text, _, err := extract.Decode(b, d.name)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errNotText, err)
	}
	return []byte(text), nil
}
