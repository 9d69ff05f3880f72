package examples

import (
	"fmt"
	"iter"
	"strings"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// readParquet yields the rows of a Parquet file of any schema; only the wanted
// columns become text. Lists give several labels.
func readParquet(name string, cols columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		pf, err := shard.OpenParquet(name)
		if err != nil {
			yield(record{}, err)
			return
		}
		defer pf.Close()
		at, err := parquetColumns(pf.Schema(), cols)
		if err != nil {
			yield(record{}, &fault.RowError{File: name, Row: -1, Err: err})
			return
		}
		n := int64(0)
		for row, err := range pf.Rows(0, len(pf.RowGroups())) {
			if err != nil {
				yield(record{}, err)
				return
			}
			if !yield(cols.record(n, parquetCells(row, at)), nil) {
				return
			}
			n++
		}
	}
}

// parquetColumns finds the leaf of each wanted column, whose name is that of a
// top-level field or a path with dots.
func parquetColumns(schema *parquet.Schema, cols columns) (map[string]int, error) {
	at := map[string]int{}
	var names []string
	for i, path := range schema.Columns() {
		full := strings.Join(path, ".")
		names = append(names, full)
		for _, n := range cols.wanted() {
			if full == n || path[0] == n && (len(path) == 1 || path[len(path)-1] == "element" || path[len(path)-1] == "item") {
				at[n] = i
			}
		}
	}
	for _, n := range cols.wanted() {
		if _, ok := at[n]; !ok {
			return nil, fault.Hintf(fmt.Errorf("no column %q", n), "the file has: %s", fault.Listed(names))
		}
	}
	return at, nil
}

func parquetCells(row parquet.Row, at map[string]int) func(string) ([]string, error) {
	return func(column string) ([]string, error) {
		var out []string
		for _, v := range row {
			if v.Column() != at[column] {
				continue
			}
			if v.IsNull() {
				return nil, fmt.Errorf("column %q is null", column)
			}
			out = append(out, v.String())
		}
		return out, nil
	}
}
