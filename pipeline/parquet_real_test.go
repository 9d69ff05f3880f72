package pipeline

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// TestApacheFiles: the guard turns no good file away. Whatever the library reads
// of Apache's files, which many programs wrote, comes with the same values.
func TestApacheFiles(t *testing.T) {
	names, _ := filepath.Glob("../../shared/data/parquet/apache-data/*.parquet")
	if len(names) == 0 {
		t.Skip("no ../shared/data/parquet/apache-data beside the repository")
	}
	read := 0
	for _, name := range names {
		switch base := filepath.Base(name); {
		case strings.HasPrefix(base, "lz4_raw"): // refused
		case base == "large_string_map.brotli.parquet": // 1 GiB out of 1,627 bytes: refused
		default:
			want, err := libraryRows(name)
			if err != nil {
				continue // on purpose, or of a codec that the library lacks
			}
			var got []string
			f, err := OpenParquet(name)
			if err != nil {
				t.Error(err)
				continue
			}
			for row, err := range f.Rows(0, len(f.RowGroups())) {
				if err != nil {
					t.Error(err)
					break
				}
				got = append(got, fmt.Sprintf("%+v", row))
			}
			f.Close()
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s: %d rows, and the library reads %d others", base, len(got), len(want))
			}
			read++
		}
	}
	if read < 40 {
		t.Errorf("only %d of %d files were read", read, len(names))
	}
}

// libraryRows reads a file with nothing before the library.
func libraryRows(name string) (out []string, err error) {
	defer guard(name, -1, &err)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(strings.NewReader(string(b)), int64(len(b)), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, err
	}
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		defer rows.Close()
		for batch := make([]parquet.Row, 16); ; {
			n, err := rows.ReadRows(batch)
			for _, row := range batch[:n] {
				out = append(out, fmt.Sprintf("%+v", row))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
