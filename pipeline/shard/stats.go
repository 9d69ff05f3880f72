package shard

import "github.com/parquet-go/parquet-go"

// ColumnStats is what a file's footer says of a column.
type ColumnStats struct {
	Packed, Unpacked int64  // bytes
	Codec            string // of its first group
	Nulls            int64  // -1: not counted
	Least, Greatest  any    // as Records gives values; nil: not known
}

// Stats returns what the footer says of each leaf column. What is absent in one
// row group is unknown of the whole.
func (f *ParquetFile) Stats() []ColumnStats { return f.statsOf(0, len(f.groups)) }

// GroupStats returns what the footer says of each leaf column in one row group.
func (f *ParquetFile) GroupStats(group int) []ColumnStats { return f.statsOf(group, group+1) }

func (f *ParquetFile) statsOf(from, to int) []ColumnStats {
	columns := f.Schema().Columns()
	stats := make([]ColumnStats, len(columns))
	root, err := treeOf(f.Metadata().Schema)
	if err != nil { // the library has opened it, so there is none
		return stats
	}
	root.eachLeaf(func(leaf *node) {
		if leaf.first < len(stats) {
			stats[leaf.first] = f.stats(leaf, from, to)
		}
	})
	return stats
}

func (f *ParquetFile) stats(leaf *node, from, to int) (s ColumnStats) {
	column := leaf.first
	var least, most parquet.Value
	bounded := from < to
	chunk := 0 // of the group's first column
	for g, meta := range f.Metadata().RowGroups {
		if g < from || g >= to || column >= len(meta.Columns) {
			chunk += len(meta.Columns)
			continue
		}
		m := &meta.Columns[column].MetaData
		s.Packed += m.TotalCompressedSize
		s.Unpacked += m.TotalUncompressedSize
		if g == from {
			s.Codec = m.Codec.String()
		}
		if at := chunk + column; at < len(f.footer.nulls) && f.footer.nulls[at] && s.Nulls >= 0 {
			s.Nulls += m.Statistics.NullCount
		} else {
			s.Nulls = -1
		}
		chunk += len(meta.Columns)
		c, ok := f.groups[g].ColumnChunks()[column].(*checkedChunk)
		if !ok {
			bounded = false
			continue
		}
		lo, hi, ok := c.Bounds()
		if bounded = bounded && ok; !bounded {
			continue
		}
		if compare := c.Type().Compare; g == from || compare(lo, least) < 0 {
			least = lo
		}
		if compare := c.Type().Compare; g == from || compare(hi, most) > 0 {
			most = hi
		}
	}
	if bounded {
		s.Least, _ = leaf.value(least)
		s.Greatest, _ = leaf.value(most)
	}
	return s
}
