package records

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// arrowRow makes a record of a row. Offsets that lie make the library panic.
func arrowRow(batch arrow.Record, i int) (fields map[string]any, order []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Damaged{fmt.Errorf("%v", p)}
		}
	}()
	fields = make(map[string]any, batch.NumCols())
	for c, column := range batch.Columns() {
		name := batch.ColumnName(c)
		order = append(order, name)
		fields[name] = arrowValue(column, i)
	}
	return fields, order, nil
}

// arrowValue is a value as Parquet gives it too: dates and times in ISO 8601, numbers with
// all their digits, lists, maps and structs as JSON has them, bytes as text if they are
// UTF-8 and else in base64.
func arrowValue(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch a := column.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Uint8:
		return uint64(a.Value(i))
	case *array.Uint16:
		return uint64(a.Value(i))
	case *array.Uint32:
		return uint64(a.Value(i))
	case *array.Uint64:
		return a.Value(i)
	case *array.Float16:
		return arrowFloat(float64(a.Value(i).Float32()), 32)
	case *array.Float32:
		return arrowFloat(float64(a.Value(i)), 32)
	case *array.Float64:
		return arrowFloat(a.Value(i), 64)
	case *array.Decimal128:
		return json.Number(a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Decimal256:
		return json.Number(a.Value(i).ToString(a.DataType().(*arrow.Decimal256Type).Scale))
	case *array.String:
		return a.Value(i)
	case *array.LargeString:
		return a.Value(i)
	case *array.StringView:
		return a.Value(i)
	case *array.Binary:
		return arrowBytes(a.Value(i))
	case *array.LargeBinary:
		return arrowBytes(a.Value(i))
	case *array.BinaryView:
		return arrowBytes(a.Value(i))
	case *array.FixedSizeBinary:
		return arrowBytes(a.Value(i))
	case *array.Date32:
		return a.Value(i).ToTime().Format("2006-01-02")
	case *array.Date64:
		return a.Value(i).ToTime().Format("2006-01-02")
	case *array.Time32:
		return a.Value(i).ToTime(a.DataType().(*arrow.Time32Type).Unit).Format("15:04:05.999999999")
	case *array.Time64:
		return a.Value(i).ToTime(a.DataType().(*arrow.Time64Type).Unit).Format("15:04:05.999999999")
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		s := a.Value(i).ToTime(t.Unit).UTC().Format("2006-01-02T15:04:05.999999999")
		if t.TimeZone != "" {
			s += "Z"
		}
		return s
	case *array.Duration:
		return int64(a.Value(i))
	case *array.Dictionary:
		return arrowValue(a.Dictionary(), a.GetValueIndex(i))
	case array.ExtensionArray:
		return arrowValue(a.Storage(), i)
	case *array.Map:
		from, to := a.ValueOffsets(i)
		object := map[string]any{}
		for k := from; k < to; k++ {
			name, ok := String(arrowValue(a.Keys(), int(k)))
			if !ok {
				name = a.Keys().ValueStr(int(k))
			}
			object[name] = arrowValue(a.Items(), int(k))
		}
		return object
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		list := make([]any, 0, min(to-from, 1<<20))
		for k := from; k < to; k++ {
			list = append(list, arrowValue(a.ListValues(), int(k)))
		}
		return list
	case *array.Struct:
		object := map[string]any{}
		for k, field := range a.DataType().(*arrow.StructType).Fields() {
			object[field.Name] = arrowValue(a.Field(k), i)
		}
		return object
	}
	return column.ValueStr(i)
}

// arrowFloat writes a number with the digits that tell it from others of its width; JSON
// has no word for NaN and the infinite.
func arrowFloat(v float64, width int) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return json.Number(strconv.FormatFloat(v, 'g', -1, width))
}

func arrowBytes(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return base64.StdEncoding.EncodeToString(b)
}
