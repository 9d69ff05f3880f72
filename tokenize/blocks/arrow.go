package blocks

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The Arrow library reads a file by copying it twice, so we walk to its buffers
// ourselves. A file ends in a footer, a flatbuffer that says where the record
// batches lie; each begins with a message, another flatbuffer, that says where
// its buffers lie:
//
//	"ARROW1" 0 0 | message body | message body | … | footer | footer's length | "ARROW1"
//
// Nothing of this is trusted. Field numbers are those of Schema.fbs, Message.fbs
// and File.fbs of the Arrow format, version 1.0.
const arrowMagic = "ARROW1"

// Names of the union members that occur in a file of blocks.
const (
	arrowMessageRecordBatch = 3
	arrowTypeInt            = 2
	arrowTypeList           = 12
	arrowTypeFixedSizeList  = 16
)

// An arrowBatch is where the columns of one record batch lie in the file.
type arrowBatch struct {
	rows    int
	ids     []byte // rows × (context+1) × width
	offsets []byte // (rows+1) × 4, into starts
	starts  []byte // × 4
	lengths []byte // rows × 4
}

// walkArrow finds the batches of a file of blocks: ids per row, bytes per id,
// and where the columns lie.
func walkArrow(m []byte) (perRow, width int, batches []arrowBatch, err error) {
	const tail = 4 + len(arrowMagic)
	if len(m) < 8+tail || string(m[:6]) != arrowMagic {
		return 0, 0, nil, errors.New("not an Arrow file")
	}
	if string(m[len(m)-6:]) != arrowMagic {
		return 0, 0, nil, errors.New("cut short: an Arrow file ends with ARROW1")
	}
	end := len(m) - tail
	size := int64(binary.LittleEndian.Uint32(m[end:]))
	if size > int64(end-8) {
		return 0, 0, nil, fmt.Errorf("footer of %d bytes in a file of %d", size, len(m))
	}
	f := &flat{b: m[end-int(size) : end]}
	footer := f.root()
	perRow, width, err = blockSchema(footer)
	if err != nil {
		return 0, 0, nil, err
	}
	at, n := footer.vector(3, 24)
	for i := range n {
		block := at + 24*i
		offset, meta, body := int64(f.u64(block)), int64(int32(f.u32(block+8))), int64(f.u64(block+16))
		if f.err != nil {
			return 0, 0, nil, f.err
		}
		if offset < 8 || meta < 8 || body < 0 || offset > int64(len(m)) || meta > int64(len(m))-offset || body > int64(len(m))-offset-meta {
			return 0, 0, nil, fmt.Errorf("batch %d lies outside the file: bytes %d + %d + %d of %d", i, offset, meta, body, len(m))
		}
		batch, err := blockBatch(m[offset:offset+meta], m[offset+meta:offset+meta+body], perRow, width)
		if err != nil {
			return 0, 0, nil, fmt.Errorf("batch %d: %w", i, err)
		}
		batches = append(batches, batch)
	}
	return perRow, width, batches, f.err
}

// blockSchema holds the file's schema to that of blocks.
func blockSchema(footer flatTable) (perRow, width int, err error) {
	f := footer.f
	schema := footer.table(1)
	at, n := schema.vector(1, 4)
	bigEndian := schema.u16(0) != 0
	if f.err != nil {
		return 0, 0, f.err
	}
	if bigEndian {
		return 0, 0, errors.New("written on a big-endian machine")
	}
	if n != 3 {
		return 0, 0, fmt.Errorf("%d columns, but blocks have ids, starts, length", n)
	}
	field := func(i int64) flatTable { return flatTable{f, at + 4*i + int64(f.u32(at+4*i))} }
	intType := func(t flatTable, width uint32, signed bool) bool {
		return t.u8(2) == arrowTypeInt && t.table(3).u32(0) == width && (t.table(3).u8(1) != 0) == signed
	}
	item := func(t flatTable) flatTable {
		at, n := t.vector(5, 4)
		if n != 1 {
			f.fail("a list of %d kinds of items", n)
		}
		return flatTable{f, at + int64(f.u32(at))}
	}
	ids, starts, length := field(0), field(1), field(2)
	for _, c := range []struct {
		t    flatTable
		want string
		ok   bool
	}{
		{ids, "ids", ids.u8(2) == arrowTypeFixedSizeList && (intType(item(ids), 16, false) || intType(item(ids), 32, false))},
		{starts, "starts", starts.u8(2) == arrowTypeList && intType(item(starts), 32, true)},
		{length, "length", intType(length, 32, true)},
	} {
		if f.err == nil && (c.t.text(0) != c.want || !c.ok) {
			return 0, 0, fmt.Errorf("column %q is not the column %s of blocks, or has another type", c.t.text(0), c.want)
		}
	}
	perRow, width = int(int32(ids.table(3).u32(0))), int(item(ids).table(3).u32(0))/8
	if f.err == nil && (perRow < 2 || perRow > maxContext+1) {
		return 0, 0, fmt.Errorf("rows of %d ids", perRow)
	}
	return perRow, width, f.err
}

