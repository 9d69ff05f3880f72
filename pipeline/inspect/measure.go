package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

const (
	bins        = 20        // of a histogram
	distinctMax = 1_000_000 // different values that Top counts
)

// CountRows tells how many rows are selected.
func (s *Selection) CountRows(ctx context.Context) (*Artifact, error) {
	n := int64(0)
	for _, err := range s.Rows(ctx, []string{}...) {
		if err != nil {
			return nil, err
		}
		n++
	}
	a := &Artifact{Is: "rows selected"}
	a.fact("rows", n)
	if s.where != nil {
		a.fact("row groups ruled out by statistics", int64(s.Skipped))
		a.fact("rows ruled out by the page index", s.Passed)
	}
	return a, nil
}

// Histogram shows how the values of a column spread: numbers as they are, texts
// and lists by their length (characters, items).
func (s *Selection) Histogram(ctx context.Context, column string) (*Artifact, error) {
	if err := s.has(column); err != nil {
		return nil, err
	}
	var values []float64
	nulls := int64(0)
	of := column
	for row, err := range s.Rows(ctx, column) {
		if err != nil {
			return nil, err
		}
		switch v := row.Values[column].(type) {
		case nil:
			nulls++
		case int64:
			values = append(values, float64(v))
		case uint64:
			values = append(values, float64(v))
		case json.Number:
			f, err := v.Float64()
			if err != nil {
				return nil, &fault.RowError{File: row.File, Row: row.Number, Err: err}
			}
			values = append(values, f)
		case string:
			of = "characters of " + column
			values = append(values, float64(utf8.RuneCountInString(v)))
		case []any:
			of = "items of " + column
			values = append(values, float64(len(v)))
		default:
			return nil, fault.Hintf(&fault.UsageError{Err: fmt.Errorf("column %s has no size to draw", column)}, "--top %s counts its values", column)
		}
	}
	a := &Artifact{Is: of}
	a.fact("rows", int64(len(values))+nulls)
	a.fact("null", nulls)
	if len(values) == 0 {
		return a, nil
	}
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	a.fact("mean", sum/float64(len(values)))
	a.Tables = append(a.Tables, quantiles(of, values), binned(values))
	return a, nil
}

// quantiles of values in order.
func quantiles(title string, values []float64) Table {
	t := Table{Title: title, Columns: []string{"least", "5 %", "25 %", "median", "75 %", "95 %", "most"}}
	var row []any
	for _, q := range []float64{0, .05, .25, .5, .75, .95, 1} {
		row = append(row, values[int(q*float64(len(values)-1))])
	}
	t.Rows = append(t.Rows, row)
	return t
}

// binned counts values in order in bins of one width, which is a round number.
func binned(values []float64) Table {
	t := Table{Title: "histogram", Columns: []string{"from", "to", "rows", "share"}, Bars: true}
	lo, hi := values[0], values[len(values)-1]
	width := roundUp((hi - lo) / bins)
	if width == 0 {
		width = 1
	}
	start := math.Floor(lo/width) * width
	for i := 0; i < len(values); {
		k := math.Floor((values[i] - start) / width)
		from := start + k*width
		j := i
		for j < len(values) && values[j] < from+width {
			j++
		}
		j = max(j, i+1) // values too large for the width to count
		share := float64(j-i) / float64(len(values))
		t.Rows = append(t.Rows, []any{from, from + width, int64(j - i), share})
		i = j
	}
	return t
}

// roundUp returns the next of 1, 2, 5, 10, 20 … times a power of ten.
func roundUp(x float64) float64 {
	if x <= 0 {
		return 0
	}
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if x <= f*p {
			return f * p
		}
	}
	return 10 * p
}

// Top counts the values of a column, the most frequent first. The items of a
// list count one by one.
func (s *Selection) Top(ctx context.Context, column string, limit int) (*Artifact, error) {
	if err := s.has(column); err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	rows, nulls := int64(0), int64(0)
	for row, err := range s.Rows(ctx, column) {
		if err != nil {
			return nil, err
		}
		rows++
		values, ok := row.Values[column].([]any)
		if !ok {
			values = []any{row.Values[column]}
		}
		for _, v := range values {
			if v == nil {
				nulls++
				continue
			}
			if counts[cellOf(v)]++; len(counts) > distinctMax {
				return nil, fault.Hintf(fmt.Errorf("column %s has more than %d different values", column, distinctMax), "--histogram %s draws how they spread; --where selects fewer rows", column)
			}
		}
	}
	a := &Artifact{Is: "values of " + column}
	a.fact("rows", rows)
	a.fact("null", nulls)
	a.fact("different values", int64(len(counts)))
	t := Table{Title: column, Columns: []string{"value", "rows", "share"}, Bars: true}
	type counted struct {
		value string
		n     int64
	}
	var all []counted
	for v, n := range counts {
		all = append(all, counted{v, n})
	}
	slices.SortFunc(all, func(x, y counted) int { return cmp.Or(cmp.Compare(y.n, x.n), cmp.Compare(x.value, y.value)) })
	for _, c := range all[:min(limit, len(all))] {
		share := float64(c.n) / float64(rows)
		t.Rows = append(t.Rows, []any{cmp.Or(c.value, `""`), c.n, share})
	}
	a.Tables = append(a.Tables, t)
	if rest := len(all) - limit; rest > 0 {
		a.fact("not shown", int64(rest))
	}
	return a, nil
}

// Nulls tells the share of nulls and of empty texts of each column shown.
func (s *Selection) Nulls(ctx context.Context) (*Artifact, error) {
	type counted struct{ null, empty int64 }
	counts := map[string]*counted{}
	for _, c := range s.Shown() {
		counts[c] = new(counted)
	}
	rows := int64(0)
	for row, err := range s.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		rows++
		for name, c := range counts {
			switch v := row.Values[name]; {
			case v == nil:
				c.null++
			case v == "":
				c.empty++
			}
		}
	}
	a := &Artifact{Is: "nulls"}
	a.fact("rows", rows)
	t := Table{Title: "columns", Columns: []string{"name", "null", "share", "empty", "share of empty"}}
	for _, name := range s.Shown() {
		c := counts[name]
		of := float64(max(rows, 1))
		t.Rows = append(t.Rows, []any{name, c.null, float64(c.null) / of, c.empty, float64(c.empty) / of})
	}
	a.Tables = append(a.Tables, t)
	return a, nil
}
