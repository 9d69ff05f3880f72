package inspect

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// TestBloom: a group whose bounds hold a value, but not its bloom filter, is not read.
func TestBloom(t *testing.T) {
	type row struct {
		ID string `parquet:"id"`
		N  int64  `parquet:"n"`
	}
	name := filepath.Join(t.TempDir(), "bloom.parquet")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[row](f, parquet.BloomFilters(parquet.SplitBlockFilter(10, "id"), parquet.SplitBlockFilter(10, "n")))
	for _, group := range [][]row{{{"a", 1}, {"z", 99}}, {{"b", 2}, {"y", 98}}, {{"a", 1}, {"x", 97}}} {
		if _, err := w.Write(group); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]struct {
		ids     []string
		skipped int
	}{
		`id == "b"`:             {[]string{"b"}, 2},
		`n == 98 && id != "zz"`: {[]string{"y"}, 2},
		`2 == n`:                {[]string{"b"}, 2},
		`id == "m"`:             {nil, 3},
		`id == "b" or n == 1`:   {[]string{"a", "b", "a"}, 0},
		`n == 2.5`:              {nil, 0},
	} {
		s, err := Select([]string{name}, Query{Where: where})
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(t, s); !reflect.DeepEqual(got, want.ids) || s.Skipped != want.skipped {
			t.Errorf("%s: %q with %d groups skipped, want %q with %d", where, got, s.Skipped, want.ids, want.skipped)
		}
	}
}
