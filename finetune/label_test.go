package finetune

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"fragua/pipeline"
)

// quiet is a Progress that hears nothing.
type quiet struct{}

func (quiet) Expect(int64, string) {}
func (quiet) Advance(int64)        {}
func (quiet) Say(string)           {}

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
	for _, s := range splits {
		name := filepath.Join(env.Out, s+"-00000.parquet")
		if _, err := os.Stat(name); err != nil {
			continue
		}
		if out[s], err = collect(pipeline.ReadShard[Example](name)); err != nil {
			t.Fatal(err)
		}
	}
	rejects, err := collect(pipeline.ReadShard[Reject](filepath.Join(env.Out, "rejects/rejects-00000.parquet")))
	if err != nil {
		t.Fatal(err)
	}
	return out, rejects, total, env.Out
}

func file(t testing.TB, dir, name string, content []byte) pipeline.Path {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return pipeline.Path{Written: name, Abs: p}
}

func table(p pipeline.Path) []Data { return []Data{{name: "table", rows: &Table{Path: p}}} }

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
		"5 failed label \"\" is in no class: add it to labels, or to drop",
		"6 failed label \"11\" is in no class: add it to labels, or to drop",
		"7 failed the row has 1 columns, column \"stars\" is number 2",
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

// The same rows come out of every format and packing.
func TestFormats(t *testing.T) {
	type row struct {
		Texto string   `parquet:"texto"`
		Clase int64    `parquet:"clase"`
		Tags  []string `parquet:"tags,list"`
	}
	rows := []row{{"El \"niño\" rió, y ya.", 1, []string{"a", "b"}}, {"¡Qué año!", 0, []string{"b"}}, {"Así\tno.", 1, []string{"a"}}}
	var csv, tsv, jsonl, pq bytes.Buffer
	csv.WriteString("\ufefftexto;clase;tags\r\n")
	tsv.WriteString("clase\ttexto\ttags\n")
	w := parquet.NewGenericWriter[row](&pq)
	for _, r := range rows {
		fmt.Fprintf(&csv, "\"%s\";%d;%s\r\n", strings.ReplaceAll(r.Texto, `"`, `""`), r.Clase, strings.Join(r.Tags, "|"))
		fmt.Fprintf(&tsv, "%d\t%s\t%s\n", r.Clase, strings.ReplaceAll(r.Texto, "\t", " "), strings.Join(r.Tags, "|"))
		b, _ := json.Marshal(map[string]any{"texto": r.Texto, "clase": r.Clase, "tags": r.Tags, "m": map[string]any{"texto": r.Texto}})
		jsonl.Write(append(b, '\n'))
		w.Write([]row{r})
	}
	w.Close()
	zipped := new(bytes.Buffer)
	z := gzip.NewWriter(zipped)
	z.Write(jsonl.Bytes())
	z.Close()
	zs, _ := zstd.NewWriter(nil)
	latin, _ := charmap.Windows1252.NewEncoder().Bytes(tsv.Bytes())
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"a.csv": csv.Bytes(), "a.tsv": tsv.Bytes(), "latin.tsv": latin, "a.jsonl": jsonl.Bytes(), "a.jsonl.gz": zipped.Bytes(),
		"a.tsv.zst": zs.EncodeAll(tsv.Bytes(), nil), "a.parquet": pq.Bytes(),
	} {
		p := file(t, dir, name, content)
		for _, label := range []string{"clase", "tags"} {
			cols := columns{text: "texto", label: label}
			if label == "tags" && format(name) != "parquet" && format(name) != "jsonl" {
				cols.separator = "|"
			}
			if format(name) == "jsonl" {
				cols.text = "m.texto"
			}
			n := 0
			for rec, err := range readTable(p.Abs, cols) {
				if err != nil || rec.err != nil {
					t.Fatalf("%s: %v %v", name, err, rec.err)
				}
				text := rows[n].Texto
				if format(name) == "tsv" {
					text = strings.ReplaceAll(text, "\t", " ")
				}
				want := []string{fmt.Sprint(rows[n].Clase)}
				if label == "tags" {
					want = rows[n].Tags
				}
				if rec.text != text || !slices.Equal(rec.labels, want) || rec.row != int64(n) {
					t.Errorf("%s: row %d is %q %q (row %d), want %q %q", name, n, rec.text, rec.labels, rec.row, text, want)
				}
				n++
			}
			if n != len(rows) {
				t.Errorf("%s: %d rows", name, n)
			}
		}
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		content string
		cols    columns
		want    string
	}{
		"a.csv":     {"uno,dos\n1,2\n", columns{text: "uno", label: "tres"}, `no column "tres"`},
		"a.xls":     {"", columns{text: "1"}, `"xls" is no kind of table`},
		"b.parquet": {"PAR1 and nothing", columns{text: "a"}, "not a whole Parquet file"},
		"c.tsv.gz":  {"not packed", columns{text: "1"}, "not gzip"},
		"d.csv":     {"a,b\n\"never closed,1\n" + strings.Repeat("x,y\n", 2*maxQuotedLines), columns{text: "a"}, "quote"},
	} {
		p := file(t, dir, name, []byte(c.content))
		var last error
		for rec, err := range readTable(p.Abs, c.cols) {
			last = err
			_ = rec
		}
		if last == nil || !strings.Contains(last.Error(), c.want) || !strings.Contains(last.Error(), name) {
			t.Errorf("%s: error %v, want %q", name, last, c.want)
		}
	}
}

