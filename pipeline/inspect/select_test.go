package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline/shard"
)

type row struct {
	ID    string   `parquet:"id"`
	Text  *string  `parquet:"text"`
	Words int64    `parquet:"words"`
	Score *float64 `parquet:"score"`
	Tags  []string `parquet:"tags,list"`
}

// rows writes n rows into two files, and returns their folder.
func rows(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	for f := range 2 {
		if _, err := shard.Write(filepath.Join(dir, fmt.Sprintf("part-%d.parquet", f)), func(yield func(row, error) bool) {
			for i := f * n / 2; i < (f+1)*n/2; i++ {
				r := row{ID: fmt.Sprintf("r%04d", i), Words: int64(i), Tags: []string{"all", []string{"even", "odd"}[i%2]}}
				if i%3 != 0 {
					score := float64(i) / 10
					r.Score = &score
				}
				if i%5 != 0 {
					text := strings.Repeat("a, \"b\"\n", i%5-1)
					r.Text = &text
				}
				if !yield(r, nil) {
					return
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ids(t *testing.T, s *Selection) (out []string) {
	t.Helper()
	for r, err := range s.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Values["id"].(string))
	}
	return out
}

func TestWhere(t *testing.T) {
	dir := rows(t, 100)
	for where, want := range map[string]int{
		"": 100, "words >= 90": 10, "90 <= words": 10, "words > 10 && words < 13": 2, `id == "r0007"`: 1, `id > "r0097"`: 2,
		"score > 9": 6, "score == nil": 34, "not (score > 9)": 94, `"odd" in tags`: 50, "text == nil": 20, `text == ""`: 20,
		`text contains "b" and words % 2 == 0`: 30, "len(tags) == 2 or words > 0": 100, "words in [3, 5, 500]": 2, "words == 1e9": 0,
	} {
		s, err := Select([]string{dir}, Query{Where: where})
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if got := len(ids(t, s)); got != want {
			t.Errorf("%s: %d rows, want %d", where, got, want)
		}
	}
	for where, want := range map[string]string{"wrods > 1": "wrods", "words +": "--where", "words": "bool", `text > 1`: "row "} {
		s, err := Select([]string{dir}, Query{Where: where})
		if err == nil {
			for _, err = range s.Rows(t.Context()) {
				if err != nil {
					break
				}
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", where, err, want)
		}
	}
}

// What statistics rule out is never a row that matches.
func TestStatisticsChangeNothing(t *testing.T) {
	dir := rows(t, 24)
	rapid.Check(t, func(t *rapid.T) {
		column := rapid.SampledFrom([]string{"words", "score"}).Draw(t, "column")
		op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "=="}).Draw(t, "op")
		value := rapid.IntRange(-2, 26).Draw(t, "value")
		count := func(where string) (n, skipped int) {
			s, err := Select([]string{dir}, Query{Where: where})
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range s.Rows(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			return n, s.Skipped
		}
		plain := fmt.Sprintf("%s %s %d", column, op, value)
		n, _ := count(plain)
		all, skipped := count("(" + plain + ") or false") // no bound can be taken from it
		if n != all || skipped != 0 {
			t.Fatalf("%s: %d rows, without statistics %d (%d groups skipped)", plain, n, all, skipped)
		}
	})
	s, err := Select([]string{dir}, Query{Where: "words > 15"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ids(t, s)); n != 8 || s.Skipped != 1 {
		t.Errorf("%d rows, %d groups skipped; want 8 and the first file's one", n, s.Skipped)
	}
}

func TestSample(t *testing.T) {
	dir := rows(t, 100)
	draw := func(n int, seed uint64) []string {
		s, err := Select([]string{dir}, Query{Sample: n, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return ids(t, s)
	}
	if a, b := draw(7, 1), draw(7, 1); len(a) != 7 || !reflect.DeepEqual(a, b) {
		t.Errorf("the same seed gives %v and %v", a, b)
	}
	if a, b := draw(7, 1), draw(7, 2); reflect.DeepEqual(a, b) {
		t.Errorf("two seeds give %v", a)
	}
	if n := len(draw(500, 1)); n != 100 {
		t.Errorf("500 of 100 rows: %d", n)
	}
}

func TestWriteRows(t *testing.T) {
	dir := rows(t, 10)
	write := func(format string, width int, columns ...string) string {
		s, err := Select([]string{dir}, Query{Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := s.WriteRows(t.Context(), &b, format, 4, width); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got, want := write(AsCSV, 0, "id", "text", "score"), "id,text,score\nr0000,,\nr0001,\"\",0.1\nr0002,\"a, \"\"b\"\"\n\",0.2\nr0003,\"a, \"\"b\"\"\na, \"\"b\"\"\n\",\n"; got != want {
		t.Errorf("CSV:\n%q, want\n%q", got, want)
	}
	got := write(AsJSON, 0, "words", "text", "tags")
	if want := `{"words": 2, "text": "a, \"b\"\n", "tags": ["all","even"]}`; strings.Split(got, "\n")[2] != want {
		t.Errorf("JSON: %s, want %s", strings.Split(got, "\n")[2], want)
	}
	for line := range strings.Lines(got) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	for line := range strings.Lines(write(AsTable, 40)) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 40 {
			t.Errorf("%d characters for 40: %s", n, line)
		}
	}
	s, _ := Select([]string{dir}, Query{})
	var b bytes.Buffer
	if err := s.WriteRow(t.Context(), &b, AsTable, 7); err != nil || !strings.Contains(b.String(), "part-1.parquet: row 7\nid: r0007\ntext: \n    a, \"b\"\n") || !strings.Contains(b.String(), "score: 0.7\n") {
		t.Errorf("row 7: %v\n%s", err, b.String())
	}
	if err := s.WriteRow(t.Context(), &b, AsTable, 10); err == nil {
		t.Error("row 10 of 10: no error")
	}
}

func TestMeasures(t *testing.T) {
	dir := rows(t, 100)
	s, err := Select([]string{dir}, Query{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		do   func() (*Artifact, error)
		want []string
	}{
		"count":     {func() (*Artifact, error) { return s.CountRows(t.Context()) }, []string{"rows  100"}},
		"top":       {func() (*Artifact, error) { return s.Top(t.Context(), "tags", 2) }, []string{"all     100  100.0 %", "even     50  50.0 %", "not shown         1"}},
		"histogram": {func() (*Artifact, error) { return s.Histogram(t.Context(), "score") }, []string{"null  34", "0.1", "9.8"}},
		"lengths":   {func() (*Artifact, error) { return s.Histogram(t.Context(), "text") }, []string{"characters of text", "null  20"}},
		"nulls":     {func() (*Artifact, error) { return s.Nulls(t.Context()) }, []string{"text     20  20.0 %     20"}},
	} {
		a, err := c.do()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b bytes.Buffer
		a.Text(&b)
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, b.String())
			}
		}
	}
	if _, err := s.Top(t.Context(), "tgas", 3); err == nil || !strings.Contains(err.Error(), "tgas") {
		t.Errorf("a column that is not there: %v", err)
	}
}
