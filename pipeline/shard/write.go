package shard

import (
	"fmt"
	"iter"
	"os"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// How shards are laid out. Large pages make zstd strong (1 MiB pages: 37 % more
// bytes); a row group is what a reader skips or reads at once.
const (
	shardPage      = 8 << 20  // bytes of one column before compression
	shardGroup     = 32 << 20 // bytes of rows after which a row group ends
	shardGroupRows = 1 << 16  // rows after which it ends at the latest
	shardBatch     = 64       // rows handed to the encoder, or decoded, at once
	shardBatchSize = 4 << 20  // bytes of rows after which a batch ends earlier
)

// longColumns hold whole texts: their least and greatest value would stand in the
// footer at full length, and help no reader to skip anything.
var longColumns = []string{"text", "target", "input", "want", "got", "metadata"}

// Write writes rows into a Parquet file that appears whole or not at all.
// The same rows give the same bytes on every machine. Memory is bounded by one
// row group, not by the file. An error from rows ends it, and no file is left.
//
// The returned File's Name is the name as it was given; return it in
// Counts.Shards, and the engine makes it relative and need not read the file
// again for its checksum.
func Write[Row any](name string, rows iter.Seq2[Row, error]) (File, error) {
	w, err := Create[Row](name)
	if err != nil {
		return File{}, err
	}
	defer w.Abort()
	for row, err := range rows {
		if err != nil {
			return File{}, err
		}
		if err := w.Write(row); err != nil {
			return File{}, err
		}
	}
	return w.Close()
}

// A Writer writes one Parquet file row by row; several may be open at once,
// so that one pass over the rows can feed kept rows and rejects, or a file per
// split. Its layout is that of Write. It is not safe for concurrent use.
type Writer[Row any] struct {
	name   string
	file   *store.File
	w      *parquet.GenericWriter[Row]
	batch  []Row
	size   func(reflect.Value) int
	bytes  int   // of the rows in batch
	group  int   // bytes in the open row group
	inside int64 // rows in the open row group
	rows   int64
	err    error
}

// Create begins a Parquet file of rows of a struct type, whose fields carry
// `parquet` tags. It gets zstd pages of 8 MiB, statistics (without bounds for
// columns of whole texts, by name: text, target, input, want, got, metadata), and
// a bloom filter on a column `id`.
func Create[Row any](name string) (w *Writer[Row], err error) {
	defer guard(name, 0, &err)
	t := reflect.TypeFor[Row]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s: a row must be a struct, not %s", name, t)
	}
	schema := parquet.SchemaOf(*new(Row))
	options := []parquet.WriterOption{
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.PageBufferSize(shardPage),
		parquet.WriteBufferSize(1 << 18),
		// Pinned: the default names the library's version, and would change the
		// bytes with it.
		parquet.CreatedBy("fragua", "1", "1"),
		// Each page's header would hold its least and greatest value, twice and
		// uncompressed: texts would take five times their room. The footer has
		// both, and the page index, for the columns where they serve.
		parquet.DataPageStatistics(false),
	}
	for _, name := range longColumns {
		if _, ok := schema.Lookup(name); ok {
			options = append(options, parquet.SkipPageBounds(name))
		}
	}
	if _, ok := schema.Lookup("id"); ok {
		options = append(options, parquet.BloomFilters(parquet.SplitBlockFilter(10, "id")))
	}
	file, err := store.Create(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if w == nil {
			file.Abort()
		}
	}()
	return &Writer[Row]{
		name: name, file: file, size: rowSize(t),
		w:     parquet.NewGenericWriter[Row](file, options...),
		batch: make([]Row, 0, shardBatch),
	}, nil
}

// Write appends a row. After an error the file cannot be completed.
func (w *Writer[Row]) Write(row Row) error {
	if w.err != nil {
		return w.err
	}
	w.batch = append(w.batch, row)
	w.bytes += w.size(reflect.ValueOf(&row).Elem())
	if len(w.batch) == shardBatch || w.bytes >= shardBatchSize {
		w.err = w.flush()
	}
	return w.err
}

// flush hands the batch to the encoder, and ends the row group when it is full.
// Where it ends depends on the rows alone.
func (w *Writer[Row]) flush() (err error) {
	defer guard(w.name, w.rows, &err)
	if _, err := w.w.Write(w.batch); err != nil {
		return store.DiskFull(w.name, err)
	}
	n := int64(len(w.batch))
	w.rows += n
	w.inside += n
	w.group += w.bytes
	clear(w.batch)
	w.batch, w.bytes = w.batch[:0], 0
	if w.group >= shardGroup || w.inside >= shardGroupRows {
		w.group, w.inside = 0, 0
		return store.DiskFull(w.name, w.w.Flush())
	}
	return nil
}

// Rows returns how many rows were written so far.
func (w *Writer[Row]) Rows() int64 { return w.rows + int64(len(w.batch)) }

// Close completes the file and gives it its name.
func (w *Writer[Row]) Close() (s File, err error) {
	if w.err != nil {
		w.Abort()
		return File{}, w.err
	}
	defer w.Abort()
	defer guard(w.name, w.rows, &err)
	if len(w.batch) > 0 {
		if err := w.flush(); err != nil {
			return File{}, err
		}
	}
	if err := w.w.Close(); err != nil {
		return File{}, store.DiskFull(w.name, err)
	}
	if err := w.file.Commit(); err != nil {
		return File{}, err
	}
	w.err = os.ErrClosed
	return File{Name: w.name, Rows: w.rows, Bytes: w.file.Size, XXH3: w.file.Sum()}, nil
}

// Abort gives up a file that is not closed; after Close it does nothing, so it
// can be deferred.
func (w *Writer[Row]) Abort() {
	w.file.Abort()
	if w.err == nil {
		w.err = os.ErrClosed
	}
}

// guard turns a panic of the Parquet library, which trusts its input too much,
// into an error that names the file and the row.
func guard(name string, row int64, err *error) {
	if r := recover(); r != nil {
		*err = &fault.RowError{File: name, Row: row, Err: fmt.Errorf("parquet: %v", r)}
	}
}

// rowSize returns a function that tells roughly how many bytes a row holds:
// enough to end row groups by size, and the same everywhere.
func rowSize(t reflect.Type) func(reflect.Value) int {
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value) int { return 4 + v.Len() }
	case reflect.Slice:
		if k := t.Elem().Kind(); k <= reflect.Complex128 { // bool and numbers
			size := int(t.Elem().Size())
			return func(v reflect.Value) int { return 4 + size*v.Len() }
		}
		elem := rowSize(t.Elem())
		return func(v reflect.Value) int {
			n := 4
			for i := range v.Len() {
				n += elem(v.Index(i))
			}
			return n
		}
	case reflect.Pointer:
		elem := rowSize(t.Elem())
		return func(v reflect.Value) int {
			if v.IsNil() {
				return 1
			}
			return 1 + elem(v.Elem())
		}
	case reflect.Struct:
		var fields []func(reflect.Value) int
		for i := range t.NumField() {
			fields = append(fields, rowSize(t.Field(i).Type))
		}
		return func(v reflect.Value) int {
			n := 0
			for i, size := range fields {
				n += size(v.Field(i))
			}
			return n
		}
	case reflect.Map:
		key, elem := rowSize(t.Key()), rowSize(t.Elem())
		return func(v reflect.Value) int {
			n := 4
			for i := v.MapRange(); i.Next(); {
				n += key(i.Key()) + elem(i.Value())
			}
			return n
		}
	}
	size := int(t.Size())
	return func(reflect.Value) int { return size }
}
