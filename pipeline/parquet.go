package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// A ParquetFile is an open Parquet file.
type ParquetFile struct {
	*parquet.File
	file *os.File
}

// Close closes the file.
func (f *ParquetFile) Close() error { return f.file.Close() }

// OpenParquet opens a Parquet file that anyone may have written. The library
// trusts what it reads; here a damaged footer costs neither memory nor a panic.
// Page indexes are not read, nor bloom filters unless an option asks for them.
//
// What is wrong with the content comes as a *RowError of the whole file, what
// hinders the reading of it as it is. Pages are checked when they are read, and
// the library panics on some damaged ones: that is for the caller to catch.
func OpenParquet(name string, options ...parquet.FileOption) (f *ParquetFile, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	defer guard(name, -1, &err)
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, Hintf(fmt.Errorf("%s is a folder, not a Parquet file", name), "name a file in it")
	}
	pf, err := openFooter(file, info.Size(), options)
	if err != nil {
		return nil, &RowError{File: name, Row: -1, Err: err}
	}
	return &ParquetFile{pf, file}, nil
}

func openFooter(r io.ReaderAt, size int64, options []parquet.FileOption) (*parquet.File, error) {
	// A file is "PAR1", row groups, footer, footer's length in 4 bytes, "PAR1".
	const least = 4 + 8
	var tail [8]byte
	if size < least {
		return nil, notParquet(io.ErrUnexpectedEOF)
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	if string(tail[4:]) != "PAR1" {
		return nil, notParquet(fmt.Errorf("it ends in %q, where PAR1 should stand", tail[4:]))
	}
	// The library makes room for whatever length stands here, up to 4 GiB.
	if n := int64(binary.LittleEndian.Uint32(tail[:])); n > size-least {
		return nil, notParquet(fmt.Errorf("a footer of %d bytes in a file of %d", n, size))
	}
	options = append([]parquet.FileOption{parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true)}, options...)
	pf, err := parquet.OpenFile(r, size, options...)
	if err != nil {
		return nil, notParquet(err)
	}
	for _, g := range pf.Metadata().RowGroups {
		for _, c := range g.Columns {
			// On a damaged page the library doubles its buffer until memory ends.
			if c.MetaData.Codec == format.Lz4Raw {
				return nil, Hintf(errors.New("compressed with LZ4, which cannot be read safely"),
					"write the file again with zstd, snappy or gzip")
			}
		}
	}
	return pf, nil
}

func notParquet(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file is empty or cut short")
	}
	return fmt.Errorf("not a whole Parquet file: %w", err)
}
