package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// arrowRows is how many rows a record batch has.
const arrowRows = 1024

// Arrow writes all rows to one Arrow IPC file (Feather V2), the splits one after another: texts,
// booleans, whole numbers, floats, and lists of them.
func Arrow(from, to string) error {
	files, err := parquets(from)
	if err != nil {
		return err
	}
	return store.WriteFile(to, func(w io.Writer) error {
		var schema *arrow.Schema
		var out *ipc.FileWriter
		for _, split := range splits {
			for _, f := range files[split] {
				p, err := shard.OpenParquet(f)
				if err != nil {
					return err
				}
				s, err := arrowSchema(p)
				switch {
				case err != nil:
				case schema == nil:
					schema = s
					out, err = ipc.NewFileWriter(&positioned{w: w}, ipc.WithSchema(schema))
				case !schema.Equal(s):
					err = fmt.Errorf("it has columns %v, other files %v", s, schema)
				}
				if err == nil {
					err = arrowBatches(out, schema, p)
				}
				if err = errors.Join(err, p.Close()); err != nil {
					return fmt.Errorf("%s: %w", f, err)
				}
			}
		}
		return out.Close()
	})
}

// A positioned writer tells the library where it is, which is all that it seeks for.
type positioned struct {
	w  io.Writer
	at int64
}

func (p *positioned) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.at += int64(n)
	return n, err
}

func (p *positioned) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.ErrUnsupported
	}
	return p.at, nil
}

func arrowSchema(p *shard.ParquetFile) (*arrow.Schema, error) {
	var fields []arrow.Field
	for _, f := range p.Schema().Fields() {
		t := arrowType(f)
		if t == nil {
			return nil, fault.Hintf(fmt.Errorf("column %s is %s, and only texts, booleans, numbers and lists of them are written as Arrow", f.Name(), f), "--format dataset hands on the Parquet files as they are")
		}
		fields = append(fields, arrow.Field{Name: f.Name(), Type: t, Nullable: true})
	}
	return arrow.NewSchema(fields, nil), nil
}

// arrowType is the type of a column; nil: there is none here.
func arrowType(n parquet.Node) arrow.DataType {
	if !n.Leaf() { // LIST: a group of one repeated group of one element
		list := n.Fields()
		if len(list) != 1 || !list[0].Repeated() || list[0].Leaf() || len(list[0].Fields()) != 1 {
			return nil
		}
		e := list[0].Fields()[0]
		if t := arrowType(e); t != nil && e.Leaf() {
			return arrow.ListOf(t)
		}
		return nil
	}
	var t arrow.DataType
	var logical any
	if l := n.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	switch n.Type().Kind() {
	case parquet.Boolean:
		t = arrow.FixedWidthTypes.Boolean
	case parquet.Int32, parquet.Int64:
		if of, is := logical.(*format.IntType); logical == nil || is && of.IsSigned {
			t = arrow.PrimitiveTypes.Int64
		}
	case parquet.Float:
		t = arrow.PrimitiveTypes.Float32
	case parquet.Double:
		t = arrow.PrimitiveTypes.Float64
	case parquet.ByteArray:
		switch logical.(type) {
		case *format.StringType, *format.JsonType, *format.EnumType:
			t = arrow.BinaryTypes.String
		}
	}
	if t != nil && n.Repeated() {
		return arrow.ListOf(t)
	}
	return t
}

func arrowBatches(out *ipc.FileWriter, schema *arrow.Schema, p *shard.ParquetFile) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	flush := func() error {
		rec := b.NewRecord()
		defer rec.Release()
		if rec.NumRows() == 0 {
			return nil
		}
		return out.Write(rec)
	}
	n := 0
	for row, err := range p.Records(0, len(p.RowGroups()), nil) {
		if err != nil {
			return err
		}
		for i, f := range schema.Fields() {
			if err := appendArrow(b.Field(i), row[f.Name]); err != nil {
				return fmt.Errorf("column %s: %w", f.Name, err)
			}
		}
		if n++; n%arrowRows == 0 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// appendArrow appends a value as Records gives it.
func appendArrow(b array.Builder, v any) error {
	if v == nil {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		if s, ok := v.(string); ok {
			b.Append(s)
			return nil
		}
	case *array.BooleanBuilder:
		if x, ok := v.(bool); ok {
			b.Append(x)
			return nil
		}
	case *array.Int64Builder:
		if x, ok := v.(int64); ok {
			b.Append(x)
			return nil
		}
	case *array.Float32Builder:
		if x, ok := floatOf(v); ok {
			b.Append(float32(x))
			return nil
		}
	case *array.Float64Builder:
		if x, ok := floatOf(v); ok {
			b.Append(x)
			return nil
		}
	case *array.ListBuilder:
		if list, ok := v.([]any); ok {
			b.Append(true)
			for _, x := range list {
				if err := appendArrow(b.ValueBuilder(), x); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return fmt.Errorf("%v is no %s", v, b.Type())
}

// floatOf reads a float as Records gives it: a JSON number, or the name of what JSON lacks.
func floatOf(v any) (float64, bool) {
	switch v := v.(type) {
	case json.Number:
		x, err := v.Float64()
		return x, err == nil
	case string:
		i := slices.Index([]string{"NaN", "+Inf", "-Inf"}, v)
		return []float64{0, math.NaN(), math.Inf(1), math.Inf(-1)}[i+1], i >= 0
	}
	return 0, false
}
