package main

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
	"fragua/pipeline/shard"
)

// wider is a schema with further columns at its end. A parquet.Group would sort
// all columns by name.
type wider struct {
	parquet.Node
	fields []parquet.Field
}

func (w wider) Fields() []parquet.Field { return w.fields }

// An addedField is one more column.
type addedField struct {
	parquet.Node
	name string
}

func (f addedField) Name() string { return f.name }

// Value would find the column in a Go struct; rows are written as they are, without one.
func (f addedField) Value(reflect.Value) reflect.Value { return reflect.Value{} }

// toParquet copies the rows as they are and adds optional columns: a string and a
// float for each class, or a number.
func (t *annotator) toParquet(w io.Writer) error {
	in, err := shard.OpenParquet(t.file.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	for _, column := range in.Metadata().Schema {
		if _, ok := column.LogicalType.Value.(*format.Float16Type); ok { // the library would write its bytes alone
			return fault.Hintf(usage("%s: column %q is of half-precision floats, which cannot be written to Parquet", t.file.Name, column.Name), "give -o a name that ends in .jsonl")
		}
	}
	old := in.Schema()
	fields := old.Fields()
	for i, name := range t.added {
		node := parquet.Leaf(parquet.FloatType)
		switch {
		case i == 0 && t.predictor.Numbers():
			node = parquet.Leaf(parquet.DoubleType)
		case i == 0:
			node = parquet.String()
		}
		fields = append(fields[:len(fields):len(fields)], addedField{parquet.Optional(node), name})
	}
	next, stop := iter.Pull2(in.Rows(0, len(in.RowGroups())))
	defer stop()
	out := parquet.NewWriter(w, parquet.NewSchema(old.Name(), wider{old, fields}), parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.MaxRowsPerRowGroup(1<<16), parquet.CreatedBy("fragua", "1", "1"))
	columns := len(old.Columns())
	err = t.each(func(r records.Record, a answer) error {
		row, err, ok := next()
		if err != nil || !ok {
			return cmp.Or(err, fmt.Errorf("%s: the file changed while it was read", t.file.Name))
		}
		row = row[:len(row):len(row)]
		for i, v := range t.values(a) {
			value := parquet.NullValue()
			level := 0
			if v != nil {
				value, level = parquet.ValueOf(v), 1
			}
			row = append(row, value.Level(0, level, columns+i))
		}
		_, err = out.WriteRows([]parquet.Row{row})
		return err
	})
	if err != nil {
		return err
	}
	return out.Close()
}
