package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// A lineFile is a file of records that end with a line: a Range of it can be
// read without the rest. A line belongs to the Range in which it begins.
type lineFile struct {
	path, name string
	compressed bool
	max        int64 // bytes of a line
}

// splitLines divides files into Parts of about size bytes. Compressed ones are
// not divided.
func splitLines(files []File, size int64) []Part {
	var ranges []Range
	for _, f := range files {
		if f.Size == 0 || compressions[lastExtension(f.Name)] {
			ranges = append(ranges, Range{File: f.Name, To: f.Size, Size: f.Size})
			continue
		}
		for from := int64(0); from < f.Size; from += size {
			to := min(from+size, f.Size)
			ranges = append(ranges, Range{File: f.Name, From: from, To: to, Size: to - from})
		}
	}
	return pack(ranges, size)
}

var errLongLine = errors.New("the line is longer than max_record_bytes")

// each calls yield with the offset of each line in a range, and the line without
// its end. An error is either a *Failure, after which it goes on if it can, or
// the end. The line is valid until yield returns.
func (f lineFile) each(r Range, yield func(offset int64, line []byte, err error) bool) {
	in, err := Open(f.path)
	if err == nil {
		defer in.Close()
	}
	offset, to := int64(0), int64(-1)
	if err == nil && !f.compressed {
		if to = r.To; r.From > 0 {
			// One byte earlier, to see whether a line begins right at From.
			offset = r.From - 1
			_, err = in.(*os.File).Seek(offset, io.SeekStart)
		}
	}
	if err != nil {
		yield(0, nil, asFailure(f.name, offset, err))
		return
	}
	buf := bufio.NewReaderSize(in, 1<<18)
	if to >= 0 && r.From > 0 {
		n, err := skipLine(buf)
		offset += n
		if err == io.EOF {
			return
		}
	}
	var line []byte
	for to < 0 || offset < to {
		var n int64
		line, n, err = readLine(buf, line[:0], f.max)
		if n == 0 && err != nil {
			if err != io.EOF {
				yield(offset, nil, asFailure(f.name, offset, err))
			}
			return
		}
		if offset == 0 {
			if bytes.HasPrefix(line, []byte("\xff\xfe")) || bytes.HasPrefix(line, []byte("\xfe\xff")) {
				yield(0, nil, &Failure{f.name, 0, fmt.Errorf("UTF-16, of which only whole files can be read; convert it to UTF-8")})
				return
			}
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		at := offset
		offset += n
		var failure error
		if errors.Is(err, errLongLine) {
			failure = &Failure{f.name, at, fmt.Errorf("%w: %d bytes", errLongLine, n)}
		} else if err != nil && err != io.EOF {
			yield(at, nil, asFailure(f.name, at, err))
			return
		}
		if !yield(at, line, failure) {
			return
		}
	}
}

// asFailure makes a *Failure of damage, and leaves other errors.
func asFailure(name string, offset int64, err error) error {
	var c *corrupt
	if errors.As(err, &c) {
		return &Failure{name, offset, err}
	}
	return err
}

// readLine appends a line to dst, without "\n" or "\r\n", and returns how many
// bytes it took. What goes beyond max is passed over with errLongLine.
func readLine(r *bufio.Reader, dst []byte, max int64) ([]byte, int64, error) {
	var n int64
	for {
		b, err := r.ReadSlice('\n')
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

func skipLine(r *bufio.Reader) (n int64, err error) {
	for {
		b, err := r.ReadSlice('\n')
		n += int64(len(b))
		if err != bufio.ErrBufferFull {
			return n, err
		}
	}
}
