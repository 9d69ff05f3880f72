package shard

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
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
// looks at what follows. So it never sees a column as it lies in the file: it
// reads the pages through plainPages, which checks and unpacks each one.
type checkedGroup struct {
	parquet.RowGroup
	chunks []parquet.ColumnChunk
}

func (g *checkedGroup) ColumnChunks() []parquet.ColumnChunk { return g.chunks }
func (g *checkedGroup) Rows() parquet.Rows                  { return parquet.NewRowGroupRowReader(g) }

func checkGroup(g parquet.RowGroup, meta *format.RowGroup, f *footer) *checkedGroup {
	checked := &checkedGroup{RowGroup: g}
	for i, c := range g.ColumnChunks() {
		checked.chunks = append(checked.chunks, &checkedChunk{c.(*parquet.FileColumnChunk), &meta.Columns[i].MetaData, f, meta.NumRows, func() []format.PageLocation { return f.offsets(meta, i) }})
	}
	return checked
}

type checkedChunk struct {
	*parquet.FileColumnChunk
	meta   *format.ColumnMetaData
	footer *footer
	rows   int64                        // of the group
	index  func() []format.PageLocation // reads the offset index
}

func (c *checkedChunk) Pages() parquet.Pages { return c.pagesFrom(0, false) }

// pagesFrom leaves out the pages before that of a row, as far as they can be told
// without unpacking: flat says that each value is a row.
func (c *checkedChunk) pagesFrom(row int64, flat bool) *checkedPages {
	p := &plainPages{chunk: c, at: c.meta.DataPageOffset, row: row, skip: row, found: row == 0, flat: flat}
	if d := c.meta.DictionaryPageOffset; d != 0 && (d < p.at || p.at == 0) {
		p.at = d
	}
	p.start, p.end = p.at, p.at+c.meta.TotalCompressedSize
	if c.footer.beforeFix() {
		p.end, p.padded = min(p.end+100, c.footer.at), true
	}
	if row > 0 && !p.padded {
		p.index = c.index()
	}
	if data := c.meta.DataPageOffset; data != 0 && (data < p.at || data > p.end) {
		p.err = fmt.Errorf("its data lie at byte %d, outside of it", data)
	}
	if p.at < 4 || c.meta.TotalCompressedSize < 0 || p.end < p.at || p.end > c.footer.size {
		p.err = fmt.Errorf("it lies at bytes %d to %d of a file of %d", p.at, p.end, c.footer.size)
	}
	return &checkedPages{c.PagesFrom(p), p}
}

// checkedPages tells of an error, or of a panic of the library, where it is.
type checkedPages struct {
	parquet.Pages
	plain *plainPages
}

func (p *checkedPages) ReadPage() (page parquet.Page, err error) {
	defer p.fault(&err)
	return p.Pages.ReadPage()
}

// SeekToRow goes to the first page, and passes over rows from there.
func (p *checkedPages) SeekToRow(row int64) (err error) {
	defer p.fault(&err)
	return p.Pages.SeekToRow(row)
}

func (p *checkedPages) fault(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%v", r)
	}
	if *err != nil && p.plain.err != nil {
		*err = p.plain.err
	}
	if *err != nil && *err != io.EOF {
		*err = damaged(fmt.Errorf("column %q: %w", strings.Join(p.plain.chunk.meta.PathInSchema, "."), *err))
	}
}

// Refused is what keeps a file from being read that may well be good.
type Refused struct {
	Err    error
	remedy string
}

func (r *Refused) Error() string { return r.Err.Error() }
func (r *Refused) Unwrap() error { return r.Err }

func damaged(err error) error {
	if refused := (*Refused)(nil); errors.As(err, &refused) {
		return fault.Hintf(err, "%s", refused.remedy)
	}
	return fault.Hintf(err, "the file is damaged: fetch it again, or leave it out")
}

// Where the library finds a column: plainPages begins there, and ends long before
// it has this many bytes.
const (
	viewStart = 4
	viewSize  = 1 << 50
)

// plainPages is a column as the library sees it: its pages one after another,
// each checked, unpacked, and without its checksum.
type plainPages struct {
	chunk      *checkedChunk
	start, end int64  // in the file: the first page, and the end of the last
	at         int64  // in the file: the next page
	padded     bool   // end may lie behind the last page
	values     int64  // of the pages so far
	window     []byte // in which a header lies
	page       []byte // the page under way
	from       int64  // where it stands in the view
	err        error

	row   int64 // of the group: what lies before it is not needed
	flat  bool  // each value is a row
	index []format.PageLocation
	skip  int64 // rows between the next page and row
	found bool  // the page in which row lies has been reached
}

