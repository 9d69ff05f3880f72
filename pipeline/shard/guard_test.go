package shard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/fault"
)

// word is the row of the files below; its column may be null.
type word struct {
	Word *string `parquet:"word,optional"`
}

// A pageFile is a Parquet file of one page of the column `word`, laid out by
// hand: its bytes say whatever a test wants, and no checksum protects them.
type pageFile struct {
	codec  format.CompressionCodec
	dict   []byte // a page of a dictionary that stands before, with its header
	header []byte
	body   []byte
	rows   int64
	meta   func(*format.ColumnMetaData)
}

func (p pageFile) bytes(t testing.TB) []byte {
	var empty bytes.Buffer
	w := parquet.NewGenericWriter[word](&empty)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(empty.Bytes()), int64(empty.Len()))
	if err != nil {
		t.Fatal(err)
	}
	c := format.ColumnMetaData{
		Type: format.ByteArray, PathInSchema: []string{"word"}, Codec: p.codec, NumValues: p.rows,
		DataPageOffset:      4 + int64(len(p.dict)),
		TotalCompressedSize: int64(len(p.dict) + len(p.header) + len(p.body)),
	}
	if len(p.dict) > 0 {
		c.DictionaryPageOffset = 4
	}
	if p.meta != nil {
		p.meta(&c)
	}
	meta := *f.Metadata()
	meta.NumRows = p.rows
	meta.RowGroups = []format.RowGroup{{NumRows: p.rows, TotalByteSize: 1, Columns: []format.ColumnChunk{{MetaData: c}}}}
	footer := compact(t, &meta)
	out := append([]byte("PAR1"), p.dict...)
	out = append(append(out, p.header...), p.body...)
	out = append(out, footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, "PAR1"...)
}

func compact(t testing.TB, v any) []byte {
	t.Helper()
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dataPage is the header of a page of version 1.
func dataPage(t testing.TB, packed, unpacked, values int32, e format.Encoding) []byte {
	return compact(t, &format.PageHeader{Type: format.DataPage, CompressedPageSize: packed, UncompressedPageSize: unpacked,
		DataPageHeader: thrift.New(format.DataPageHeader{NumValues: values, Encoding: e, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})})
}

// leveled puts definition levels before values, as in a page of version 1.
func leveled(levels []byte, values string) []byte {
	return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(levels))), levels...), values...)
}

// runOf is the head of a run of n equal values.
func runOf(n uint64) []byte { return binary.AppendUvarint(nil, n<<1) }

