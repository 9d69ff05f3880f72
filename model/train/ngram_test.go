package train

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model"
	"fragua/model/ngram"
	"fragua/pipeline"
)

func TestStretches(t *testing.T) {
	p := packed{context: 4, rows: []row{
		{[]int32{3, 4, 0, 7, 2}, []int32{0, 3}, 5},
		{[]int32{2, 5, 0, 6, 9}, []int32{3}, 4}, // from the middle of a document; one id is padding
		{[]int32{0, 0, 0, 0, 0}, nil, 0},
	}}
	var got [][]int32
	for s := range documentsIn(context.Background(), p, new(error)) {
		got = append(got, slices.Clone(s))
	}
	want := [][]int32{{3, 4, 0}, {7, 2}, {2, 5, 0}, {6}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBaselineTargets: the n-gram model is asked for the same targets, given the
// ids of the same document and row, as a model with attention.
func TestBaselineTargets(t *testing.T) {
	const end = 0
	p := packed{context: 5, rows: []row{
		{[]int32{3, 4, 0, 7, 2, 5}, []int32{0, 3}, 6},
		{[]int32{5, 1, 1, 0, 9, 9}, nil, 4},
		{[]int32{3, 4, 1, 0, 7, 2}, []int32{0, 4}, 6},
	}}
	m, err := ngram.Train(ngram.Options{Order: 3, Vocab: 10, End: end}, documentsIn(context.Background(), p, new(error)))
	if err != nil {
		t.Fatal(err)
	}
	counts, err := BitsPerByte(context.Background(), ScoreNgram(m), p, sized{10}, 0)
	if err != nil {
		t.Fatal(err)
	}
	lm, err := (&model.GPT{Layers: 1, Heads: 1, Width: 8}).Build(10, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	neural, err := BitsPerByte(context.Background(), model.Score(lm), p, sized{10}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Targets != neural.Targets || counts.Bytes != neural.Bytes || counts.Rows != neural.Rows {
		t.Errorf("the n-gram model was asked for %d targets of %d bytes, the neural one for %d of %d",
			counts.Targets, counts.Bytes, neural.Targets, neural.Bytes)
	}
	var want float64
	for _, q := range []struct {
		before []int32
		id     int32
	}{
		{[]int32{end, 3}, 4}, {[]int32{3, 4}, 0}, {[]int32{end, 7}, 2}, {[]int32{7, 2}, 5},
		{[]int32{end, 5}, 1}, {[]int32{5, 1}, 1}, {[]int32{1, 1}, 0},
		{[]int32{end, 3}, 4}, {[]int32{3, 4}, 1}, {[]int32{4, 1}, 0}, {[]int32{end, 7}, 2},
	} {
		want -= m.LogProb(q.before, q.id)
	}
	if math.Abs(counts.NLL-want) > 1e-9 {
		t.Errorf("nll %.6f, want %.6f", counts.NLL, want)
	}
	var b model.Batch
	resize(&b, 1, 2)
	fillRow(&b, 0, []int32{1, 20, 3}, []int32{0}, 3)
	if _, err := ScoreNgram(m).Score(&b); err == nil {
		t.Error("an id outside the vocabulary was scored")
	}
}

// TestNgramStage: the stage's model is the one that pretraining puts beside its own.
func TestNgramStage(t *testing.T) {
	yaml := road + "      baseline: 3\n" + "  - {name: count, use: ngram, from: [blocks], with: {order: 3}}\n"
	dir := t.TempDir()
	if _, err := runRoad(t, dir, yaml, pipeline.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	bits := func(stage, note string) float64 {
		m, err := pipeline.ReadMetrics(filepath.Join(dir, stage))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Figures {
			if f.Name == "bits per byte" && strings.Contains(f.Note, note) {
				return f.Value
			}
		}
		t.Fatalf("%s has no bits per byte of %s", stage, note)
		return 0
	}
	if a, b := bits("base", "3-gram"), bits("count", "validation"); a != b || a < 1 || a > 5 {
		t.Errorf("bits per byte: %.6f beside pretraining, %.6f alone", a, b)
	}
	for _, stage := range []string{"base", "count"} {
		s, err := OpenScorer(filepath.Join(dir, stage))
		if err != nil {
			t.Fatal(err)
		}
		d, err := openData(pipeline.Dir{Path: filepath.Join(dir, "blocks"), Manifest: manifest(t, dir, "blocks")})
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		e, err := BitsPerByte(context.Background(), s, d.validation, d.tok, 0)
		if err != nil || e.BitsPerByte() != bits(stage, "validation") {
			t.Errorf("%s: opened again it has %.6f bits per byte, error %v", stage, e.BitsPerByte(), err)
		}
	}
	decodesAsItScores(t, filepath.Join(dir, "count"))
	if err := os.Truncate(filepath.Join(dir, "count", ngramFile), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenScorer(filepath.Join(dir, "count")); err == nil || !strings.Contains(err.Error(), ngramFile) {
		t.Errorf("a cut file: error is %v", err)
	}
}

// decodesAsItScores holds what an n-gram model gives for the next id to LogProb, id by id and in two
// rows, one of which takes the other's place.
func decodesAsItScores(t *testing.T, dir string) {
	t.Helper()
	g, err := OpenGenerator(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := g.(ngramGenerator).Model
	d := g.Decoder()
	first, second := []int32{5, 6, 7, 8}, []int32{9}
	d.Feed([][]int32{first, second})
	d.Select([]int{1, 0, 0})
	got := d.Feed([][]int32{{6}, {6}, {7}})
	for r, context := range [][]int32{{m.End(), 9, 6}, {6, 7, 8, 6}, {6, 7, 8, 7}} {
		sum := 0.0
		for id := range m.Vocab() {
			logp := float64(got[r*m.Vocab()+id])
			if want := m.LogProb(context, int32(id)); math.Abs(logp-want) > 1e-4 {
				t.Fatalf("row %d: id %d has %g, want %g", r, id, logp, want)
			}
			sum += math.Exp(logp)
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Errorf("row %d sums to %g", r, sum)
		}
	}
}

func manifest(t *testing.T, dir, stage string) *pipeline.Manifest {
	t.Helper()
	m, err := pipeline.ReadManifest(filepath.Join(dir, stage))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
