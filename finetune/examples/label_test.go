package examples

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/zeebo/xxh3"

	"fragua/pipeline"
	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
)

// collect reads a sequence into memory.
func collect[T any](rows iter.Seq2[T, error]) (all []T, err error) {
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// quiet is a Progress that hears nothing.
type quiet struct{}

func (quiet) Expect(int64, string)   {}
func (quiet) Measure(pipeline.Point) {}
func (quiet) Advance(int64)          {}
func (quiet) Say(string)             {}

func testEnv(t testing.TB) *pipeline.Env {
	return &pipeline.Env{Out: t.TempDir(), Scratch: t.TempDir(), Seed: 7, Workers: 1, Progress: quiet{}, Log: slog.New(slog.DiscardHandler)}
}

// runLabel runs both phases as the engine does and returns the examples by
// split, the rejects, and the counts of the whole.
func runLabel(t testing.TB, l *Label) (map[string][]Example, []Reject, pipeline.Counts, string) {
	t.Helper()
	if faults := l.Check(); len(faults) > 0 {
		t.Fatalf("faults: %+v", faults)
	}
	ctx := context.Background()
	env := testEnv(t)
	tasks, err := l.readTasks(ctx, env)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	var total pipeline.Counts
	for _, task := range tasks {
		e := testEnv(t)
		c, err := l.read(ctx, e, task)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		total.Add(c)
		dirs = append(dirs, e.Out)
	}
	c, err := l.splitRows(ctx, env, dirs)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if c.Read != total.Kept {
		t.Errorf("split read %d rows of %d", c.Read, total.Kept)
	}
	total.Kept = c.Kept // of the whole road; what split dropped, read had kept
	total.Add(pipeline.Counts{Dropped: c.Dropped})
	out := map[string][]Example{}
	for _, s := range Splits {
		name := filepath.Join(env.Out, s+"-00000.parquet")
		if _, err := os.Stat(name); err != nil {
			continue
		}
		if out[s], err = collect(shard.Read[Example](name)); err != nil {
			t.Fatal(err)
		}
	}
	rejects, err := collect(shard.Read[Reject](filepath.Join(env.Out, "rejects/rejects-00000.parquet")))
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || len(total.Dropped) > 0 || total.Failed > 0) {
		t.Fatal(err) // without rows there is no shard
	}
	for name, rows := range out {
		if len(rows) == 0 {
			t.Errorf("%s is a shard without rows, which Hugging Face datasets refuse", name)
		}
	}
	return out, rejects, total, env.Out
}

func file(t testing.TB, dir, name string, content []byte) settings.Path {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return settings.Path{Written: name, Abs: p}
}

func table(p settings.Path) []Data { return []Data{{name: "table", rows: &Table{Path: p}}} }

// The funnel of a small table with one of everything that can go wrong.
func TestLabelFunnel(t *testing.T) {
	csv := `review,stars,film
"Una historia honda, bien contada.",5,A
Aburrida y larga.,1.0,B
"Dijo ""basta"" y se fue.",2,B
Ni fu ni fa.,3,C
,4,C
Sin estrellas.,,C
Demasiadas.,11,C
Corta
Aburrida y larga.,1,B
Una joya.,4,D
Una maravilla.,5,E
No la vean.,1,F
Mal montada.,2,G
`
	l := NewLabel()
	l.Data = table(file(t, t.TempDir(), "reviews.csv", []byte(csv)))
	l.Text, l.Label = "review", "stars"
	l.Labels = map[string][]string{"neg": {"1", "2"}, "pos": {"4", "5"}}
	l.Drop = []string{"3"}
	l.Split = SplitBy{Test: 0.25, Stratify: true}
	examples, rejects, counts, dir := runLabel(t, l)

	got, _ := json.Marshal(counts)
	if want := `{"read":13,"kept":7,"dropped":{"duplicate":1,"empty":1,"label":1},"failed":3,"sums":{"bytes":135}}`; string(got) != want {
		t.Errorf("counts\n got %s\nwant %s", got, want)
	}
	var why []string
	for _, r := range rejects {
		why = append(why, fmt.Sprintf("%d %s %s%s", r.Offset, r.Rule, r.Value, r.Error))
	}
	want := []string{
		"3 label 3",
		"4 empty ",
		"5 error the row has no label; unlabelled: drop leaves such rows out",
		"6 error label \"11\" is in no class: add it to labels, or to drop",
		"7 error the row has 1 columns, column \"stars\" is number 2",
		"8 duplicate ",
	}
	if !slices.Equal(why, want) {
		t.Errorf("rejects\n got %q\nwant %q", why, want)
	}
	if len(examples[Train]) != 5 || len(examples[Test]) != 2 || examples[Test][0].Labels[0] == examples[Test][1].Labels[0] {
		t.Errorf("train %v\ntest %v", examples[Train], examples[Test])
	}
	if e := examples[Train][0]; len(e.ID) != 32 || e.Split != Train || e.Target != "" {
		t.Errorf("%+v", e)
	}
	m, err := pipeline.ReadMetrics(dir)
	if err != nil || len(m.Figures) != 9 || m.Figures[1] != (pipeline.Figure{Name: "examples of neg", Value: 3, Unit: "rows", Note: Train}) {
		t.Errorf("%v %+v", err, m.Figures)
	}
}

