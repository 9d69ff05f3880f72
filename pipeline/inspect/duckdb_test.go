package inspect

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestDuckDB: rows as JSON hold the values that DuckDB reads, in every logical type, nested and not,
// in all encodings, compressions and versions of pages. testdata/parquet_values.py made the files.
func TestDuckDB(t *testing.T) {
	z, err := zip.OpenReader("testdata/pyarrow.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	contents := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if contents[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	dir, n := t.TempDir(), 0
	for name, data := range contents {
		name, ok := strings.CutSuffix(name, ".parquet")
		if !ok {
			continue
		}
		n++
		path := filepath.Join(dir, name+".parquet")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Select([]string{path}, Query{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var out bytes.Buffer
		if err := s.WriteRows(t.Context(), &out, AsJSON, 0, 0); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, want := lines(t, out.Bytes()), lines(t, contents[name+".jsonl"])
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%v, want\n%v", name, got, want)
		}
	}
	if n < 200 {
		t.Errorf("only %d files", n)
	}
}

// lines decodes rows; a number becomes its exact value, however it is written. The script writes
// a decimal as {"number": "1.50"}.
func lines(t *testing.T, b []byte) (rows []any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	for d.More() {
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, exact(v))
	}
	return rows
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		x, _ := new(big.Rat).SetString(v.String())
		return x.RatString()
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		if s, ok := v["number"].(string); ok && len(v) == 1 {
			return exact(json.Number(s))
		}
		for k := range v {
			v[k] = exact(v[k])
		}
	}
	return v
}