// Files by class, folders by class, files side by side, and encodings.
func TestLayouts(t *testing.T) {
	dir := t.TempDir()
	latin := func(s string) []byte {
		b, err := charmap.Windows1252.NewEncoder().Bytes([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	file(t, dir, "polo.pos", latin("Qué corazón.\nBien así, señor.\n"))
	file(t, dir, "polo.neg", []byte("Peor, imposible.\r\nNada más.\r\n"))
	l := NewLabel()
	l.Split = SplitBy{}
	l.Data = []Data{{name: "classes", rows: &Classes{Files: map[string]pipeline.Path{
		"pos": {Written: "polo.pos", Abs: filepath.Join(dir, "polo.pos")}, "neg": {Written: "polo.neg", Abs: filepath.Join(dir, "polo.neg")}}}}}
	examples, _, _, _ := runLabel(t, l)
	var got []string
	for _, e := range examples[Train] {
		got = append(got, e.Labels[0]+" "+e.Text)
	}
	if want := []string{"neg Peor, imposible.", "neg Nada más.", "pos Qué corazón.", "pos Bien así, señor."}; !slices.Equal(got, want) {
		t.Errorf("classes: %q", got)
	}

	file(t, dir, "films/README", []byte("no example"))
	file(t, dir, "films/bueno/a.txt", []byte("Una línea.\nOtra.\n"))
	file(t, dir, "films/malo/b.txt", latin("Adiós.\n"))
	l.Data = []Data{{name: "folders", rows: &Folders{Path: pipeline.Path{Written: "films", Abs: filepath.Join(dir, "films")}}}}
	examples, _, _, _ = runLabel(t, l)
	if e := examples[Train]; len(e) != 2 || e[0].Labels[0] != "bueno" || e[0].Text != "Una línea.\nOtra." || e[1].Text != "Adiós." {
		t.Errorf("folders: %+v", e)
	}

	en := file(t, dir, "c.en", []byte("The sea.\nThe sea\nA house.\n"))
	es := file(t, dir, "c.es", []byte("El mar.\nLa mar.\nUna casa.\n"))
	l.Data = []Data{{name: "lines", rows: &Lines{Source: en, Target: es}}}
	examples, _, _, _ = runLabel(t, l)
	if e := examples[Train]; len(e) != 3 || e[1].Text != "The sea" || e[1].Target != "La mar." || len(e[1].Labels) != 0 {
		t.Errorf("lines: %+v", e)
	}
	file(t, dir, "c.es", []byte("El mar.\n"))
	for _, err := range (&Lines{Source: en, Target: es}).read(dataFile{path: en.Abs, other: es.Abs}, columns{}) {
		if err != nil && !strings.Contains(err.Error(), "same number of lines") {
			t.Error(err)
		}
	}
}

// A row of bad bytes in a file of UTF-8 fails alone; a file of Latin-1 does not.
func TestSniff(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"ascii":  {"hola", "utf-8"},
		"utf-8":  {"señor, año\n\xff\n", "utf-8"},
		"latin":  {"se\xf1or, a\xf1o", "windows-1252"},
		"marked": {"\xef\xbb\xbfse\xf1or", "utf-8"},
		"utf-16": {"\xff\xfeh\x00", "utf-16"},
		"cut":    {strings.Repeat("x", 1<<16-1) + "ñ", "utf-8"},
		"empty":  {"", "utf-8"},
	} {
		if got, err := sniff(strings.NewReader(c.in)); got != c.want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	l := NewLabel()
	l.Split = SplitBy{}
	l.Source, l.Target = "1", "2"
	l.Data = table(file(t, t.TempDir(), "x.tsv", []byte("año\tyear\nni\xffo\tchild\nma\xc3\xb1ana\ttomorrow\n")))
	examples, rejects, counts, _ := runLabel(t, l)
	if len(examples[Train]) != 2 || counts.Failed != 1 || !strings.Contains(rejects[0].Error, "byte 0xFF at 2") {
		t.Errorf("%+v %+v", counts, rejects)
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
		{name: "table", rows: &Table{Path: file(t, dir, "a.tsv", []byte("Hola, mundo\ta\nOtra cosa\ta\nIgual\ta\n")), Split: Train}},
		{name: "table", rows: &Table{Path: file(t, dir, "b.tsv", []byte("¡Hola mundo!\ta\nIgual\ta\n")), Split: Test}},
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
		{name: "table", rows: &Table{Path: file(t, dir, "a.tsv", []byte("uno\ta\n")), Split: Train}},
		{name: "table", rows: &Table{Path: file(t, dir, "b.tsv", []byte("dos\tb\n")), Split: Test}},
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
		"says not how it is laid out":     func(l *Label) { l.Data = []Data{{}} },
		"labelled texts and pairs do not": func(l *Label) { l.Data = append(l.Data, Data{name: "lines", rows: &Lines{}}) },
	} {
		l := NewLabel()
		l.Data = table(pipeline.Path{})
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

// No group stands in two splits; single rows split to within one row; the
// order of rows and nothing else than the seed matters.
func TestSplitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := SplitBy{Validation: rapid.Float64Range(0, 0.4).Draw(t, "validation"), Test: rapid.Float64Range(0, 0.4).Draw(t, "test"), Stratify: rapid.Bool().Draw(t, "stratify")}
		single := rapid.Bool().Draw(t, "single")
		n := rapid.IntRange(1, 200).Draw(t, "n")
		members := make([]member, n)
		classSize := map[int32]int{}
		for i := range members {
			members[i] = member{group: uint64(i), class: int32(rapid.IntRange(0, 2).Draw(t, "class")), split: unset}
			if !single {
				members[i].group = uint64(rapid.IntRange(0, n/3).Draw(t, "group"))
			}
			if s.Stratify {
				classSize[members[i].class]++
			} else {
				classSize[0]++
			}
		}
		again := slices.Clone(members)
		slices.Reverse(again)
		s.assign(members, 7)
		s.assign(again, 7)
		slices.Reverse(again)
		if single && !slices.Equal(members, again) {
			t.Fatal("the order of the rows matters")
		}
		where := map[uint64]uint8{}
		count := map[int32]*[3]int{}
		for _, m := range members {
			if m.split > 2 {
				t.Fatal("a row has no split")
			}
			if w, ok := where[m.group]; ok && w != m.split {
				t.Fatal("a group is in two splits")
			}
			where[m.group] = m.split
			c := m.class
			if !s.Stratify {
				c = 0
			}
			if count[c] == nil {
				count[c] = new([3]int)
			}
			count[c][m.split]++
		}
		for c, size := range classSize {
			got := count[c]
			if single {
				for i, share := range map[int]float64{1: s.Validation, 2: s.Test} {
					if d := float64(got[i]) - share*float64(size); d > 1 || d < -1 {
						t.Fatalf("class %d: split %d has %d of %d rows, share %v", c, i, got[i], size, share)
					}
				}
			} else if s.Stratify && len(classSize) == 1 && (got[1] > quota(s.Validation, size) || got[2] > quota(s.Test, size)) {
				t.Fatalf("a split is overfull: %v", got)
			}
		}
	})
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n\"x"), 0)
	f.Add([]byte("a\tb\nñ\t\xff\n"), 1)
	f.Add([]byte(`{"a":"x","b":[1,"y"]}`+"\n{"), 2)
	f.Add([]byte("\xff\xfea\x00,\x00b\x00\n\x00"), 0)
	f.Fuzz(func(t *testing.T, content []byte, kind int) {
		read := [](func(io.Reader, columns, func(record) bool) error){commas, tabs, jsonLines}[uint(kind)%3]
		for _, cols := range []columns{{text: "a", label: "b", separator: "|"}, {text: "1", target: "2"}} {
			n := int64(0)
			read(bytes.NewReader(content), cols, func(r record) bool {
				if r.row != n {
					t.Errorf("row %d is numbered %d", n, r.row)
				}
				n++
				return true
			})
		}
		sniff(bytes.NewReader(content))
	})
}

func FuzzReadParquet(f *testing.F) {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[Example](&b)
	w.Write([]Example{{ID: "1", Text: "hola", Labels: []string{"a", "b"}, Split: Train}, {ID: "2", Text: "adiós", Labels: nil, Split: Test}})
	w.Close()
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		name := filepath.Join(dir, "x.parquet")
		if err := os.WriteFile(name, content, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, err := range readParquet(name, columns{text: "text", label: "labels"}) {
			if err != nil {
				return
			}
		}
	})
}

func TestExampleSchema(t *testing.T) {
	var columns []string
	for _, c := range parquet.SchemaOf(Example{}).Columns() {
		columns = append(columns, strings.Join(c, "."))
	}
	if want := []string{"id", "text", "target", "labels.list.element", "split"}; !slices.Equal(columns, want) {
		t.Errorf("examples: %q", columns)
	}
	columns = nil
	for _, c := range parquet.SchemaOf(Prediction{}).Columns() {
		columns = append(columns, c[0])
	}
	if want := []string{"id", "input", "want", "got", "probs"}; !slices.Equal(columns, want) {
		t.Errorf("predictions: %q", columns)
	}
}
