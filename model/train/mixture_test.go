package train

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"fragua/model"
	"fragua/pipeline"
	"fragua/tokenize"
)

const mixtureRoad = road + `
  - {name: grams, use: ngram, from: [blocks], with: {order: 4}}
  - {name: mixed, use: mixture, from: {blocks: blocks, network: base, ngram: grams}}
`

// The mixture predicts better than its parts, on text that they did not see.
// What it writes is opened for scoring and for generation, and both agree.
func TestMixture(t *testing.T) {
	dir := t.TempDir()
	yaml := strings.NewReplacer("steps: 20", "optimizer: muon\n      steps: 300", "batch: 4", "batch: 8", "eval_every: 8", "eval_every: 100", "order: 4", "order: 3").Replace(mixtureRoad)
	if _, err := runRoad(t, dir, yaml, pipeline.Options{Workers: 2}, nil); err != nil {
		t.Fatal(err)
	}
	metrics, err := pipeline.ReadMetrics(filepath.Join(dir, "mixed"))
	if err != nil {
		t.Fatal(err)
	}
	mixed, static, net, grams := metrics.Figures[0].Value, metrics.Figures[2].Value, metrics.Figures[3].Value, metrics.Figures[4].Value
	if !(static < min(net, grams)-.02) || !(mixed < static) {
		t.Errorf("%.3f bits per byte, %.3f without the cache; the parts have %.3f and %.3f", mixed, static, net, grams)
	}

	manifest, err := pipeline.ReadManifest(filepath.Join(dir, "blocks"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := openData(pipeline.Dir{Path: filepath.Join(dir, "blocks"), Manifest: manifest})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	scorer, err := OpenScorer(filepath.Join(dir, "mixed"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := BitsPerByte(context.Background(), scorer, d.validation, d.tok, 0)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(e.BitsPerByte()-mixed) > .05 { // of a few hundred targets
		t.Errorf("%.3f bits per byte with the weights learned on all, %.3f with each half's by the other", e.BitsPerByte(), mixed)
	}
	checkMixtureDecoder(t, scorer.(*Mixture), d.tok)
}

// checkMixtureDecoder holds the decoder to Score, one id at a time.
func checkMixtureDecoder(t *testing.T, m *Mixture, tok *tokenize.Tokenizer) {
	ids, err := tok.AppendIDs(nil, "The light of the sun and of the moon.")
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	d := m.Decoder()
	for i, next := range ids[1:] {
		logp := d.Feed([][]int32{ids[i : i+1]})
		sum := 0.0
		for _, l := range logp {
			sum += math.Exp(float64(l))
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Errorf("after %d ids the probabilities sum to %g", i+1, sum)
		}
		want += float64(logp[next])
		if i == 2 {
			d.Select([]int{0}) // what is forked goes on as it was
		}
	}
	b := model.Batch{B: 1, T: len(ids), IDs: ids, Targets: append(append([]int32(nil), ids[1:]...), -1)}
	got, err := m.Score(&b)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got[0]-want) > 1e-3*math.Abs(want) {
		t.Errorf("Score gives %g, the decoder %g", got[0], want)
	}
}

// Parts of different vocabularies, and a folder that holds no n-gram model, are refused.
func TestMixtureRefuses(t *testing.T) {
	dir := t.TempDir()
	yaml := strings.Replace(mixtureRoad, "ngram: grams", "ngram: base", 1)
	_, err := runRoad(t, dir, yaml, pipeline.Options{Workers: 1}, nil)
	if err == nil || !strings.Contains(err.Error(), "model.ngram") {
		t.Errorf("an n-gram model that is none: %v", err)
	}
}
