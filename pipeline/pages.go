package pipeline

import (
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/fault"
)

// What a page may hold for its bytes. Writers make pages of 1 to 8 MiB, and no
// page of nulls or of one repeated value longer than a row group of a million
// rows; damage makes them gigabytes.
const (
	pageFree   = 64 << 20 // bytes that a page may unpack to, however short it is
	pageRatio  = 1100     // and beyond, for each of its bytes: gzip reaches 1,032
	valuesFree = 16 << 20 // values that a page may have
	valuesRate = 8        // and beyond, for each unpacked byte: those of one bit
)

// The library makes room for whatever sizes and counts stand in a page before it
// looks at what follows. So a group's columns are read through checkedPages,
// which look at each page first.
type checkedGroup struct {
	parquet.RowGroup
	chunks []parquet.ColumnChunk
}

func (g *checkedGroup) ColumnChunks() []parquet.ColumnChunk { return g.chunks }
func (g *checkedGroup) Rows() parquet.Rows                  { return parquet.NewRowGroupRowReader(g) }

func checkGroup(g parquet.RowGroup, meta *format.RowGroup, r io.ReaderAt, size int64) *checkedGroup {
	checked := &checkedGroup{RowGroup: g}
	for i, c := range g.ColumnChunks() {
		checked.chunks = append(checked.chunks, &checkedChunk{c.(*parquet.FileColumnChunk), &meta.Columns[i].MetaData, r, size})
	}
	return checked
}

type checkedChunk struct {
	*parquet.FileColumnChunk
	meta *format.ColumnMetaData
	file io.ReaderAt
	size int64 // of the file
}

func (c *checkedChunk) Pages() parquet.Pages {
	p := &checkedPages{Pages: c.FileColumnChunk.Pages(), chunk: c, at: c.meta.DataPageOffset}
	from := p.at
	if d := c.meta.DictionaryPageOffset; d != 0 {
		from, p.at = d, d
	}
	p.end = from + c.meta.TotalCompressedSize
	if from < 4 || c.meta.TotalCompressedSize < 0 || p.end < from || p.end > c.size {
		p.err = fmt.Errorf("it lies at bytes %d to %d of a file of %d", from, p.end, c.size)
	}
	return p
}

// checkedPages walks over the pages beside the library's reader.
type checkedPages struct {
	parquet.Pages
	chunk   *checkedChunk
	at, end int64  // of the next page, and of all
	window  []byte // in which its header lies
	err     error
}