func TestPairRules(t *testing.T) {
	l := NewLabel()
	l.Split = SplitBy{}
	l.Pairs = Pairs{MinWords: 1, MaxWords: 5, MaxRatio: 2, DropIdentical: true, OnePerSource: true}
	l.Source, l.Target = "1", "2"
	l.Data = table(file(t, t.TempDir(), "x.tsv", []byte(strings.Join([]string{
		"Good day.\tBuenos días.", "Good day.\tBuen día.", "a b c d e f\ta b c d e f g", "no\tno", "one\tuno dos tres", "Hi\t", "Good day.\tBuenos días.",
	}, "\n"))))
	_, _, counts, _ := runLabel(t, l)
	got, _ := json.Marshal(counts.Dropped)
	if want := `{"duplicate":1,"empty":1,"identical":1,"max_ratio":1,"max_words":1,"same_source":1}`; string(got) != want || counts.Kept != 1 {
		t.Errorf("kept %d, dropped %s", counts.Kept, got)
	}
}

// What test holds leaves train, even if only case and points differ.
func TestLeaks(t *testing.T) {
	dir := t.TempDir()
	l := NewLabel()
	l.Text, l.Label = "1", "2"
	l.Split = SplitBy{}
	l.Data = []Data{
		{name: "table", rows: &Table{Path: file(t, dir, "a.tsv", []byte("Hola, mundo\ta\nOtra cosa\ta\nIgual\ta\n")), Given: Given{Split: Train}}},
		{name: "table", rows: &Table{Path: file(t, dir, "b.tsv", []byte("¡Hola mundo!\ta\nIgual\ta\n")), Given: Given{Split: Test}}},
	}
	examples, _, counts, _ := runLabel(t, l)
	if len(examples[Train]) != 1 || len(examples[Test]) != 2 || counts.Dropped["leak"] != 1 || counts.Dropped["duplicate"] != 1 {
		t.Errorf("%+v %+v", examples, counts)
	}
}

func TestNothingToLearnFrom(t *testing.T) {
	l := NewLabel()
	l.Text, l.Label = "1", "2"
	dir := t.TempDir()
	l.Data = []Data{
		{name: "table", rows: &Table{Path: file(t, dir, "a.tsv", []byte("uno\ta\n")), Given: Given{Split: Train}}},
		{name: "table", rows: &Table{Path: file(t, dir, "b.tsv", []byte("dos\tb\n")), Given: Given{Split: Test}}},
	}
	ctx, env := context.Background(), testEnv(t)
	tasks, _ := l.readTasks(ctx, env)
	var dirs []string
	for _, task := range tasks {
		e := testEnv(t)
		if _, err := l.read(ctx, e, task); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, e.Out)
	}
	if _, err := l.splitRows(ctx, env, dirs); err == nil || !strings.Contains(err.Error(), `no row of class "b" is left to train on`) {
		t.Errorf("error %v", err)
	}
	l.Data = l.Data[1:] // a test set alone is no fault
	if examples, _, _, _ := runLabel(t, l); len(examples[Test]) != 1 || len(examples[Train]) != 0 {
		t.Errorf("%+v", examples)
	}
	if _, err := l.splitRows(ctx, env, nil); err == nil || !strings.Contains(err.Error(), "no row is left") {
		t.Errorf("error %v", err)
	}
}

