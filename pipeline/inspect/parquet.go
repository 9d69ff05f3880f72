package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/shard"
)

// few is how many different values a column may have to be counted one by one.
const few = 64

func openParquet(path string, o Options, a *Artifact) error {
	pf, err := shard.OpenParquet(path)
	if err != nil {
		return err
	}
	defer pf.Close()
	meta := pf.Metadata()
	a.fact("rows", pf.NumRows())
	a.fact("row groups", len(pf.RowGroups()))
	a.fact("bytes", pf.Size())
	a.fact("written by", meta.CreatedBy)
	columns := Table{Title: "columns", Columns: []string{"name", "type", "compression", "bytes", "unpacked", "nulls", "least", "greatest"}}
	stats := pf.Stats()
	for i, c := range pf.Schema().Columns() {
		leaf, _ := pf.Schema().Lookup(c...)
		st := stats[i]
		row := []any{strings.Join(c, "."), leaf.Node.Type().String(), st.Codec, st.Packed, st.Unpacked, st.Nulls, cellOf(st.Least), cellOf(st.Greatest)}
		if st.Nulls < 0 {
			row[5] = "unknown"
		}
		columns.Rows = append(columns.Rows, row)
	}
	a.Tables = append(a.Tables, columns)
	if err := parquetText(pf, a); err != nil {
		return err
	}
	return parquetSamples(pf, o, a)
}

// Of a file with more rows than surveyed, this many are measured, in pieces that are spread
// over it: a look at a file takes a moment, however long it is.
const (
	surveyed = 200_000
	pieces   = 50
)

// survey yields the rows that are measured, and says which they are where they are not
// all.
func survey(pf *shard.ParquetFile, columns []string) (rows iter.Seq2[map[string]any, error], which string) {
	total := pf.NumRows()
	if total <= surveyed {
		return pf.Records(0, len(pf.RowGroups()), columns), ""
	}
	return func(yield func(map[string]any, error) bool) {
		first := int64(0) // of the group
		for g, group := range pf.RowGroups() {
			end := first + group.NumRows()
			for i := range int64(pieces) {
				from := i * total / pieces
				span := shard.Span{From: max(from, first) - first, To: min(from+surveyed/pieces, end) - first}
				if span.From >= span.To {
					continue
				}
				for row, err := range pf.RecordsOf(g, span, columns) {
					if !yield(row, err) {
						return
					}
				}
			}
			first = end
		}
	}, fmt.Sprintf(", of %d rows in %d places of the file", surveyed, pieces)
}

// parquetText measures the column `text` and counts the values of columns that
// have few.
func parquetText(pf *shard.ParquetFile, a *Artifact) error {
	if leaf, ok := pf.Schema().Lookup("text"); ok && leaf.Node.Type().Kind() == parquet.ByteArray {
		var lengths []int
		rows, which := survey(pf, []string{"text"})
		for row, err := range rows {
			if err != nil {
				return err
			}
			text, _ := row["text"].(string)
			lengths = append(lengths, utf8.RuneCountInString(text))
		}
		slices.Sort(lengths)
		if n := len(lengths); n > 0 {
			t := Table{Title: "characters of text" + which, Columns: []string{"least", "5 %", "25 %", "median", "75 %", "95 %", "most"}}
			var row []any
			for _, q := range []float64{0, .05, .25, .5, .75, .95, 1} {
				row = append(row, int64(lengths[int(q*float64(n-1))]))
			}
			t.Rows = append(t.Rows, row)
			a.Tables = append(a.Tables, t)
		}
	}
	for _, c := range pf.Schema().Columns() {
		if !slices.Contains([]string{"language", "source", "split", "labels", "stage", "rule", "got"}, c[0]) {
			continue
		}
		counts, which, err := valuesOf(pf, c[0])
		if err != nil {
			return err
		}
		if counts == nil {
			continue
		}
		t := Table{Title: c[0] + which, Columns: []string{"value", "rows"}}
		for _, v := range slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
			return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
		}) {
			t.Rows = append(t.Rows, []any{cmp.Or(v, `""`), counts[v]})
		}
		a.Tables = append(a.Tables, t)
	}
	return nil
}

// valuesOf counts the values of a column; nil if there are too many.
func valuesOf(pf *shard.ParquetFile, column string) (counts map[string]int64, which string, err error) {
	counts = map[string]int64{}
	rows, which := survey(pf, []string{column})
	for row, err := range rows {
		if err != nil {
			return nil, "", err
		}
		values, ok := row[column].([]any)
		if !ok {
			values = []any{row[column]}
		}
		for _, v := range values {
			if counts[cellOf(v)]++; len(counts) > few {
				return nil, "", nil
			}
		}
	}
	return counts, which, nil
}

func parquetSamples(pf *shard.ParquetFile, o Options, a *Artifact) error {
	for row, err := range pf.Records(0, len(pf.RowGroups()), nil) {
		if err != nil {
			return err
		}
		if len(a.Samples) >= o.Rows {
			break
		}
		s := Sample{Title: fmt.Sprintf("row %d", len(a.Samples))}
		for _, field := range pf.Schema().Fields() {
			s.Fields = append(s.Fields, Fact{field.Name(), row[field.Name()]})
		}
		a.Samples = append(a.Samples, s)
	}
	return nil
}

// cellOf writes a value: a text as it is, a list or struct as JSON, null as
// nothing.
func cellOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any, map[string]any:
		b, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	return fmt.Sprint(v)
}
