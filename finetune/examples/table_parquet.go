package examples

import (
	"fmt"
	"iter"
	"strings"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// readParquet yields the rows of a Parquet file of any schema; of the wanted columns
// every type is read as what it means (decimals, half floats, unsigned numbers). Lists give several labels.
func readParquet(name string, cols columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		pf, err := shard.OpenParquet(name)
		if err != nil {
			yield(record{}, err)
			return
		}
		defer pf.Close()
		if err := checkColumns(pf.Schema(), cols); err != nil {
			yield(record{}, &fault.RowError{File: name, Row: -1, Err: err})
			return
		}
		n := int64(0)
		for row, err := range pf.Records(0, len(pf.RowGroups()), cols.wanted()) {
			if err != nil {
				yield(record{}, err)
				return
			}
			if !yield(cols.record(n, func(column string) ([]string, error) { return jsonCell(row, column) }), nil) {
				return
			}
			n++
		}
	}
}

// checkColumns refuses a file that lacks a wanted column, whose name is that of a
// top-level field or a path with dots.
func checkColumns(schema *parquet.Schema, cols columns) error {
	at := map[string]bool{}
	var names []string
	for _, path := range schema.Columns() {
		full := strings.Join(path, ".")
		names = append(names, full)
		for _, n := range cols.wanted() {
			if full == n || path[0] == n && (len(path) == 1 || path[len(path)-1] == "element" || path[len(path)-1] == "item") {
				at[n] = true
			}
		}
	}
	for _, n := range cols.wanted() {
		if !at[n] {
			return fault.Hintf(fmt.Errorf("no column %q", n), "the file has: %s", fault.Listed(names))
		}
	}
	return nil
}