// pageFiles are files of two words, good and damaged.
func pageFiles(t testing.TB) map[string]struct {
	file pageFile
	want string // in the error; "": none
} {
	plain := leveled(append(runOf(2), 1), "\x01\x00\x00\x00a\x01\x00\x00\x00b")
	n := int32(len(plain))
	snappy := parquet.LookupCompressionCodec(format.Snappy)
	pack := func(c compress.Codec, b []byte) []byte {
		out, err := c.Encode(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	packed := pack(snappy, plain)
	one := func(body []byte, e format.Encoding) pageFile {
		return pageFile{header: dataPage(t, int32(len(body)), int32(len(body)), 2, e), body: body, rows: 2}
	}
	good := one(plain, format.Plain)
	indexed := func(indexes string) pageFile {
		p := one(leveled(append(runOf(2), 1), indexes), format.RLEDictionary)
		entries := "\x01\x00\x00\x00a\x01\x00\x00\x00b"
		p.dict = append(compact(t, &format.PageHeader{Type: format.DictionaryPage, CompressedPageSize: int32(len(entries)), UncompressedPageSize: int32(len(entries)),
			DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: 2, Encoding: format.Plain})}), entries...)
		return p
	}
	at := func(p pageFile, meta func(*format.ColumnMetaData)) pageFile {
		p.meta = meta
		return p
	}
	v2 := func(h format.DataPageHeaderV2) pageFile {
		h.NumValues, h.NumRows = 2, 2
		return pageFile{header: compact(t, &format.PageHeader{Type: format.DataPageV2, CompressedPageSize: n, UncompressedPageSize: n,
			DataPageHeaderV2: thrift.New(h)}), body: plain, rows: 2}
	}
	deltas := func(total uint64) string { // blocks of 128 in 4 parts; the first value is 1
		return "\x80\x01\x04" + string(binary.AppendUvarint(nil, total)) + "\x02"
	}
	level := append(runOf(2), 1)
	huge := uint64(math.MaxInt32)
	return map[string]struct {
		file pageFile
		want string
	}{
		"plain":       {good, ""},
		"snappy":      {pageFile{format.Snappy, nil, dataPage(t, int32(len(packed)), n, 2, format.Plain), packed, 2, nil}, ""},
		"dictionary":  {indexed("\x01" + string(runOf(1)) + "\x00" + string(runOf(1)) + "\x01"), ""},
		"deltas":      {one(leveled(level, deltas(2)+"\x00\x00\x00\x00\x00ab"), format.DeltaLengthByteArray), ""},
		"text":        {pageFile{header: []byte("\x15\x00\x15\x08\x15\x08\x2c\x15\x04\x15\x00\x15\x06\x15\x06\x1c\x18" + string(runOf(huge))), body: plain, rows: 2}, "header: unexpected EOF"},
		"size":        {pageFile{header: dataPage(t, math.MaxInt32, n, 2, format.Plain), body: plain, rows: 2}, "claims 2147483647 bytes"},
		"unpacked":    {pageFile{format.Gzip, nil, dataPage(t, n, math.MaxInt32, 2, format.Plain), plain, 2, nil}, "claim to unpack to 2147483647"},
		"values":      {pageFile{header: dataPage(t, n, n, math.MaxInt32, format.Plain), body: plain, rows: 2}, "claim to hold 2147483647 values"},
		"snappy-size": {pageFile{format.Snappy, nil, dataPage(t, 6, n, 2, format.Plain), []byte("\xff\xff\xff\xff\x0f\x00"), 2, nil}, "snappy: 4294967295 bytes"},
		// A frame of zstd with 8 bytes of content size, no window: 4 GiB.
		"zstd-size":   {pageFile{format.Zstd, nil, dataPage(t, 14, n, 2, format.Plain), []byte("\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x01\x00\x00\x00\x01"), 2, nil}, "unpacking"},
		"not-gzip":    {pageFile{format.Gzip, nil, dataPage(t, n, n, 2, format.Plain), plain, 2, nil}, "gzip: invalid header"},
		"level-run":   {one(leveled(append(runOf(huge), 1), ""), format.Plain), "definition levels: runs of 2147483647 values in a page of 2"},
		"level-cut":   {one([]byte("\xff\xff\xff\x7f"), format.Plain), "ends in the definition levels"},
		"index-run":   {indexed("\x01" + string(runOf(huge)) + "\x00"), "indexes: runs of 2147483647 values in a page of 2"},
		"index-width": {indexed("\x00" + string(binary.AppendUvarint(nil, huge<<1|1))), "indexes: a run of 2147483647 groups"},
		"delta-count": {one(leveled(level, deltas(huge)), format.DeltaLengthByteArray), "2147483647 differences in a page of 2"},
		"suffixes":    {one(leveled(level, deltas(1)+deltas(huge)), format.DeltaByteArray), "2147483647 differences in a page of 2"},
		"levels-v2":   {v2(format.DataPageHeaderV2{DefinitionLevelsByteLength: 1 << 30}), "levels of [0 1073741824] bytes in a page of"},
		"nulls-v2":    {v2(format.DataPageHeaderV2{NumNulls: math.MaxInt32}), "2147483647 nulls and 2 rows of 2 values"},
		"kind":        {pageFile{header: compact(t, &format.PageHeader{Type: 9}), body: plain, rows: 2}, "unknown kind 9"},
		"outside":     {at(good, func(m *format.ColumnMetaData) { m.TotalCompressedSize = 1 << 40 }), "lies at bytes 4 to 1099511627780"},
		"before":      {at(good, func(m *format.ColumnMetaData) { m.DataPageOffset = -1 }), "lies at bytes -1"},
		"elsewhere":   {at(good, func(m *format.ColumnMetaData) { m.DataPageOffset, m.DictionaryPageOffset = 900, 4 }), "data lie at byte 900"},
		"rows":        {pageFile{header: good.header, body: plain, rows: 1 << 40}, "ends here"},
	}
}

// TestDamagedPages: what a page claims and does not have costs no memory, and the
// error names the file, the row and what to do.
func TestDamagedPages(t *testing.T) {
	for name, c := range pageFiles(t) {
		path := filepath.Join(t.TempDir(), name+".parquet")
		if err := os.WriteFile(path, c.file.bytes(t), 0o666); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		words, err := readWords(path)
		if err == nil && strings.Join(words, " ") != "a b" {
			t.Errorf("%s: words %q", name, words)
		}
		errs := []error{err}
		err = nil
		for _, e := range Read[word](path) {
			err = e
		}
		errs = append(errs, err)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%s: reading allocated %d MiB", name, grown>>20)
		}
		for _, err := range errs {
			var placed *fault.RowError
			var hint *fault.Hint
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s: %v", name, err)
			case c.want != "" && !errors.As(err, &hint):
				t.Errorf("%s: error %v without a hint", name, err)
			case name == "unpacked" && !strings.Contains(hint.Fix, "write it again with smaller pages"): // it may be good
				t.Errorf("%s: the remedy is %q", name, hint.Fix)
			case c.want != "" && (!errors.As(err, &placed) || placed.File != path || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s: error %v, want one of the file with %q", name, err, c.want)
			}
		}
	}
}

