package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/zeebo/xxh3"

	"fragua/pipeline/fault"
)

// A raw file is hashed for the stage's key before the stage runs, and read while
// it runs. Each block of it has a checksum of its own, so that every byte that a
// task reads, in whatever order, is held against the key.
const rawBlock = 256 << 10

// A RawReader reads a raw file. It remembers its first error, which is not the
// content's fault.
type RawReader struct {
	file   Reader
	size   int64
	at     int64 // of Read
	sums   []byte
	known  *Sums
	blocks []cachedBlock // the last ones read, the latest at the end
	keep   int           // how many of them
	err    error

	progress func(n int64)
}

// progressKey is where a context holds who hears how many bytes were read.
type progressKey struct{}

// WithProgress returns a context in which told hears how many bytes are read of raw
// files, in order.
func WithProgress(ctx context.Context, told func(n int64)) context.Context {
	return context.WithValue(ctx, progressKey{}, told)
}

type cachedBlock struct {
	index int64
	data  []byte
}

// OpenRaw opens a raw file. In a stage that reads raw files, whatever is read of
// it is held against the stage's key: a file that changed meanwhile is an error
// that names it.
func OpenRaw(ctx context.Context, path string) (*RawReader, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s, err := For(path)
	if err != nil {
		return nil, err
	}
	f, err := s.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &RawReader{file: f, size: f.Info().Size, keep: 1}
	r.progress, _ = ctx.Value(progressKey{}).(func(int64))
	h, ok := ctx.Value(sumsKey{}).(*Sums)
	if !ok {
		return r, nil
	}
	was, known, err := h.lookUp(path)
	if err != nil {
		f.Close()
		return nil, err
	}
	if known {
		r.known = h
		if was.Tag != "" { // the reader stays with the version that it opened
			if was.Tag != f.Info().Tag {
				defer f.Close()
				return nil, r.changed()
			}
			return r, nil
		}
		if r.sums, err = base64.StdEncoding.DecodeString(was.Blocks); err != nil || was.Size != r.size {
			defer f.Close()
			return nil, r.changed()
		}
	}
	return r, nil
}

// Size returns the file's size in bytes.
func (r *RawReader) Size() int64 { return r.size }

// Err returns the first error of reading; nil if what was read is what the file
// held.
func (r *RawReader) Err() error { return r.err }

// Close closes the file.
func (r *RawReader) Close() error { return r.file.Close() }

// At returns where Read goes on.
func (r *RawReader) At() int64 { return r.at }

// SeekTo sets where Read goes on.
func (r *RawReader) SeekTo(at int64) { r.at = at }

func (r *RawReader) Read(b []byte) (int, error) {
	n, err := r.ReadAt(b, r.at)
	r.at += int64(n)
	if r.progress != nil {
		r.progress(int64(n))
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// ReadAt reads at an offset, as io.ReaderAt says.
func (r *RawReader) ReadAt(b []byte, at int64) (n int, err error) {
	if r.sums == nil {
		n, err = r.file.ReadAt(b, at)
		return n, r.note(err)
	}
	if at < 0 {
		return 0, errors.New("an offset below 0")
	}
	for n < len(b) {
		if at >= r.size {
			return n, io.EOF
		}
		block, err := r.block(at / rawBlock)
		if err != nil {
			return n, r.note(err)
		}
		k := copy(b[n:], block[at%rawBlock:])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}

func (r *RawReader) note(err error) error {
	if err != nil && err != io.EOF && r.err == nil {
		r.err = err
	}
	return err
}

// BackAndForth says that the file is not read from its beginning to its end.
func (r *RawReader) BackAndForth() { r.keep = 32 }

// block returns a block whose checksum is right.
func (r *RawReader) block(i int64) ([]byte, error) {
	if at := slices.IndexFunc(r.blocks, func(c cachedBlock) bool { return c.index == i }); at >= 0 {
		c := r.blocks[at]
		r.blocks = append(slices.Delete(r.blocks, at, at+1), c)
		return c.data, nil
	}
	var data []byte
	if len(r.blocks) == r.keep {
		data = r.blocks[0].data
		r.blocks = slices.Delete(r.blocks, 0, 1)
	} else {
		data = make([]byte, rawBlock)
	}
	data = data[:min(rawBlock, r.size-i*rawBlock)]
	n, err := r.file.ReadAt(data, i*rawBlock)
	if n < len(data) && err != io.EOF {
		return nil, err
	}
	if n < len(data) || int(8*i+8) > len(r.sums) || binary.LittleEndian.Uint64(r.sums[8*i:]) != xxh3.Hash(data) {
		return nil, r.changed()
	}
	r.blocks = append(r.blocks, cachedBlock{i, data[:len(data):cap(data)]})
	return data, nil
}

func (r *RawReader) changed() error {
	err := fmt.Errorf("%s: the file changed while the stage ran", r.file.Info().Name)
	err = errors.Join(fault.Hintf(err, "give the same command again: the stage reads the files as they are now"), r.known.forget(r.file.Info().Name))
	return r.note(err)
}
