package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/fault"
)

// A footer is what a Parquet file says of itself at its end.
type footer struct {
	meta  *format.FileMetaData
	nulls []bool // of each column chunk, group by group: whether its nulls were counted
	file  io.ReaderAt
	size  int64 // of the file
	at    int64 // where the footer begins
}

// readFooter reads a footer that anyone may have written.
func readFooter(r io.ReaderAt, size int64) (*footer, error) {
	// A file is "PAR1", row groups, footer, footer's length in 4 bytes, "PAR1".
	const least = 4 + 8
	var tail [8]byte
	if size < least {
		return nil, notParquet(io.ErrUnexpectedEOF)
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	if string(tail[4:]) == "PARE" {
		return nil, errEncrypted
	}
	if string(tail[4:]) != "PAR1" {
		return nil, notParquet(fmt.Errorf("it ends in %q, where PAR1 should stand", tail[4:]))
	}
	// The library makes room for whatever length stands here, up to 4 GiB.
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-least {
		return nil, notParquet(fmt.Errorf("a footer of %d bytes in a file of %d", n, size))
	}
	// And for lists of whatever length stands in it.
	b := make([]byte, n)
	if _, err := r.ReadAt(b, size-8-n); err != nil {
		return nil, err
	}
	f := &footer{meta: new(format.FileMetaData), file: r, size: size, at: size - 8 - n}
	b, err := f.walk(b)
	if err != nil {
		return nil, notParquet(fmt.Errorf("the footer: %w", err))
	}
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), b, f.meta); err != nil {
		return nil, notParquet(fmt.Errorf("the footer: %w", err))
	}
	if f.meta.EncryptionAlgorithm.Value != nil {
		return nil, errEncrypted
	}
	return f, nil
}

var errEncrypted = fault.Hintf(errors.New("the file is encrypted"), "write it again without encryption")

// walk looks at the fields of a footer before they are decoded. It returns the
// footer without what follows it (a signature), and with an empty value where a
// key of the metadata has none: the library does not take that for optional.
func (f *footer) walk(b []byte) ([]byte, error) {
	const nullCount, value = 3, 2
	w := compactWalk{b: b}
	var bare []int // where the value of a key is missing
	counted := false
	w.done = func(path []int16, seen uint64, last int16) {
		switch {
		case slices.Equal(path, []int16{5}), slices.Equal(path, []int16{4, 1, 3, 8}):
			if seen&(1<<value) == 0 && last == 1 {
				bare = append(bare, w.at-1)
			}
		case slices.Equal(path, []int16{4, 1, 3, 12}):
			counted = seen&(1<<nullCount) != 0
		case slices.Equal(path, []int16{4, 1}):
			f.nulls = append(f.nulls, counted)
			counted = false
		}
	}
	if err := w.value(thrift.STRUCT, 0); err != nil {
		return nil, err
	}
	b = b[:w.at]
	for _, at := range slices.Backward(bare) {
		b = slices.Insert(b, at, 0x18, 0x00) // the next field, a string of no bytes
	}
	return b, nil
}

// open hands the file to the library, with a footer that says of every column
// that it is not compressed and begins at byte 4: its pages are read through
// plainPages.
func (f *footer) open(options []parquet.FileOption) (*parquet.File, error) {
	plain := *f.meta
	plain.RowGroups = slices.Clone(plain.RowGroups)
	for i := range plain.RowGroups {
		g := &plain.RowGroups[i]
		g.Columns = slices.Clone(g.Columns)
		for k := range g.Columns {
			c := &g.Columns[k]
			c.ColumnIndexOffset, c.OffsetIndexOffset = 0, 0
			c.MetaData.Codec = format.Uncompressed
			c.MetaData.DictionaryPageOffset, c.MetaData.DataPageOffset = 0, viewStart
			c.MetaData.TotalCompressedSize = viewSize
		}
	}
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &plain)
	if err != nil {
		return nil, notParquet(err)
	}
	size := f.at + int64(len(b)) + 8
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)))
	b = append(b, "PAR1"...)
	options = append([]parquet.FileOption{parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true)}, options...)
	pf, err := parquet.OpenFile(&refooted{f.file, f.at, b}, size, options...)
	if err != nil {
		return nil, notParquet(err)
	}
	return pf, nil
}

// refooted is a file whose end is another.
type refooted struct {
	io.ReaderAt
	at  int64
	end []byte
}

func (r *refooted) ReadAt(b []byte, at int64) (n int, err error) {
	if at < r.at {
		before := b[:min(int64(len(b)), r.at-at)]
		if n, err = r.ReaderAt.ReadAt(before, at); n < len(before) || n == len(b) {
			return n, err
		}
		at = r.at
	}
	from := min(at-r.at, int64(len(r.end)))
	copied := copy(b[n:], r.end[from:])
	if n += copied; n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// beforeFix reports whether a file's writer forgot the header of a dictionary in
// the size of a column (PARQUET-816).
func (f *footer) beforeFix() bool {
	by := f.meta.CreatedBy
	if by == "parquet-mr" {
		return true
	}
	version, ok := strings.CutPrefix(by, "parquet-mr version 1.")
	return ok && len(version) > 2 && (version[0] < '2' && version[1] == '.' || version[:2] == "2." && version[2] < '9' && (len(version) == 3 || version[3] < '0' || version[3] > '9'))
}