func TestLabelFaults(t *testing.T) {
	for want, break_ := range map[string]func(*Label){
		"no data to read":                 func(l *Label) { l.Data = nil },
		"a table needs to know":           func(l *Label) { l.Label = "" },
		"go together":                     func(l *Label) { l.Text, l.Label, l.Source = "", "", "en" },
		"either labelled texts or pairs":  func(l *Label) { l.Source, l.Target = "en", "es" },
		"means \"a\" already":             func(l *Label) { l.Labels = map[string][]string{"a": {"1"}, "b": {"1.0"}} },
		"is dropped and means":            func(l *Label) { l.Labels, l.Drop = map[string][]string{"a": {"1"}}, []string{"1"} },
		"a share lies between":            func(l *Label) { l.Split.Test = 1.5 },
		"nothing is left to learn from":   func(l *Label) { l.Split.Test = 0.95 },
		"pairs have no labels":            func(l *Label) { l.Data = []Data{{name: "lines", rows: &Lines{}}} },
		"names no file":                   func(l *Label) { l.Data = []Data{{name: "classes", rows: &Classes{}}} },
		"the class has no values":         func(l *Label) { l.Labels = map[string][]string{"a": nil} },
		"does not say how it is laid out": func(l *Label) { l.Data = []Data{{}} },
		"labelled texts and pairs do not": func(l *Label) { l.Data = append(l.Data, Data{name: "lines", rows: &Lines{}}) },
	} {
		l := NewLabel()
		l.Data = table(settings.Path{})
		l.Text, l.Label = "t", "l"
		break_(l)
		found := false
		for _, f := range l.Check() {
			found = found || strings.Contains(f.Err, want)
		}
		if !found {
			t.Errorf("no fault says %q: %+v", want, l.Check())
		}
	}
}

func TestExampleSchema(t *testing.T) {
	var columns []string
	for _, c := range parquet.SchemaOf(Example{}).Columns() {
		columns = append(columns, strings.Join(c, "."))
	}
	if want := []string{"id", "text", "target", "labels.list.element", "split", "score", "messages.list.element.role", "messages.list.element.content", "messages.list.element.masked"}; !slices.Equal(columns, want) {
		t.Errorf("examples: %q", columns)
	}
}

// moods are short texts whose class one letter tells.
func moods(n int) []Example {
	rng := rand.New(rand.NewPCG(3, 4))
	var out []Example
	for i := range n {
		class := []string{"mal", "bien"}[i%2]
		text := make([]byte, 3+rng.IntN(8))
		for k := range text {
			text[k] = "abcd"[rng.IntN(4)]
		}
		text[rng.IntN(len(text))] = "xy"[i%2]
		out = append(out, Example{ID: fmt.Sprint(i), Text: string(text), Labels: []string{class}, Split: []string{Train, Train, Train, Validation, Test}[i/2%5]})
	}
	return out
}

// The bytes of shards belong to the stage's version: if they change, raise
// Version and put the new checksums here.
func TestLabelBytes(t *testing.T) {
	var tsv strings.Builder
	for i, e := range moods(40) {
		fmt.Fprintf(&tsv, "%s\t%s\n", e.Text, e.Labels[0])
		if i%9 == 0 {
			fmt.Fprintf(&tsv, "%s\t\n", e.Text)
		}
	}
	l := NewLabel()
	l.Data = table(file(t, t.TempDir(), "x.tsv", []byte(tsv.String())))
	l.Text, l.Label = "1", "2"
	_, _, _, dir := runLabel(t, l)
	var got []string
	for _, name := range []string{"train-00000.parquet", "validation-00000.parquet", "test-00000.parquet", "rejects/rejects-00000.parquet", pipeline.MetricsName} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%016x", xxh3.Hash(b)))
	}
	want := []string{"699746b4a87e352b", "71fc25a9bd81685b", "1982e4044158b4a1", "dcded5945a84ec21", "6b43fde4e57deb34"}
	if l.Version() != 5 || !slices.Equal(got, want) {
		t.Errorf("version %d has checksums %q, want %q", l.Version(), got, want)
	}
}