func (p *checkedPages) ReadPage() (page parquet.Page, err error) {
	defer p.fault(&err)
	for p.err == nil && p.at < p.end {
		if kind := p.check(); kind != format.DictionaryPage {
			break
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.Pages.ReadPage()
}

// SeekToRow goes to the first data page, and passes over pages from there.
func (p *checkedPages) SeekToRow(row int64) (err error) {
	defer p.fault(&err)
	data := p.chunk.meta.DataPageOffset
	if d := p.chunk.meta.DictionaryPageOffset; d != 0 && p.err == nil {
		p.at = d
		p.check()
	}
	if p.err == nil && (data < p.end-p.chunk.meta.TotalCompressedSize || data > p.end) {
		p.err = fmt.Errorf("its data lie at byte %d, outside of it", data)
	}
	p.at = data
	for row > 0 && p.err == nil && p.at < p.end {
		p.check()
	}
	if p.err != nil {
		return p.err
	}
	return p.Pages.SeekToRow(row)
}

// fault says of an error, or of a panic of the library, where it is and what to do.
func (p *checkedPages) fault(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%v", r)
	}
	if *err != nil && *err != io.EOF {
		*err = damaged(fmt.Errorf("column %q: %w", strings.Join(p.chunk.meta.PathInSchema, "."), *err))
	}
}

func damaged(err error) error {
	return fault.Hintf(err, "the file is damaged: fetch it again, or leave it out")
}

// check looks at the page at p.at and goes on to the next.
func (p *checkedPages) check() format.PageType {
	h, err := p.header()
	if err == nil {
		err = p.checkSizes(h)
	}
	if err == nil && (h.CRC == 0 || h.Type == format.DictionaryPage) {
		err = p.checkBody(h)
	}
	if err != nil {
		p.err = fmt.Errorf("page at byte %d: %w", p.at, err)
		return h.Type
	}
	p.at += int64(h.CompressedPageSize)
	return h.Type
}

// header reads the page's header and goes on to its body.
func (p *checkedPages) header() (h format.PageHeader, err error) {
	const most = 16 << 20 // a header may hold the least and the greatest text
	for room := int64(4 << 10); ; room *= 8 {
		room = min(room, p.end-p.at)
		if int64(cap(p.window)) < room {
			p.window = make([]byte, room)
		}
		b := p.window[:room]
		if n, err := p.chunk.file.ReadAt(b, p.at); n < len(b) {
			return h, err
		}
		n, err := compactStruct(b)
		if err == io.ErrUnexpectedEOF && room < p.end-p.at && room < most {
			continue
		}
		if err != nil {
			return h, fmt.Errorf("header: %w", err)
		}
		p.at += int64(n)
		return h, thrift.Unmarshal(new(thrift.CompactProtocol), b[:n], &h)
	}
}

func (p *checkedPages) checkSizes(h format.PageHeader) error {
	packed, unpacked, values := int64(h.CompressedPageSize), int64(h.UncompressedPageSize), int64(0)
	switch {
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		values = int64(h.DataPageHeader.V.NumValues)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		d := h.DataPageHeaderV2.V
		values = int64(d.NumValues)
		levels := []int64{int64(d.RepetitionLevelsByteLength), int64(d.DefinitionLevelsByteLength)}
		if min(levels[0], levels[1]) < 0 || levels[0]+levels[1] > packed {
			return fmt.Errorf("levels of %d bytes in a page of %d", levels, packed)
		}
		if nulls, rows := int64(d.NumNulls), int64(d.NumRows); min(nulls, rows) < 0 || max(nulls, rows) > values {
			return fmt.Errorf("%d nulls and %d rows of %d values", nulls, rows, values)
		}
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		values = int64(h.DictionaryPageHeader.V.NumValues)
	default:
		return fmt.Errorf("unknown kind %d", h.Type)
	}
	switch {
	case packed < 0 || packed > p.end-p.at:
		return fmt.Errorf("it claims %d bytes, where %d are left of the column", packed, p.end-p.at)
	case unpacked < 0 || unpacked > max(pageFree, pageRatio*packed):
		return fmt.Errorf("its %d bytes claim to unpack to %d", packed, unpacked)
	case values < 0 || values > valuesFree+valuesRate*unpacked:
		return fmt.Errorf("its %d bytes claim to hold %d values", unpacked, values)
	}
	return nil
}

// checkBody looks into a page without a checksum, and into a dictionary, whose
// checksum the library passes over.
func (p *checkedPages) checkBody(h format.PageHeader) error {
	body := make([]byte, h.CompressedPageSize)
	if n, err := p.chunk.file.ReadAt(body, p.at); n < len(body) {
		return err
	}
	codec := p.chunk.meta.Codec
	var levels []byte // of a page of version 2: not packed
	if h.Type == format.DataPageV2 {
		d := h.DataPageHeaderV2.V
		n := d.RepetitionLevelsByteLength + d.DefinitionLevelsByteLength
		levels, body = body[:n], body[n:]
		if d.IsCompressed.Valid && !d.IsCompressed.V {
			codec = format.Uncompressed
		}
	}
	body, err := unpack(codec, body, int(h.UncompressedPageSize))
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	if h.Type == format.DictionaryPage {
		return nil
	}
	column := p.chunk.Node().(*parquet.Column)
	if h.Type == format.DataPageV2 {
		return checkRunsV2(column, h.DataPageHeaderV2.V, levels, body)
	}
	return checkRunsV1(column, h.DataPageHeader.V, body)
}
