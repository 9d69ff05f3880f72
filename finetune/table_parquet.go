package finetune

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline"
)

// readParquet yields the rows of a Parquet file of any schema; only the wanted
// columns are decoded into text. Lists give several labels. The library panics
// on some corrupt files; that becomes an error of the file.
func readParquet(name string, cols columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		var row int64
		stopped := false
		err := func() (err error) {
			inside := false // the consumer's panics are its own
			defer func() {
				if !inside {
					if p := recover(); p != nil {
						err = fmt.Errorf("corrupt Parquet: %v", p)
					}
				}
			}()
			pf, err := pipeline.OpenParquet(name)
			if err != nil {
				return err
			}
			defer pf.Close()
			at, err := parquetColumns(pf.Schema(), cols)
			if err != nil {
				return err
			}
			for _, group := range pf.RowGroups() {
				rows := group.Rows()
				defer rows.Close()
				buf := make([]parquet.Row, 64)
				for {
					n, err := rows.ReadRows(buf)
					for _, r := range buf[:n] {
						rec := cols.record(row, parquetCells(r, at))
						inside = true
						ok := yield(rec, nil)
						inside = false
						row++
						if !ok {
							stopped = true
							return nil
						}
					}
					if err == io.EOF {
						break
					}
					if err != nil {
						return err
					}
					if n == 0 {
						return io.ErrNoProgress
					}
				}
			}
			if row != pf.NumRows() {
				return fmt.Errorf("the file ends here, but it announces %d rows", pf.NumRows())
			}
			return nil
		}()
		var placed *pipeline.RowError
		if err != nil && !errors.As(err, &placed) {
			err = &pipeline.RowError{File: name, Row: row, Err: err}
		}
		if err != nil && !stopped {
			yield(record{}, err)
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
			return nil, pipeline.Hintf(fmt.Errorf("no column %q", n), "the file has: %s", pipeline.Listed(names))
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
