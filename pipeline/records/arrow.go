package records

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Arrow is the rows of Arrow IPC files and streams (Feather V2, datasets of Hugging Face).
// Both are read from front to back, batch by batch, so that compressed and remote files
// need no more memory than a batch.
type Arrow struct{}

// arrowMagic begins the file format; padding fills it up to eight bytes. A stream follows.
const arrowMagic = "ARROW1"

// maxArrowBuffer bounds what a column of a batch may unpack to.
const maxArrowBuffer = 1 << 31

// Divide leaves a file whole.
func (Arrow) Divide(_ context.Context, f File, _ int64) ([]Range, error) {
	return []Range{{To: max(f.Size, 1), Size: f.Size}}, nil
}

// Read yields the rows of a file. Damage ends it: the rows behind it are lost.
func (Arrow) Read(ctx context.Context, f File, _ Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		row := int64(0)
		in, err := Open(ctx, f.Path)
		if err != nil {
			yield(Record{}, lost(f, 0, 0, err))
			return
		}
		defer in.Close()
		r := &arrowReader{in: in}
		defer r.release()
		for {
			batch, err := r.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Record{Offset: row}, lost(f, row, 0, err))
				return
			}
			for i := range int(batch.NumRows()) {
				if ctx.Err() != nil {
					yield(Record{}, context.Cause(ctx))
					return
				}
				record := Record{Offset: row}
				if record.Fields, record.order, err = arrowRow(batch, i); err != nil {
					yield(Record{Offset: row}, lost(f, row, 0, err))
					return
				}
				if _, bad := asUTF8(record.Fields); bad != nil {
					err = &Failure{File: f.Name, Offset: row, Err: bad}
				}
				if !yield(record, err) {
					return
				}
				row++
			}
		}
	}
}

type arrowReader struct {
	in   *Input
	r    *ipc.Reader
	file bool // the file format: behind the batches comes a footer
}

// next returns the next batch, which is good until the one after it; io.EOF at the end. The
// library panics where lengths lie.
func (a *arrowReader) next() (batch arrow.Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Damaged{fmt.Errorf("%v", p)}
		}
	}()
	if a.r == nil {
		if magic, err := a.in.r.Peek(8); err == nil && string(magic[:len(arrowMagic)]) == arrowMagic {
			a.in.r.Discard(8)
			a.file = true
		}
		if a.r, err = ipc.NewReader(a.in, ipc.WithAllocator(boundedAllocator{memory.NewGoAllocator()})); err != nil {
			return nil, a.cause(err)
		}
	}
	if a.file && !a.moreMessages() {
		return nil, a.checkEnd()
	}
	if !a.r.Next() {
		if err := a.r.Err(); err != nil && err != io.EOF {
			return nil, a.cause(err)
		}
		if a.file {
			return nil, a.checkEnd()
		}
		return nil, io.EOF
	}
	return a.r.Record(), nil
}

// moreMessages reports whether a message follows: some writers leave out the mark at the
// end of the messages.
func (a *arrowReader) moreMessages() bool {
	mark, err := a.in.r.Peek(4)
	return err == nil && string(mark) == "\xff\xff\xff\xff"
}

// checkEnd returns io.EOF if a file ends as it must: one that was cut between two batches
// does not.
func (a *arrowReader) checkEnd() error {
	last := make([]byte, len(arrowMagic))
	for {
		b := make([]byte, 4096)
		n, err := a.in.Read(b)
		last = append(last, b[:n]...)
		last = last[len(last)-len(arrowMagic):]
		if err == io.EOF {
			break
		}
		if err != nil {
			return a.cause(err)
		}
	}
	if string(last) != arrowMagic {
		return &Damaged{errCutFile}
	}
	return io.EOF
}

// cause tells an error of the file's store from damage.
func (a *arrowReader) cause(err error) error {
	if e := a.in.file.Err(); e != nil {
		return e
	}
	if errors.As(err, new(*Damaged)) {
		return err
	}
	return &Damaged{noEOF(err)}
}

func (a *arrowReader) release() {
	if a.r != nil {
		a.r.Release()
	}
}

// boundedAllocator refuses what no honest batch asks for.
type boundedAllocator struct{ memory.Allocator }

func (b boundedAllocator) Allocate(size int) []byte {
	if size < 0 || size > maxArrowBuffer {
		panic(fmt.Sprintf("a buffer of %d bytes", size))
	}
	return b.Allocator.Allocate(size)
}

func (b boundedAllocator) Reallocate(size int, old []byte) []byte {
	if size < 0 || size > maxArrowBuffer {
		panic(fmt.Sprintf("a buffer of %d bytes", size))
	}
	return b.Allocator.Reallocate(size, old)
}
