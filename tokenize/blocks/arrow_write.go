package blocks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/zeebo/xxh3"

	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// batchBytes is how many bytes of ids one record batch holds, about.
const batchBytes = 4 << 20

// A block is one row: `context+1` ids of which the first length are text.
type block struct {
	ids    []int32 // length of them; the rest of the row is padding
	starts []int32
}

// idWidth returns how many bytes an id takes in a file for a vocabulary.
func idWidth(vocab int) int {
	if vocab <= 1<<16 {
		return 2
	}
	return 4
}

// writeBlocks writes an Arrow file of the rows that each gives one by one, and
// which appears whole or not at all. pad fills what a row leaves empty.
func writeBlocks(name string, perRow, width int, pad int32, each func(write func(block) error) error) (shard.File, error) {
	written := shard.File{Name: name}
	err := store.WriteFile(name, func(w io.Writer) error {
		out := &counted{w: w, hash: xxh3.New()}
		b, err := newBlockWriter(out, perRow, width, pad)
		if err != nil {
			return err
		}
		if err := each(b.write); err != nil {
			return err
		}
		if err := b.close(); err != nil {
			return err
		}
		written.Rows, written.Bytes, written.XXH3 = b.rows, out.n, fmt.Sprintf("%016x", out.hash.Sum64())
		return nil
	})
	return written, err
}

// blockWriter fills record batches and writes them.
type blockWriter struct {
	w       *ipc.FileWriter
	schema  *arrow.Schema
	perRow  int
	width   int
	pad     int32
	perPart int // rows of a record batch
	rows    int64

	n                             int // rows of the open batch
	ids, offsets, starts, lengths []byte
}

func newBlockWriter(w io.WriteSeeker, perRow, width int, pad int32) (*blockWriter, error) {
	item := arrow.DataType(arrow.PrimitiveTypes.Uint16)
	if width == 4 {
		item = arrow.PrimitiveTypes.Uint32
	}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ids", Type: arrow.FixedSizeListOfNonNullable(int32(perRow), item)},
		{Name: "starts", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Int32)},
		{Name: "length", Type: arrow.PrimitiveTypes.Int32},
	}, nil)
	fw, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return nil, err
	}
	return &blockWriter{w: fw, schema: schema, perRow: perRow, width: width, pad: pad, perPart: max(1, batchBytes/(perRow*width))}, nil
}

func (w *blockWriter) write(b block) error {
	if w.n == 0 {
		w.ids, w.starts, w.lengths = w.ids[:0], w.starts[:0], w.lengths[:0]
		w.offsets = binary.LittleEndian.AppendUint32(w.offsets[:0], 0)
	}
	for i := range w.perRow {
		id := w.pad
		if i < len(b.ids) {
			id = b.ids[i]
		}
		if w.width == 2 {
			w.ids = binary.LittleEndian.AppendUint16(w.ids, uint16(id))
		} else {
			w.ids = binary.LittleEndian.AppendUint32(w.ids, uint32(id))
		}
	}
	for _, s := range b.starts {
		w.starts = binary.LittleEndian.AppendUint32(w.starts, uint32(s))
	}
	w.offsets = binary.LittleEndian.AppendUint32(w.offsets, uint32(len(w.starts)/4))
	w.lengths = binary.LittleEndian.AppendUint32(w.lengths, uint32(len(b.ids)))
	w.rows++
	if w.n++; w.n == w.perPart {
		return w.flush()
	}
	return nil
}

// flush writes the open batch.
func (w *blockWriter) flush() error {
	buffer := func(b []byte) *memory.Buffer { return memory.NewBufferBytes(b) }
	data := func(t arrow.DataType, n int, values []byte) arrow.ArrayData {
		return array.NewData(t, n, []*memory.Buffer{nil, buffer(values)}, nil, 0, 0)
	}
	idsType := w.schema.Field(0).Type.(*arrow.FixedSizeListType)
	startsType := w.schema.Field(1).Type.(*arrow.ListType)
	ids := array.NewData(idsType, w.n, []*memory.Buffer{nil},
		[]arrow.ArrayData{data(idsType.Elem(), w.n*w.perRow, w.ids)}, 0, 0)
	starts := array.NewData(startsType, w.n, []*memory.Buffer{nil, buffer(w.offsets)},
		[]arrow.ArrayData{data(startsType.Elem(), len(w.starts)/4, w.starts)}, 0, 0)
	record := array.NewRecord(w.schema, []arrow.Array{
		array.NewFixedSizeListData(ids), array.NewListData(starts),
		array.NewInt32Data(data(arrow.PrimitiveTypes.Int32, w.n, w.lengths)),
	}, int64(w.n))
	defer record.Release()
	w.n = 0
	return w.w.Write(record)
}

func (w *blockWriter) close() error {
	if w.n > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return w.w.Close()
}

// counted knows where it is and what passed: all that the Arrow writer asks of
// a file that it could seek in.
type counted struct {
	w    io.Writer
	n    int64
	hash *xxh3.Hasher
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.hash.Write(p[:n])
	return n, err
}

func (c *counted) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("blocks are written front to back")
	}
	return c.n, nil
}