// blockBatch finds the columns of one record batch and checks their sizes.
func blockBatch(meta, body []byte, perRow, width int) (b arrowBatch, err error) {
	if binary.LittleEndian.Uint32(meta) == 0xffffffff { // a continuation mark precedes the length
		meta = meta[4:]
	}
	meta = meta[4:]
	f := &flat{b: meta}
	message := f.root()
	if kind := message.u8(1); f.err == nil && kind != arrowMessageRecordBatch {
		return b, fmt.Errorf("message of kind %d, not a record batch", kind)
	}
	record := message.table(2)
	rows := int64(record.u64(0))
	nodes, nodeCount := record.vector(1, 16)
	buffers, bufferCount := record.vector(2, 16)
	if compressed := record.field(3) != 0; f.err == nil && compressed {
		return b, errors.New("compressed: blocks are read in place")
	}
	// Depth first: ids, its items, starts, its items, length; each has a buffer of
	// null bits, a list its offsets, and what is no list its values.
	if f.err == nil && (nodeCount != 5 || bufferCount != 9) {
		return b, fmt.Errorf("%d nodes and %d buffers, want 5 and 9", nodeCount, bufferCount)
	}
	if f.err == nil && (rows < 0 || rows > int64(len(body))) { // a row takes more than a byte
		return b, fmt.Errorf("%d rows in %d bytes", rows, len(body))
	}
	items := int64(f.u64(nodes + 3*16))
	for i, want := range []int64{rows, rows * int64(perRow), rows, items, rows} {
		n, nulls := int64(f.u64(nodes+16*int64(i))), f.u64(nodes+16*int64(i)+8)
		if f.err == nil && (n != want || nulls != 0) {
			return b, fmt.Errorf("node %d has %d values and %d nulls, want %d and 0", i, n, nulls, want)
		}
	}
	if f.err != nil {
		return b, f.err
	}
	if items < 0 || items > int64(len(body)) {
		return b, fmt.Errorf("%d starts in %d bytes", items, len(body))
	}
	buffer := func(i, want int64) []byte {
		at, n := int64(f.u64(buffers+16*i)), int64(f.u64(buffers+16*i+8))
		if f.err == nil && (at < 0 || n < want || at > int64(len(body)) || n > int64(len(body))-at) {
			f.fail("buffer %d: bytes %d + %d of %d, want %d", i, at, n, len(body), want)
		}
		if f.err != nil {
			return nil
		}
		return body[at : at+want]
	}
	b = arrowBatch{rows: int(rows)}
	if rows > 0 {
		b.ids = buffer(2, rows*int64(perRow)*int64(width))
		b.offsets = buffer(4, 4*(rows+1))
		b.starts = buffer(6, 4*items)
		b.lengths = buffer(8, 4*rows)
	}
	if f.err != nil {
		return b, f.err
	}
	return b, b.check(perRow)
}

