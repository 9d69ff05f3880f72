package inspect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// TestPageIndex: what the page index rules out is never a row that matches, and most of
// a file is ruled out by a narrow condition on an ordered column.
func TestPageIndex(t *testing.T) {
	type row struct {
		N     int64    `parquet:"n"`
		Score *float64 `parquet:"score"`
		Name  string   `parquet:"name"`
	}
	name := filepath.Join(t.TempDir(), "pages.parquet")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[row](f, parquet.PageBufferSize(1<<10))
	const rows = 6000
	for i := range rows {
		r := row{N: int64(i), Name: fmt.Sprintf("%04d", i*7%rows)}
		if i/500%2 == 0 {
			score := float64(i % 1000)
			r.Score = &score
		}
		if _, err := w.Write([]row{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	count := func(t rapid.TB, where string) (n, passed int64) {
		s, err := Select([]string{name}, Query{Where: where})
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range s.Rows(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("%04d", r.Number*7%rows); r.Values["name"] != want || r.Values["n"] != r.Number {
				t.Fatalf("row %d is %v", r.Number, r.Values)
			}
			n++
		}
		return n, s.Passed
	}
	rapid.Check(t, func(t *rapid.T) {
		where := ""
		for range rapid.IntRange(1, 2).Draw(t, "bounds") {
			value := fmt.Sprint(rapid.IntRange(-10, rows+10).Draw(t, "value"))
			column := rapid.SampledFrom([]string{"n", "score", "name"}).Draw(t, "column")
			if column == "name" {
				value = fmt.Sprintf("%q", value)
			}
			if where != "" {
				where += " and "
			}
			where += fmt.Sprintf("%s %s %s", column, rapid.SampledFrom([]string{"<", "<=", ">", ">=", "=="}).Draw(t, "op"), value)
		}
		n, _ := count(t, where)
		all, passed := count(t, "("+where+") or false") // no bound can be taken from it
		if n != all || passed != 0 {
			t.Fatalf("%s: %d rows, without the index %d", where, n, all)
		}
	})
	if n, passed := count(t, "n == 3000"); n != 1 || passed < rows-500 {
		t.Errorf("%d rows, %d passed over", n, passed)
	}
}
