package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
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
	if err := parquetText(path, pf, a); err != nil {
		return err
	}
	return parquetSamples(pf, o, a)
}

// parquetText measures the column `text` and counts the values of columns that
// have few.
func parquetText(path string, pf *shard.ParquetFile, a *Artifact) error {
	type text struct {
		Text string `parquet:"text"`
	}
	if leaf, ok := pf.Schema().Lookup("text"); ok && leaf.Node.Type().Kind() == parquet.ByteArray {
		var lengths []int
		for row, err := range shard.Read[text](path) {
			if err != nil {
				return err
			}
			lengths = append(lengths, utf8.RuneCountInString(row.Text))
		}
		slices.Sort(lengths)
		if n := len(lengths); n > 0 {
			t := Table{Title: "characters of text", Columns: []string{"least", "5 %", "25 %", "median", "75 %", "95 %", "most"}}
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
		counts, err := valuesOf(pf, c[0])
		if err != nil {
			return err
		}
		if counts == nil {
			continue
		}
		t := Table{Title: c[0], Columns: []string{"value", "rows"}}
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
func valuesOf(pf *shard.ParquetFile, column string) (map[string]int64, error) {
	counts := map[string]int64{}
	for row, err := range pf.Records(0, len(pf.RowGroups()), []string{column}) {
		if err != nil {
			return nil, err
		}
		values, ok := row[column].([]any)
		if !ok {
			values = []any{row[column]}
		}
		for _, v := range values {
			if counts[cellOf(v)]++; len(counts) > few {
				return nil, nil
			}
		}
	}
	return counts, nil
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