// check reads the small columns: what Row trusts later.
func (b arrowBatch) check(perRow int) error {
	last := uint32(0)
	for i := range b.rows {
		lo, hi := binary.LittleEndian.Uint32(b.offsets[4*i:]), binary.LittleEndian.Uint32(b.offsets[4*i+4:])
		length := int32(binary.LittleEndian.Uint32(b.lengths[4*i:]))
		if lo != last && i > 0 || hi < lo || int(hi) > len(b.starts)/4 {
			return fmt.Errorf("row %d: starts %d to %d of %d", i, lo, hi, len(b.starts)/4)
		}
		if length < 0 || int(length) > perRow {
			return fmt.Errorf("row %d: length %d of %d", i, length, perRow)
		}
		before := int32(-1)
		for at := lo; at < hi; at++ {
			s := int32(binary.LittleEndian.Uint32(b.starts[4*at:]))
			if s <= before || s >= length {
				return fmt.Errorf("row %d: a document starts at %d, after %d and in %d ids", i, s, before, length)
			}
			before = s
		}
		last = hi
	}
	return nil
}

// A flat is a flatbuffer read with every offset checked. The first fault stays
// in err; what is read after it is zero.
type flat struct {
	b   []byte
	err error
}

func (f *flat) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("damaged header: "+format, args...)
	}
}

// bytes returns n bytes at an offset, or n zeros.
func (f *flat) bytes(at, n int64) []byte {
	if f.err == nil && (at < 0 || n < 0 || at > int64(len(f.b)) || n > int64(len(f.b))-at) {
		f.fail("%d bytes at %d of %d", n, at, len(f.b))
	}
	if f.err != nil {
		return make([]byte, 8)
	}
	return f.b[at : at+n]
}

func (f *flat) u16(at int64) uint16 { return binary.LittleEndian.Uint16(f.bytes(at, 2)) }
func (f *flat) u32(at int64) uint32 { return binary.LittleEndian.Uint32(f.bytes(at, 4)) }
func (f *flat) u64(at int64) uint64 { return binary.LittleEndian.Uint64(f.bytes(at, 8)) }
func (f *flat) root() flatTable     { return flatTable{f, int64(f.u32(0))} }

// A flatTable is a table of a flatbuffer. Fields are named by their number in
// the schema; one that is absent reads as zero.
type flatTable struct {
	f  *flat
	at int64
}

// field returns where a field lies, 0 if it is absent.
func (t flatTable) field(number int64) int64 {
	vtable := t.at - int64(int32(t.f.u32(t.at)))
	if 4+2*number+2 > int64(t.f.u16(vtable)) {
		return 0
	}
	offset := int64(t.f.u16(vtable + 4 + 2*number))
	if offset == 0 {
		return 0
	}
	return t.at + offset
}

func (t flatTable) u8(number int64) byte {
	if at := t.field(number); at != 0 {
		return t.f.bytes(at, 1)[0]
	}
	return 0
}

func (t flatTable) u16(number int64) uint16 {
	if at := t.field(number); at != 0 {
		return t.f.u16(at)
	}
	return 0
}

func (t flatTable) u32(number int64) uint32 {
	if at := t.field(number); at != 0 {
		return t.f.u32(at)
	}
	return 0
}

func (t flatTable) u64(number int64) uint64 {
	if at := t.field(number); at != 0 {
		return t.f.u64(at)
	}
	return 0
}

func (t flatTable) table(number int64) flatTable {
	at := t.field(number)
	if at == 0 {
		t.f.fail("table %d is missing", number)
	}
	return flatTable{t.f, at + int64(t.f.u32(at))}
}

// vector returns where the first of n elements of a size lies.
func (t flatTable) vector(number, size int64) (at, n int64) {
	at = t.field(number)
	if at == 0 {
		return 0, 0
	}
	at += int64(t.f.u32(at))
	n = int64(t.f.u32(at))
	t.f.bytes(at+4, n*size)
	if t.f.err != nil {
		return 0, 0
	}
	return at + 4, n
}

func (t flatTable) text(number int64) string {
	at, n := t.vector(number, 1)
	if n == 0 {
		return ""
	}
	return string(t.f.bytes(at, n))
}
