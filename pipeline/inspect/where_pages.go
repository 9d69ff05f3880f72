package inspect

import (
	"slices"

	"fragua/pipeline/shard"
)

// mergeRows is how many rows are rather read than jumped over: to start again, every column
// unpacks a page.
const mergeRows = 1000

// spans cuts out of spans of a row group what the page index rules out.
func (c *condition) spans(f *shard.ParquetFile, group int, spans []shard.Span) []shard.Span {
	for i, path := range f.Schema().Columns() {
		for _, b := range c.bounds {
			if !b.judges(f, path) {
				continue
			}
			pages := f.PageStats(group, i)
			if pages == nil {
				continue
			}
			var may []shard.Span
			for _, p := range pages {
				if p.Null || !b.possible(comparable(p.Least), comparable(p.Greatest)) {
					continue
				}
				if last := len(may) - 1; last >= 0 && p.From-may[last].To < mergeRows {
					may[last].To = p.To
				} else {
					may = append(may, p.Span)
				}
			}
			spans = intersect(spans, may)
		}
	}
	return spans
}

// judges says whether a bound is on a column, and its statistics' order is that of what
// is compared.
func (b bound) judges(f *shard.ParquetFile, path []string) bool {
	if len(path) != 1 || path[0] != b.column {
		return false
	}
	leaf, _ := f.Schema().Lookup(path...)
	_, isText := b.value.(string)
	return !isText || leaf.Node.Type().String() == "STRING"
}

// intersect returns the rows that are in both; both are ascending.
func intersect(a, b []shard.Span) (both []shard.Span) {
	for _, x := range a {
		for _, y := range b {
			if s := (shard.Span{From: max(x.From, y.From), To: min(x.To, y.To)}); s.From < s.To {
				both = append(both, s)
			}
		}
	}
	slices.SortFunc(both, func(x, y shard.Span) int { return int(x.From - y.From) })
	return both
}

func rowsIn(spans []shard.Span) (n int64) {
	for _, s := range spans {
		n += s.To - s.From
	}
	return n
}
