package records

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// arrowTable is a batch of two rows with a column of each kind; the second row is null.
func arrowTable(t testing.TB) arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "text", Type: arrow.BinaryTypes.String},
		{Name: "large", Type: arrow.BinaryTypes.LargeString, Nullable: true},
		{Name: "u64", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
		{Name: "i8", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
		{Name: "f32", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		{Name: "nan", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "time", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
		{Name: "utc", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
		{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true},
		{Name: "struct", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.FixedWidthTypes.Boolean, Nullable: true}), Nullable: true},
		{Name: "map", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), Nullable: true},
		{Name: "word", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).Append("uno")
	b.Field(1).(*array.LargeStringBuilder).Append("ñ")
	b.Field(2).(*array.Uint64Builder).Append(math.MaxUint64)
	b.Field(3).(*array.Int8Builder).Append(-1)
	b.Field(4).(*array.Float32Builder).Append(.1)
	b.Field(5).(*array.Float64Builder).Append(math.NaN())
	b.Field(6).(*array.Decimal128Builder).Append(decimal128.FromI64(1234567))
	b.Field(7).(*array.Date32Builder).Append(10592) // 1999-01-01
	b.Field(8).(*array.Time64Builder).Append(3661000001)
	b.Field(9).(*array.TimestampBuilder).Append(915148800000001)
	b.Field(10).(*array.BinaryBuilder).Append([]byte{0xff, 0})
	list := b.Field(11).(*array.ListBuilder)
	list.Append(true)
	list.ValueBuilder().(*array.Int32Builder).AppendValues([]int32{1, 2}, nil)
	object := b.Field(12).(*array.StructBuilder)
	object.Append(true)
	object.FieldBuilder(0).(*array.BooleanBuilder).Append(true)
	m := b.Field(13).(*array.MapBuilder)
	m.Append(true)
	m.KeyBuilder().(*array.StringBuilder).Append("k")
	m.ItemBuilder().(*array.Int32Builder).Append(3)
	if err := b.Field(14).(*array.BinaryDictionaryBuilder).AppendString("red"); err != nil {
		t.Fatal(err)
	}
	b.Field(0).(*array.StringBuilder).Append("dos")
	for i := 1; i < len(schema.Fields()); i++ {
		b.Field(i).AppendNull()
	}
	return b.NewRecord()
}

// arrowFiles are a file and a stream of a table in two batches, plain and compressed.
func arrowFiles(t testing.TB) map[string][]byte {
	table := arrowTable(t)
	files := map[string][]byte{}
	for name, options := range map[string][]ipc.Option{"plain": nil, "zstd": {ipc.WithZstd()}, "lz4": {ipc.WithLZ4()}} {
		options = append(options, ipc.WithSchema(table.Schema()))
		var stream bytes.Buffer
		file, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		s := ipc.NewWriter(&stream, options...)
		f, err := ipc.NewFileWriter(file, options...)
		for range 2 {
			err = errors.Join(err, s.Write(table), f.Write(table))
		}
		if err := errors.Join(err, s.Close(), f.Close(), file.Close()); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[name+"-stream.arrow"], files[name+".arrow"] = stream.Bytes(), whole
	}
	return files
}

func readArrow(t testing.TB, content []byte) (rows []Record, failure error) {
	path := filepath.Join(t.TempDir(), "a.arrow")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	f := File{Name: "a.arrow", Path: path, Size: int64(len(content))}
	for r, err := range (Arrow{}).Read(context.Background(), f, Range{}) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func TestArrow(t *testing.T) {
	want := []string{`{"bytes":"/wA=","day":"1999-01-01","f32":0.1,"i8":-1,"large":"ñ","list":[1,2],"map":{"k":3},"nan":"NaN","price":12345.67,` +
		`"struct":{"a":true},"text":"uno","time":"01:01:01.000001","u64":18446744073709551615,"utc":"1999-01-01T00:00:00.000001Z","word":"red"}`,
		`{"bytes":null,"day":null,"f32":null,"i8":null,"large":null,"list":null,"map":null,"nan":null,"price":null,"struct":null,"text":"dos","time":null,"u64":null,"utc":null,"word":null}`}
	for name, content := range arrowFiles(t) {
		if kind := Sniff(content); kind != KindArrow {
			t.Errorf("%s is taken for %s", name, kind)
		}
		rows, err := readArrow(t, content)
		if err != nil || len(rows) != 4 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
			continue
		}
		for i, r := range rows {
			got, err := json.Marshal(r.Fields)
			if diff := cmp.Diff(want[i%2], string(got)); diff != "" || err != nil || r.Offset != int64(i) || r.Names()[0] != "text" {
				t.Errorf("%s, row %d: %v %s", name, i, err, diff)
			}
		}
		cut, err := readArrow(t, content[:len(content)/2])
		var bad *Failure
		if len(cut) > 2 || !errors.As(err, &bad) || bad.Lost == nil || bad.Offset != int64(len(cut)) || !strings.Contains(bad.Error(), "damaged") {
			t.Errorf("%s cut in half: %d rows and %v", name, len(cut), err)
		}
	}
}

func FuzzArrow(f *testing.F) {
	for _, content := range arrowFiles(f) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := readArrow(t, content)
		if bad := (*Failure)(nil); err != nil && (!errors.As(err, &bad) || bad.Lost == nil) {
			t.Errorf("%v", err)
		}
	})
}
