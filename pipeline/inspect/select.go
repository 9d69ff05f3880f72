package inspect

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// A Selection is the rows of Parquet files that are asked for.
type Selection struct {
	Files   []string
	Columns []Column // of all files, in the order in which they appear
	Skipped int      // row groups that the statistics ruled out, so far
	Passed  int64    // rows of other groups that the page index ruled out

	query Query
	where *condition
	first int64 // the rows before it are passed over
}

// A Query says which rows, and what of them. The zero Query selects all.
type Query struct {
	Where   string   // an expression over the columns (github.com/expr-lang/expr)
	Columns []string // nil: all
	Sample  int      // this many rows, drawn at random; 0: no drawing
	Seed    uint64   // of the drawing
}

// A Column is a top-level column of a table.
type Column struct{ Name, Type string }

// A Row is a row of a table. Values are what shard.ParquetFile.Records gives.
type Row struct {
	File   string
	Number int64 // from 0, over all files
	Values map[string]any
}

// Select opens Parquet files for a query. A path is a file or a folder: of a
// stage, whose shards of rows are read, or another, whose *.parquet are.
func Select(paths []string, q Query) (*Selection, error) {
	s := &Selection{query: q}
	for _, p := range paths {
		files, err := parquetFiles(p)
		if err != nil {
			return nil, err
		}
		s.Files = append(s.Files, files...)
	}
	for _, name := range s.Files {
		f, err := shard.OpenParquet(name)
		if err != nil {
			return nil, err
		}
		for _, field := range f.Schema().Fields() {
			if !slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Name == field.Name() }) {
				s.Columns = append(s.Columns, Column{field.Name(), field.String()})
			}
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	for _, c := range q.Columns {
		if err := s.has(c); err != nil {
			return nil, err
		}
	}
	if q.Where != "" {
		var err error
		if s.where, err = compile(q.Where, s.names()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// has returns an error if no file has the column.
func (s *Selection) has(name string) error {
	names := s.names()
	if slices.Contains(names, name) {
		return nil
	}
	err := &fault.UsageError{Err: fmt.Errorf("there is no column %q", name)}
	if near := fault.Nearest(name, names); near != "" {
		return fault.Hintf(err, "did you mean %q?", near)
	}
	return fault.Hintf(err, "the columns are %s", strings.Join(names, ", "))
}

func (s *Selection) names() (names []string) {
	for _, c := range s.Columns {
		names = append(names, c.Name)
	}
	return names
}

// parquetFiles lists the files that a path stands for.
func parquetFiles(p string) ([]string, error) {
	st, err := store.Stat(p)
	if err != nil {
		return nil, err
	}
	if !st.Dir {
		return []string{p}, nil
	}
	var files []string
	if m, err := pipeline.ReadManifest(p); err == nil {
		for _, s := range m.Shards {
			if ok, _ := path.Match("*.parquet", s.Name); ok {
				files = append(files, store.Join(p, s.Name))
			}
		}
	} else if files, err = filepath.Glob(filepath.Join(globQuote(p), "*.parquet")); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fault.Hintf(fmt.Errorf("%s holds no Parquet file", p), "name a .parquet file or a folder of them")
	}
	slices.Sort(files)
	return files, nil
}

// globQuote makes a path mean itself in a pattern.
func globQuote(p string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(p)
}

// Shown returns the columns that the query asks for.
func (s *Selection) Shown() []string {
	if s.query.Columns != nil {
		return s.query.Columns
	}
	return s.names()
}

// Rows yields the rows that the query selects, in their order. Only the columns
// named are read: those shown if there are none. The first error ends it.
func (s *Selection) Rows(ctx context.Context, columns ...string) iter.Seq2[Row, error] {
	if columns == nil { // an empty list reads none
		columns = s.Shown()
	}
	if s.query.Sample > 0 {
		return s.sample(ctx, columns)
	}
	return s.scan(ctx, columns)
}

// sample draws rows without replacement: Vitter's algorithm R. The same seed and
// files give the same rows.
func (s *Selection) sample(ctx context.Context, columns []string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rng := rand.New(rand.NewPCG(s.query.Seed, 0))
		var drawn []Row
		seen := int64(0)
		for row, err := range s.scan(ctx, columns) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if seen++; len(drawn) < s.query.Sample {
				drawn = append(drawn, row)
			} else if at := rng.Int64N(seen); at < int64(s.query.Sample) {
				drawn[at] = row
			}
		}
		slices.SortFunc(drawn, func(a, b Row) int { return int(a.Number - b.Number) })
		for _, row := range drawn {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// From is the selection without the rows before a number.
func (s *Selection) From(number int64) *Selection {
	rest := *s
	rest.first = number
	return &rest
}
