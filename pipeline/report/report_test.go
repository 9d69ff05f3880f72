package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

var keep = flag.String("keep", "", "write the report to this file as well, to be looked at")

type docRow struct {
	Text     string  `parquet:"text"`
	Source   string  `parquet:"source,dict"`
	Path     string  `parquet:"path"`
	Title    string  `parquet:"title"`
	Language string  `parquet:"language"`
	License  string  `parquet:"license"`
	Split    string  `parquet:"split"`
	Words    int64   `parquet:"words"`
	Rule     string  `parquet:"rule"`
	Value    float64 `parquet:"value"`
	Limit    float64 `parquet:"limit"`
	Error    string  `parquet:"error"`
}

type answerRow struct {
	Input string    `parquet:"input"`
	Want  string    `parquet:"want"`
	Got   string    `parquet:"got"`
	Probs []float32 `parquet:"probs,list"`
}

// hostile changes nothing but its own text, wherever it stands.
const hostile = "</script><img src=x onerror=alert(1)>\u2028\x1b[31m\"'"

// written makes a run directory by hand, as a run would have left it.
func written(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(name), 0o755)
		os.WriteFile(name, b, 0o644)
	}
	info := pipeline.RunInfo{Program: "fragua 0.1", Name: "forge & anvil", System: "linux/amd64", Workers: 2, CPU: "avx512",
		Began: time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)}
	stage := func(m pipeline.Manifest, metrics *pipeline.Metrics) {
		m.Key = "0123456789abcdef"
		info.Stages = append(info.Stages, pipeline.StageInfo{Name: m.Stage, Use: m.Use, Seconds: 1.5 + 30*float64(len(info.Stages)), Tasks: 4})
		put(m.Stage+"/manifest.json", m)
		if metrics != nil {
			if err := pipeline.WriteMetrics(filepath.Join(dir, m.Stage), *metrics); err != nil {
				t.Fatal(err)
			}
		}
	}
	docs := writeRows(t, dir, "corpus", "part-00000.parquet", []docRow{{Text: "Clang.", Source: "books", Language: "es", License: "public domain", Split: "train", Words: 3}, {Text: "Clang, clang.", Source: "books", Language: "en", Split: "train", Words: 700}})
	rejects := writeRows(t, dir, "corpus", "rejects/part-00000.parquet", []docRow{
		{Text: "Too short " + hostile, Path: "a.txt", Title: "An <i>anvil</i>", Rule: "length.min", Value: 2, Limit: 20},
		{Text: strings.Repeat("word ", 500), Path: "b.txt", Rule: "gopher_quality.min_words", Value: 31, Limit: 50}, {Path: "c.txt", Rule: "error", Error: "not UTF-8"}})
	stage(pipeline.Manifest{Stage: "corpus", Use: "ingest", Kind: pipeline.Documents, Shards: []shard.File{docs, rejects}, Counts: pipeline.Counts{Read: 1000, Split: 240, Kept: 1100, Failed: 5,
		Dropped: map[string]int64{"gopher_quality.min_words": 120, "length.min": 15}}}, nil)
	stage(pipeline.Manifest{Stage: "reviews", Use: "label", Kind: pipeline.Examples, Counts: pipeline.Counts{Read: 4308, Kept: 4297, Dropped: map[string]int64{"duplicate": 11}},
		Phases: []pipeline.PhaseCounts{{Phase: "read", Counts: pipeline.Counts{Read: 4329, Kept: 4308, Dropped: map[string]int64{"empty": 21}}}}}, nil)
	var train, valid pipeline.Curve
	train = pipeline.Curve{Name: "train", X: "step", Y: "bits per byte"}
	valid = pipeline.Curve{Name: "validation", X: "step", Y: "bits per byte"}
	for i := range 400 {
		y := 1.6 + 6*math.Exp(-float64(i)/40) + .05*math.Sin(float64(i*i))
		train.Points = append(train.Points, [2]float64{float64(i), y})
		if i%50 == 49 {
			valid.Points = append(valid.Points, [2]float64{float64(i), y + .1})
		}
	}
	stage(pipeline.Manifest{Stage: "base", Use: "pretrain", Kind: pipeline.Model}, &pipeline.Metrics{
		Figures: []pipeline.Figure{
			{Name: "bits per byte", Value: 1.7123, PlusMinus: .012, N: 44321, Better: "lower", Note: "validation", Headline: true},
			{Name: "bits per byte", Value: 2.0311, N: 44321, Better: "lower", Note: "4-gram", Headline: true},
			{Name: "parameters", Value: 3_407_872},
		},
		Curves: []pipeline.Curve{train, valid, {Name: "4-gram", X: "step", Y: "bits per byte", Points: [][2]float64{{0, 2.0311}}},
			{Name: "rate", X: "step", Y: "learning rate", Points: [][2]float64{{0, 0}, {40, .001}, {400, .0001}}}},
		Samples: []pipeline.Sample{{Title: "step 400, temperature 0.8", Text: "The smith <b>struck</b> the iron,\nand the iron sang."}, {Title: hostile, Text: hostile}},
	})
	stage(pipeline.Manifest{Stage: "mood", Use: "finetune", Kind: pipeline.Model}, &pipeline.Metrics{
		Figures: []pipeline.Figure{
			{Name: "accuracy", Value: .8125, PlusMinus: .038, N: 400, Unit: "share", Better: "higher", Note: "test"},
			{Name: "accuracy", Value: .5, N: 400, Unit: "share", Better: "higher", Note: "majority"},
		},
		Looks:     []pipeline.Look{{Title: "layer 1, head 2", Tokens: []string{"The", " forge"}, Rows: [][]float64{{1, 0}, {.25, .75}}}},
		Confusion: &pipeline.Confusion{Labels: []string{"negative", "positive"}, Rows: [][]int64{{170, 30}, {45, 155}}},
		Translations: []pipeline.Translation{{Source: "The red hammer falls.", Reference: "El martillo rojo cae.", Output: "El martillo cae.", Baseline: "The red hammer falls."},
			{Source: "Two sparks fly.", Reference: "Vuelan dos chispas.", Output: "Dos chispas vuelan.", Baseline: "Two sparks fly."}},
	})
	answers := writeRows(t, dir, "answers", "predictions-00000.parquet", []answerRow{{"A dull book.", "negative", "positive", []float32{.1, .9}}, {"Lovely.", "positive", "positive", []float32{.1, .9}},
		{"Not bad at all.", "negative", "positive", []float32{.4, .6}}})
	stage(pipeline.Manifest{Stage: "answers", Use: "evaluate", Kind: pipeline.Predictions, Shards: []shard.File{answers}, Counts: pipeline.Counts{Read: 3, Kept: 3}}, nil)
	info.Stages = append(info.Stages, pipeline.StageInfo{Name: "speak", Use: "generate", Error: "disk full"})
	put(pipeline.InfoName, info)
	os.WriteFile(filepath.Join(dir, pipeline.ResolvedName), []byte("seed: 1337\nstages: []\n"), 0o644)
	return dir
}