// ReadAt reads from the view. The library reads on from where it stopped, or from
// the beginning again.
func (p *plainPages) ReadAt(b []byte, at int64) (n int, err error) {
	if at -= viewStart; at < p.from {
		p.at, p.from, p.page, p.values = p.start, 0, nil, 0
		p.skip, p.found = p.row, p.row == 0
	}
	for n < len(b) {
		for at >= p.from+int64(len(p.page)) {
			if err := p.next(); err != nil {
				return n, err
			}
		}
		k := copy(b[n:], p.page[at-p.from:])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}

// next goes on to the next page; io.EOF after the last.
func (p *plainPages) next() error {
	if p.err != nil {
		return p.err
	}
	var h format.PageHeader
	var at int64
	var err error
	for passed := true; passed && err == nil; {
		if p.at >= p.end || p.padded && p.values >= p.chunk.meta.NumValues {
			return io.EOF
		}
		want := p.jump()
		at = p.at
		if h, err = p.header(); err == nil {
			err = p.checkSizes(h)
		}
		if n, known := p.rowsOf(h); err == nil && want >= 0 && known && n != want {
			err = fmt.Errorf("it has %d rows, and the offset index says %d", n, want)
		}
		if passed = err == nil && p.passes(h); passed {
			p.at += int64(h.CompressedPageSize)
		}
	}
	var body []byte
	if err == nil {
		body, err = p.body(&h)
	}
	if err == nil {
		p.from += int64(len(p.page))
		p.page, err = thrift.Marshal(new(thrift.CompactProtocol), &h)
		p.page = append(p.page, body...)
	}
	if err != nil {
		p.err = fmt.Errorf("page at byte %d: %w", at, err)
	}
	return p.err
}

// jump goes from the first page with data to that of the row which is wanted, where the
// offset index knows it, and returns how many rows it has; else -1.
func (p *plainPages) jump() (rows int64) {
	if p.found || len(p.index) == 0 || p.at != p.index[0].Offset {
		return -1
	}
	i := sort.Search(len(p.index), func(i int) bool { return p.index[i].FirstRowIndex > p.row }) - 1
	end := p.chunk.rows
	if i+1 < len(p.index) {
		end = p.index[i+1].FirstRowIndex
	}
	p.at, p.skip, p.found = p.index[i].Offset, p.row-p.index[i].FirstRowIndex, true
	return end - p.index[i].FirstRowIndex
}

// rowsOf is how many rows lie in a page with data, if its header tells.
func (p *plainPages) rowsOf(h format.PageHeader) (rows int64, known bool) {
	switch {
	case h.Type == format.DataPageV2:
		return int64(h.DataPageHeaderV2.V.NumRows), true
	case h.Type == format.DataPage:
		return int64(h.DataPageHeader.V.NumValues), p.flat
	}
	return 0, false
}

// passes says whether a page lies wholly before the row that is wanted.
func (p *plainPages) passes(h format.PageHeader) bool {
	if p.found || h.Type == format.DictionaryPage {
		return false
	}
	rows, known := p.rowsOf(h)
	if !known || rows > p.skip {
		p.found = true
		return false
	}
	p.skip -= rows
	if h.Type == format.DataPage {
		p.values += int64(h.DataPageHeader.V.NumValues)
	} else {
		p.values += int64(h.DataPageHeaderV2.V.NumValues)
	}
	return true
}

// header reads the page's header and goes on to its body.
func (p *plainPages) header() (h format.PageHeader, err error) {
	const most = 16 << 20 // a header may hold the least and the greatest text
	for room := int64(4 << 10); ; room *= 8 {
		room = min(room, p.end-p.at)
		if int64(cap(p.window)) < room {
			p.window = make([]byte, room)
		}
		b := p.window[:room]
		if n, err := p.chunk.footer.file.ReadAt(b, p.at); n < len(b) {
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

func (p *plainPages) checkSizes(h format.PageHeader) error {
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
		return &Refused{fmt.Errorf("its %d bytes claim to unpack to %d", packed, unpacked), "if the file is good, write it again with smaller pages"}
	case values < 0 || values > valuesFree+valuesRate*unpacked:
		return fmt.Errorf("its %d bytes claim to hold %d values", unpacked, values)
	}
	return nil
}

// body reads and unpacks the page's body, and makes its header that of a page
// that is not packed.
func (p *plainPages) body(h *format.PageHeader) ([]byte, error) {
	body := make([]byte, h.CompressedPageSize)
	if n, err := p.chunk.footer.file.ReadAt(body, p.at); n < len(body) {
		return nil, err
	}
	p.at += int64(len(body))
	if sum := crc32.ChecksumIEEE(body); h.CRC != 0 && uint32(h.CRC) != sum {
		return nil, fmt.Errorf("its checksum is %08x, and should be %08x", sum, uint32(h.CRC))
	}
	codec := p.chunk.meta.Codec
	var levels []byte // of a page of version 2: not packed
	size := int(h.UncompressedPageSize)
	if h.Type == format.DataPageV2 {
		d := &h.DataPageHeaderV2.V
		n := d.RepetitionLevelsByteLength + d.DefinitionLevelsByteLength
		levels, body = body[:n:n], body[n:]
		size -= int(n)
		if d.IsCompressed.Valid && !d.IsCompressed.V {
			codec = format.Uncompressed
		}
		d.IsCompressed = thrift.New(false)
		d.Statistics = format.Statistics{}
	}
	h.DataPageHeader.V.Statistics = format.Statistics{}
	body, err := unpack(codec, body, max(size, 0))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	column := p.chunk.Node().(*parquet.Column)
	switch h.Type {
	case format.DataPage:
		p.values += int64(h.DataPageHeader.V.NumValues)
		err = checkRunsV1(column, h.DataPageHeader.V, body)
	case format.DataPageV2:
		p.values += int64(h.DataPageHeaderV2.V.NumValues)
		err = checkRunsV2(column, h.DataPageHeaderV2.V, levels, body)
		body = append(levels, body...)
	}
	h.CRC = 0
	h.CompressedPageSize, h.UncompressedPageSize = int32(len(body)), int32(len(body))
	return body, err
}
