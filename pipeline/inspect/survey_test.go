package inspect

import (
	"path/filepath"
	"testing"

	"fragua/pipeline/shard"
)

// TestSurvey: of a large file, rows in many places are measured; of a small one, all.
func TestSurvey(t *testing.T) {
	type row struct {
		N int64 `parquet:"n"`
	}
	for _, total := range []int64{0, surveyed, surveyed + 50_001} {
		name := filepath.Join(t.TempDir(), "many.parquet")
		if _, err := shard.Write(name, func(yield func(row, error) bool) {
			for i := range total {
				if !yield(row{i}, nil) {
					return
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		f, err := shard.OpenParquet(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, which := survey(f, []string{"n"})
		n, last := int64(0), int64(-1)
		for r, err := range rows {
			if err != nil {
				t.Fatal(err)
			}
			if r["n"].(int64) <= last {
				t.Fatalf("row %d after %d", r["n"], last)
			}
			last = r["n"].(int64)
			n++
		}
		if n != min(total, surveyed) || (which == "") != (total <= surveyed) || last < total*98/100-1 {
			t.Errorf("of %d rows %d were read, the last %d%s", total, n, last, which)
		}
	}
}