// readWords reads the column `word` row by row.
func readWords(path string) (words []string, err error) {
	f, err := OpenParquet(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for row, err := range f.Rows(0, len(f.RowGroups())) {
		if err != nil {
			return words, err
		}
		for _, v := range row {
			words = append(words, v.String())
		}
	}
	return words, nil
}

// TestDamagedFooter: a list is as long as it says, or the footer is not read.
func TestDamagedFooter(t *testing.T) {
	many := "\x15\x02\x29" + "\xfc" + string(binary.AppendUvarint(nil, math.MaxInt32)) // field 2: the schema's elements
	deep := "\x15\x02" + strings.Repeat("\x1c", 1<<16)
	for name, footer := range map[string]string{"many": many, "deep": deep, "cut": "\x15", "type": "\x1f", "number": "\x15" + strings.Repeat("\xff", 11)} {
		b := append([]byte("PAR1"+footer), 0, 0, 0, 0, 'P', 'A', 'R', '1')
		binary.LittleEndian.PutUint32(b[len(b)-8:], uint32(len(footer)))
		path := filepath.Join(t.TempDir(), name+".parquet")
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		var placed *fault.RowError
		if _, err := Rows(path); !errors.As(err, &placed) || !strings.Contains(err.Error(), "the file is empty or cut short") && !strings.Contains(err.Error(), "the footer: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPages changes files whose pages no checksum protects, in each encoding.
func FuzzPages(f *testing.F) {
	for _, c := range pageFiles(f) {
		f.Add(c.file.bytes(f))
	}
	for _, options := range [][]parquet.WriterOption{
		{parquet.DataPageVersion(1), parquet.Compression(&parquet.Gzip)},
		{parquet.DataPageVersion(2), parquet.Compression(&parquet.Snappy)},
		{parquet.DataPageVersion(2), parquet.Compression(&parquet.Zstd), parquet.PageBufferSize(64)},
		{parquet.DataPageVersion(1)},
		{parquet.DataPageVersion(2), parquet.Compression(&parquet.Brotli)},
	} {
		f.Add(withoutChecksums(f, manyEncodings(f, options...)))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "x.parquet")
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readWords(path); err != nil {
			if placed := new(fault.RowError); !errors.As(err, &placed) {
				t.Errorf("error without its place: %v", err)
			}
		}
	})
}

// manyEncodings is a file with a column of each encoding.
func manyEncodings(t testing.TB, options ...parquet.WriterOption) []byte {
	type row struct {
		Plain  string   `parquet:"plain,plain"`
		Dict   string   `parquet:"dict,dict"`
		Length string   `parquet:"length,delta"`
		Maybe  *int64   `parquet:"maybe,optional"`
		Delta  int64    `parquet:"delta,delta"`
		Many   []string `parquet:"many,list"`
		Yes    bool     `parquet:"yes"`
		Real   float32  `parquet:"real,split"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, options...)
	for i := range 5 {
		n := int64(i * i)
		r := row{Plain: "a", Dict: "b", Length: strings.Repeat("c", i), Many: []string{"d", "e"}[:i%3], Yes: i > 2, Delta: n, Real: float32(i)}
		if i%2 == 0 {
			r.Maybe = &n
		}
		if _, err := w.Write([]row{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutChecksums makes each page's checksum a zero of as many bytes, which
// stands for none.
func withoutChecksums(t testing.TB, b []byte) []byte {
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	out, zeroed := bytes.Clone(b), 0
	for _, c := range f.Metadata().RowGroups[0].Columns {
		at := c.MetaData.DataPageOffset
		if d := c.MetaData.DictionaryPageOffset; d != 0 {
			at = d
		}
		for end := at + c.MetaData.TotalCompressedSize; at < end; {
			n, err := compactStruct(b[at:])
			if err != nil {
				t.Fatal(err)
			}
			var h format.PageHeader
			if err := thrift.Unmarshal(new(thrift.CompactProtocol), b[at:at+int64(n)], &h); err != nil {
				t.Fatal(err)
			}
			sum := binary.AppendVarint(nil, int64(h.CRC))
			if i := bytes.Index(b[at:at+int64(n)], sum); h.CRC != 0 && i >= 0 {
				zero := append(bytes.Repeat([]byte{0x80}, len(sum)-1), 0)
				copy(out[at+int64(i):], zero)
				zeroed++
			}
			at += int64(n) + int64(h.CompressedPageSize)
		}
	}
	if zeroed == 0 {
		t.Fatal("no page had a checksum")
	}
	return out
}
