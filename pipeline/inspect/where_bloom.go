package inspect

import (
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"fragua/pipeline/shard"
)

// asksBloom says whether bloom filters can tell something: only of what must be equal.
func (c *condition) asksBloom() bool {
	for _, b := range c.bounds {
		if b.op == "==" {
			return true
		}
	}
	return false
}

// open opens a file, with its bloom filters where they are asked.
func (c *condition) open(name string) (*shard.ParquetFile, error) {
	if c != nil && c.asksBloom() {
		return shard.OpenParquet(name, parquet.SkipBloomFilters(false))
	}
	return shard.OpenParquet(name)
}

// inBloom says whether a row group may hold what a bound wants equal. A filter that is
// not there, or damaged, may; reading tells.
func (b bound) inBloom(f *shard.ParquetFile, group, column int, kind parquet.Type) (maybe bool) {
	if b.op != "==" {
		return true
	}
	defer func() {
		if recover() != nil { // the library panics on some damaged files
			maybe = true
		}
	}()
	var want parquet.Value
	switch v := b.value.(type) {
	case string: // its column is a STRING
		want = parquet.ValueOf(v)
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return true
		}
		whole := true // without a logical type, or with that of signed numbers; a decimal or a time means something else
		if l := kind.LogicalType(); l != nil {
			of, is := l.Value.(*format.IntType)
			whole = is && of.IsSigned
		}
		switch {
		case !whole:
			return true
		case kind.Kind() == parquet.Int64:
			want = parquet.ValueOf(int64(v))
		case kind.Kind() == parquet.Int32 && math.Abs(v) <= math.MaxInt32:
			want = parquet.ValueOf(int32(v))
		default:
			return true
		}
	}
	filter := f.RowGroups()[group].ColumnChunks()[column].BloomFilter()
	if filter == nil {
		return true
	}
	yes, err := filter.Check(want)
	return yes || err != nil
}
