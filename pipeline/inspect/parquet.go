package inspect

import (
	"cmp"
	"fmt"
	"io"
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
	for i, c := range pf.Schema().Columns() {
		leaf, _ := pf.Schema().Lookup(c...)
		row := []any{strings.Join(c, "."), leaf.Node.Type().String(), "", int64(0), int64(0), int64(0), "", ""}
		packed, unpacked, nulls := int64(0), int64(0), int64(0)
		for _, g := range meta.RowGroups {
			if i < len(g.Columns) {
				packed += g.Columns[i].MetaData.TotalCompressedSize
				unpacked += g.Columns[i].MetaData.TotalUncompressedSize
				row[2] = g.Columns[i].MetaData.Codec.String()
			}
		}
		var least, most parquet.Value
		bounded := true
		for k, g := range pf.RowGroups() {
			chunk, ok := g.ColumnChunks()[i].(interface {
				NullCount() int64
				Bounds() (least, most parquet.Value, ok bool)
			})
			if !ok {
				bounded = false
				continue
			}
			nulls += chunk.NullCount()
			lo, hi, ok := chunk.Bounds()
			bounded = bounded && ok
			if k == 0 || ok && leaf.Node.Type().Compare(lo, least) < 0 {
				least = lo
			}
			if k == 0 || ok && leaf.Node.Type().Compare(hi, most) > 0 {
				most = hi
			}
		}
		row[3], row[4], row[5] = packed, unpacked, nulls
		if bounded && len(pf.RowGroups()) > 0 {
			row[6], row[7] = least.String(), most.String()
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
	for i, c := range pf.Schema().Columns() {
		if !slices.Contains([]string{"language", "source", "split", "labels", "stage", "rule", "got"}, c[0]) {
			continue
		}
		counts, err := valuesOf(pf, i)
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
func valuesOf(pf *shard.ParquetFile, column int) (map[string]int64, error) {
	counts := map[string]int64{}
	buf := make([]parquet.Value, 512)
	for _, g := range pf.RowGroups() {
		pages := g.ColumnChunks()[column].Pages()
		defer pages.Close()
		for {
			p, err := pages.ReadPage()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			values := p.Values()
			for {
				n, err := values.ReadValues(buf)
				for _, v := range buf[:n] {
					if counts[v.String()]++; len(counts) > few {
						return nil, nil
					}
				}
				if err == io.EOF {
					break
				}
				if err != nil {
					return nil, err
				}
			}
			parquet.Release(p)
		}
	}
	return counts, nil
}

func parquetSamples(pf *shard.ParquetFile, o Options, a *Artifact) error {
	names := pf.Schema().Columns()
	for row, err := range pf.Rows(0, len(pf.RowGroups())) {
		if err != nil {
			return err
		}
		if len(a.Samples) >= o.Rows {
			break
		}
		s := Sample{Title: fmt.Sprintf("row %d", len(a.Samples))}
		row.Range(func(i int, values []parquet.Value) bool {
			var parts []string
			for _, v := range values {
				if !v.IsNull() {
					parts = append(parts, v.String())
				}
			}
			if text := strings.Join(parts, ", "); text != "" {
				s.Fields = append(s.Fields, Fact{strings.Join(names[i], "."), text})
			}
			return true
		})
		a.Samples = append(a.Samples, s)
	}
	return nil
}
