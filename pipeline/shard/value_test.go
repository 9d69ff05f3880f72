package shard

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// recordsOf reads all rows of a file, as lines of JSON.
func recordsOf(t testing.TB, name string, columns []string, value func(any) any) (lines []string, err error) {
	t.Helper()
	f, err := OpenParquet(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for row, err := range f.Records(0, len(f.RowGroups()), columns) {
		if err != nil {
			return lines, err
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(value(row)); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, b.String())
	}
	return lines, nil
}

func asIs(v any) any { return v }

// TestParquetValues: every logical type is read as what it means. The files were
// written by pyarrow 26.0.1 with write_table(store_decimal_as_integer=True), and
// write_table(use_deprecated_int96_timestamps=True).
func TestParquetValues(t *testing.T) {
	want := map[string][2]string{
		"u8": {`255`, `0`}, "u32": {`4294967295`, `1`}, "u64": {`18446744073709551615`, `9223372036854775813`},
		"i8": {`-128`, `127`}, "i64": {`-9223372036854775808`, `9007199254740993`},
		"f16": {`1.5`, `-0.000061035156`}, "f32": {`0.1`, `"+Inf"`}, "f64": {`1e+300`, `"NaN"`},
		"d9": {`12345.67`, `-0.05`}, "d18": {`1.500`, `-999999999999999.999`},
		"d38":  {`1234567890123456789012345678.0123456789`, `-0.0000000001`},
		"date": {`"2024-01-02"`, `"0001-01-01"`}, "t_ms": {`"23:59:59.999"`, `"00:00:00"`}, "t_ns": {`"23:59:59.999999999"`, `"00:00:00.000000001"`},
		"ts_ms": {`"2020-01-02T03:04:05.678"`, `"1900-01-01T00:00:00"`}, "ts_us_utc": {`"2020-01-02T03:04:05.678901Z"`, `"1969-12-31T23:59:59.999999Z"`},
		"ts_ns": {`"2020-01-02T03:04:05.678901234"`, `"1970-01-01T00:00:00"`},
		"s":     {`"añ\u2028"`, `""`}, "b": {`"/wA="`, `"text"`}, "fx": {`"/gEC"`, `"abc"`}, "yes": {`true`, `false`},
		"list": {`[1,null,3]`, `[]`}, "deep": {`[["a"],[],null,["b","c"]]`, `[[]]`},
		"struct": {`{"k":1,"l":[1.0,4.5]}`, `{"k":null,"l":null}`}, "map": {`{"x":1.5,"y":null}`, `{}`}, "imap": {`{"7":"seven"}`, `{}`},
		"dict": {`"p"`, `"q"`},
	}
	lines, err := recordsOf(t, "testdata/types.parquet", nil, asIs)
	if err != nil || len(lines) != 3 {
		t.Fatal(lines, err)
	}
	for i, line := range lines {
		var row map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if len(row) != len(want) {
			t.Errorf("%d columns, want %d", len(row), len(want))
		}
		for name, w := range want {
			want := "null"
			if i < 2 {
				want = w[i]
			}
			if got := string(row[name]); got != want {
				t.Errorf("row %d: %s is %s, want %s", i, name, got, want)
			}
		}
	}
	lines, err = recordsOf(t, "testdata/int96.parquet", nil, asIs)
	if want := `{"when":"2020-01-02T03:04:05.678901234"}` + "\n" + `{"when":null}` + "\n" + `{"when":"1969-12-31T23:59:59.999999999"}` + "\n"; err != nil || strings.Join(lines, "") != want {
		t.Errorf("%s %v, want %s", lines, err, want)
	}
	lines, err = recordsOf(t, "testdata/types.parquet", []string{"struct.k", "u8", "none"}, asIs)
	if want := `{"struct":{"k":1,"l":[1.0,4.5]},"u8":255}` + "\n"; err != nil || lines[0] != want {
		t.Errorf("two columns: %s %v, want %s", lines, err, want)
	}
}

// TestParquetUUID: and what pyarrow does not write.
func TestParquetUUID(t *testing.T) {
	type row struct {
		U [16]byte `parquet:"u,uuid"`
		E string   `parquet:"e,enum"`
		J string   `parquet:"j,json"`
	}
	name := filepath.Join(t.TempDir(), "a.parquet")
	if err := parquet.WriteFile(name, []row{{[16]byte{0x12, 0x3e, 15: 0xff}, "e", `{"a": 1}`}}); err != nil {
		t.Fatal(err)
	}
	lines, err := recordsOf(t, name, nil, asIs)
	if want := `{"e":"e","j":"{\"a\": 1}","u":"123e0000-0000-0000-0000-0000000000ff"}` + "\n"; err != nil || strings.Join(lines, "") != want {
		t.Errorf("%s %v", lines, err)
	}
}

// canonical writes a value so that another program can write the same: numbers
// with a fraction as the bits of a float64.
func canonical(v any) any {
	switch v := v.(type) {
	case string:
		if v == "NaN" || v == "+Inf" || v == "-Inf" {
			return v
		}
		return "s:" + v
	case int64, uint64:
		return fmt.Sprintf("i:%d", v)
	case json.Number:
		x, _ := strconv.ParseFloat(v.String(), 64)
		return fmt.Sprintf("f:%016x", math.Float64bits(x))
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, canonical(e))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = canonical(e)
		}
		return out
	}
	return v
}

// TestApacheFiles: Apache's files, which many programs wrote, give the values
// that pyarrow 26.0.1 gives (ParquetFile(f).read(), as `canonical`, a line of JSON
// with sorted keys a row), or are refused with a reason. The list has the SHA-256
// of those lines. Ours alone: datetimes beyond pyarrow's range, INTERVAL, WKB that
// happens to be UTF-8, and a map whose keys may be null.
func TestApacheFiles(t *testing.T) {
	names, _ := filepath.Glob("../../../shared/data/parquet/apache-data/*.parquet")
	more, _ := filepath.Glob("../../../shared/data/parquet/apache-data/geospatial/*.parquet")
	if len(names) == 0 {
		t.Skip("no ../shared/data/parquet/apache-data beside the repository")
	}
	list, err := os.ReadFile("testdata/apache.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, name := range append(names, more...) {
		lines, err := recordsOf(t, name, nil, canonical)
		if err != nil {
			_, what, _ := strings.Cut(err.Error(), ".parquet: ")
			fmt.Fprintf(&got, "%s refused: %s\n", filepath.Base(name), what)
			continue
		}
		fmt.Fprintf(&got, "%s %d rows %x\n", filepath.Base(name), len(lines), sha256.Sum256([]byte(strings.Join(lines, ""))))
	}
	if diff := cmp.Diff(string(list), got.String()); diff != "" {
		t.Error(diff)
	}
}
