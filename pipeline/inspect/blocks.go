package inspect

import (
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// openBlocks reads a file of blocks through the Arrow library, batch by batch.
func openBlocks(path string, o Options, a *Artifact) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := ipc.NewFileReader(f, ipc.WithAllocator(capped{memory.DefaultAllocator, int(st.Size()) + 4096}))
	if err != nil {
		return fmt.Errorf("not a whole Arrow file: %w", err)
	}
	defer r.Close()
	schema := Table{Title: "columns", Columns: []string{"name", "type"}}
	for _, c := range r.Schema().Fields() {
		schema.Rows = append(schema.Rows, []any{c.Name, c.Type.String()})
	}
	a.Tables = append(a.Tables, schema)
	list, ok := func() (t *arrow.FixedSizeListType, ok bool) {
		if r.Schema().NumFields() != 3 {
			return nil, false
		}
		t, ok = r.Schema().Field(0).Type.(*arrow.FixedSizeListType)
		return t, ok
	}()
	if !ok {
		return errors.New("an Arrow file, but not of blocks: these have ids, starts, length")
	}
	rows, text, docs, greatest := int64(0), int64(0), int64(0), int64(0)
	for i := range r.NumRecords() {
		rec, err := r.Record(i)
		if err != nil {
			return fmt.Errorf("batch %d: %w", i, err)
		}
		ids := rec.Column(0).(*array.FixedSizeList).ListValues()
		starts, lengths := rec.Column(1).(*array.List), rec.Column(2).(*array.Int32)
		switch v := ids.(type) {
		case *array.Uint16:
			for _, id := range v.Uint16Values() {
				greatest = max(greatest, int64(id))
			}
		case *array.Uint32:
			for _, id := range v.Uint32Values() {
				greatest = max(greatest, int64(id))
			}
		default:
			return fmt.Errorf("ids are %s, not uint16 or uint32", ids.DataType())
		}
		for j := range int(rec.NumRows()) {
			text += int64(lengths.Value(j))
			lo, hi := starts.ValueOffsets(j)
			docs += hi - lo
			if len(a.Samples) < o.Rows {
				at := j * int(list.Len())
				a.Samples = append(a.Samples, Sample{Title: fmt.Sprintf("row %d", rows+int64(j)), Fields: []Fact{
					{"length", int64(lengths.Value(j))},
					{"starts", fmt.Sprint(starts.ListValues().(*array.Int32).Int32Values()[lo:hi])},
					{"ids", array.NewSlice(ids, int64(at), int64(at+min(int(list.Len()), 24))).String()},
				}})
			}
		}
		rows += rec.NumRows()
	}
	a.fact("rows", rows)
	a.fact("context", int64(list.Len())-1)
	a.fact("ids that are text", text)
	if rows > 0 {
		a.fact("padding", fmt.Sprintf("%.2f %%", 100*(1-float64(text)/float64(rows*int64(list.Len())))))
	}
	a.fact("texts that begin", docs)
	a.fact("greatest id", greatest)
	a.fact("batches", r.NumRecords())
	return nil
}

// capped lends no more memory than the file has bytes, with some room for
// padding: the library asks for whatever a damaged file says, and a program
// that is out of memory cannot be saved. Open turns the panic into an error.
type capped struct {
	memory.Allocator
	limit int
}

func (c capped) Allocate(size int) []byte {
	c.check(size)
	return c.Allocator.Allocate(size)
}

func (c capped) Reallocate(size int, b []byte) []byte {
	c.check(size)
	return c.Allocator.Reallocate(size, b)
}

func (c capped) check(size int) {
	if size < 0 || size > c.limit {
		panic(fmt.Sprintf("a part of %d bytes", size))
	}
}