// writeRows writes a shard of a stage.
func writeRows[Row any](t *testing.T, dir, stage, name string, rows []Row) shard.File {
	t.Helper()
	file := filepath.Join(dir, stage, name)
	os.MkdirAll(filepath.Dir(file), 0o755)
	written, err := shard.Write(file, func(yield func(Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	written.Name = name
	return written
}

func TestReport(t *testing.T) {
	dir := written(t)
	name, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		os.WriteFile(*keep, b, 0o644)
	}
	html := string(b)
	for _, want := range []string{
		"forge &amp; anvil", "1\u202f000 documents read \u002b 240 split off = 1\u202f100 kept", "120 gopher_quality.min_words", "5 failed",
		"1.712 ± 0.012", "81.2 ± 3.8 %", "3\u202f407\u202f872", "<polyline", "across", "learning rate",
		"&lt;b&gt;struck", "El martillo cae.", "rgb(var(--heat) / 85%)", "layer 1, head 2", "rgb(var(--heat) / 75%)", "not finished: disk full", "seed: 1337", "prefers-color-scheme: dark",
		"4\u202f329 examples read = 4\u202f308 kept + 21 empty", "4\u202f308 examples read = 4\u202f297 kept + 11 duplicate", // every phase that lost rows
		`class="r0"`, "measured 31, limit 50", "a.txt · An &lt;i&gt;anvil", "not UTF-8", "public domain", "words a document", // what was dropped, and the data card
		"4-gram: <span class=\"nowrap\">2.031</span>", "from 7.6", // a headline's baseline, and where a curve began
		"negative, predicted as positive: 2", "A dull book. <span class=\"dim\">probability 0.90", "&lt;/script&gt;&lt;img",
	} {
		if !strings.Contains(strings.ReplaceAll(html, "&#43;", "+"), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, not := range []string{"http:", "https:", "<script", "ZgotmplZ", "<b>struck", "<img", "<i>anvil"} {
		if strings.Contains(html, not) {
			t.Errorf("the report has %q", not)
		}
	}
	run, err := pipeline.OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := Write(&again, run); err != nil || again.String() != html {
		t.Errorf("written twice it differs (%v)", err)
	}
	if _, err := Create(t.TempDir()); err == nil {
		t.Error("no run: no error")
	}
	os.WriteFile(filepath.Join(dir, "base", pipeline.MetricsName), []byte("{"), 0o644)
	if _, err := Create(dir); err == nil || !strings.Contains(err.Error(), filepath.Join("base", pipeline.MetricsName)) {
		t.Errorf("damaged metrics: %v", err)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		s    span
		n    int
		want []float64
	}{
		{span{0, 10}, 5, []float64{0, 2, 4, 6, 8, 10}}, {span{0, 399}, 6, []float64{0, 100, 200, 300}}, {span{-1, 1}, 4, []float64{-1, -.5, 0, .5, 1}}, {span{1.61, 1.64}, 3, []float64{1.61, 1.62, 1.63, 1.64}},
	} {
		got := ticks(c.s, c.n)
		if len(got) != len(c.want) {
			t.Errorf("ticks(%v, %d) = %v, want %v", c.s, c.n, got, c.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("ticks(%v, %d) = %v, want %v", c.s, c.n, got, c.want)
			}
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7: "7", -1234: "-1\u202f234", 1234567: "1\u202f234\u202f567", 1.70001: "1.7", 12.345: "12.35", 123.456: "123.5", 12345.6: "12\u202f346", .00012345: "0.000123", -.5: "-0.5"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}

// A report of one point has axes that begin where values can be.
func TestOnePoint(t *testing.T) {
	h := string(figure([]pipeline.Curve{{Name: "one", X: "step", Y: "loss", Points: [][2]float64{{0, 2}}}}))
	if !strings.Contains(h, "<circle") || strings.Contains(h, ">-") {
		t.Errorf("%s", h)
	}
}

func TestOddCurves(t *testing.T) {
	for _, c := range [][]pipeline.Curve{
		{{Name: "empty"}}, {{Name: "one", Points: [][2]float64{{1, 1}}}}, {{Name: "same", Points: [][2]float64{{1, 2}, {1, 2}, {1, 2}}}},
		{{Name: "long", Points: make([][2]float64, 5000)}}, {{Name: "huge", Points: [][2]float64{{0, -1e300}, {1, 1e300}}}},
	} {
		for _, h := range charts(c) {
			if strings.Contains(string(h), "NaN") || strings.Contains(string(h), "Inf") {
				t.Errorf("%s: %.200s", c[0].Name, h)
			}
		}
	}
}
