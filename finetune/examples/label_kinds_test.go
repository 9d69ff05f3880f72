package examples

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/shard"
)

// labelOf is the stage for one table with columns text and label.
func labelOf(t testing.TB, name string, content []byte, label string) *Label {
	l := NewLabel()
	l.Data = table(file(t, t.TempDir(), name, content))
	l.Text, l.Label = "text", label
	return l
}

func classes(sets map[string][]Example) []string {
	seen := map[string]bool{}
	for _, set := range sets {
		for _, e := range set {
			for _, l := range e.Labels {
				seen[l] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Numbers of every kind are labels as they are written, not as their bytes lie.
func TestLabelsOfParquet(t *testing.T) {
	type row struct {
		Text     string  `parquet:"text"`
		Stars    int32   `parquet:"stars,decimal(1:3)"`
		Unsigned uint32  `parquet:"unsigned"`
		Float    float32 `parquet:"float"`
		Yes      bool    `parquet:"yes"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	for i := range 60 {
		r := row{Text: fmt.Sprintf("a fine book number %d", i), Stars: 45, Unsigned: math.MaxUint32, Float: 4.5, Yes: true}
		if i%2 == 0 {
			r.Stars, r.Unsigned, r.Float, r.Yes = 10, 1, 1, false
		}
		if _, err := w.Write([]row{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string][]string{
		"stars": {"1", "4.5"}, "unsigned": {"1", "4294967295"}, "float": {"1", "4.5"}, "yes": {"false", "true"},
	} {
		sets, _, _, _ := runLabel(t, labelOf(t, "a.parquet", b.Bytes(), column))
		if got := classes(sets); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", column, got, want)
		}
	}
}

// Rows without a label fail, or are left out where that is asked for; they are never a class.
func TestUnlabelled(t *testing.T) {
	var b bytes.Buffer
	for i := range 100 {
		label := `"` + []string{"bad", "good"}[i%2] + `"`
		if i%20 == 0 {
			label = []string{"null", `""`}[i/20%2]
		}
		fmt.Fprintf(&b, "{\"text\": \"text number %d\", \"label\": %s}\n", i, label)
	}
	for _, u := range []Unlabelled{UnlabelledFail, UnlabelledDrop} {
		l := labelOf(t, "a.jsonl", b.Bytes(), "label")
		l.Unlabelled = u
		sets, rejects, counts, _ := runLabel(t, l)
		if got := classes(sets); !slices.Equal(got, []string{"bad", "good"}) {
			t.Errorf("%s: classes %q", u, got)
		}
		dropped, failed := counts.Dropped["unlabelled"], counts.Failed
		if u == UnlabelledDrop && (dropped != 5 || failed != 0) || u == UnlabelledFail && (dropped != 0 || failed != 5) {
			t.Errorf("%s: dropped %d, failed %d", u, dropped, failed)
		}
		if u == UnlabelledFail && !strings.Contains(rejects[0].Error, "unlabelled: drop") {
			t.Errorf("%+v", rejects[0])
		}
	}
}

// Rows without a label are kept apart where their text is wanted, but not those that repeat a text with one.
func TestUnlabelledKeep(t *testing.T) {
	var b bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&b, "{\"text\": \"text number %d\", \"label\": %q}\n", i, []string{"bad", "good"}[i%2])
	}
	for i := range 30 { // the first ten stand above, with a label
		fmt.Fprintf(&b, "{\"text\": \"Text number %d!\", \"label\": null}\n", 90+i)
	}
	l := labelOf(t, "a.jsonl", b.Bytes(), "label")
	l.Unlabelled = UnlabelledKeep
	sets, _, counts, dir := runLabel(t, l)
	if got := classes(sets); !slices.Equal(got, []string{"bad", "good"}) || counts.Dropped["leak"] != 10 {
		t.Errorf("classes %q, dropped %v", got, counts.Dropped)
	}
	n := 0
	for e, err := range shard.Read[Example](filepath.Join(dir, "unlabelled-00000.parquet")) {
		if err != nil || len(e.Labels) != 0 || e.Split != "unlabelled" {
			t.Fatal(e, err)
		}
		n++
	}
	if n != 20 {
		t.Errorf("%d texts without a label", n)
	}
}

// A column with a value of its own in every row is no class.
func TestLabelsThatAreIDs(t *testing.T) {
	for n, warned := range map[int]bool{1: true, 30: false} {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Write([]string{"text", "label"})
		for i := range 240 {
			w.Write([]string{fmt.Sprintf("the baker in street %d", i), fmt.Sprint(i / n)})
		}
		w.Flush()
		l := labelOf(t, "a.csv", b.Bytes(), "label")
		l.Split = SplitBy{Test: 0}
		counted := newLabelCount(nil)
		sets, _, _, _ := runLabel(t, l)
		for _, e := range sets[Train] {
			if counted.labels[e.Labels[0]] == nil {
				counted.labels[e.Labels[0]] = new([len(Splits)]int64)
			}
			counted.rows[0]++
		}
		if got := counted.warning(); (got != "") != warned {
			t.Errorf("%d rows a label: %q", n, got)
		}
	}
}

// Numbers may be of any kind and number; what is none fails its row, and rows are split whatever
// their values are.
func TestNumbers(t *testing.T) {
	var b bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&b, "a text of number %d,%v\n", i, float64(i)/8)
	}
	b.WriteString("the comma,\"4,5\"\nno number,good\nnothing,NaN\nnone,\n")
	l := labelOf(t, "a.csv", append([]byte("text,label\n"), b.Bytes()...), "label")
	l.Numbers = true
	sets, rejects, counts, _ := runLabel(t, l)
	if counts.Failed != 4 || len(sets[Train]) != 80 || len(sets[Validation]) != 10 || len(sets[Test]) != 10 {
		t.Errorf("%d failed, %d, %d and %d rows", counts.Failed, len(sets[Train]), len(sets[Validation]), len(sets[Test]))
	}
	for i, want := range []string{`"4,5" is no number`, `"good" is no number`, `"NaN" is no number`, "has no label"} {
		if !strings.Contains(rejects[i].Error, want) {
			t.Errorf("%+v, want %s", rejects[i], want)
		}
	}
	l.Separator = ";"
	if faults := l.Check(); len(faults) != 1 || faults[0].Path != "numbers" {
		t.Errorf("%+v", faults)
	}
}
