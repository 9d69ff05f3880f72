package finetune

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/pipeline"
)

// Every strategy is saved, opened, and answers as it was scored; best is the one with
// the least log loss on validation, and without a model n-grams answer.
func TestStrategies(t *testing.T) {
	set := moods(200)
	base, dir := baseModel(t, 16), examplesDir(t, set)
	for _, s := range append([]Strategy{Best, ""}, Best.candidates(true, false)...) {
		f := tune(sentiment(KeepEnds))
		f.Strategy, f.Epochs = s, 3
		model := base
		if s == "" { // n-grams without a model
			f.Strategy, model = Best, pipeline.Dir{}
		}
		out, _ := run(t, f, model, dir)
		m, err := pipeline.ReadMetrics(out)
		if err != nil {
			t.Fatal(err)
		}
		p, err := OpenPredictor(out)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		hits := 0.0
		for _, e := range set {
			if label, probs, err := p.Predict(context.Background(), e.Text); err != nil {
				t.Fatal(err)
			} else if e.Split == examples.Test && label == e.Labels[0] {
				hits++
			} else if sum := probs[0] + probs[1]; sum < .999 || sum > 1.001 {
				t.Fatalf("%q: probabilities %v", s, probs)
			}
		}
		if acc := figure(t, m, "accuracy", examples.Test); hits/float64(acc.N) != acc.Value {
			t.Errorf("%q: opened again it is right %v times of %d, before %v", s, hits, acc.N, acc.Value)
		}
		answers := p.tuned.answers().strategy
		switch s {
		case "":
			if answers != NGrams || p.tuned.LM != nil {
				t.Errorf("without a model %q answers", answers)
			}
		case Best:
			least := figure(t, m, "validation log loss", string(answers)).Value
			for _, c := range Best.candidates(true, false) {
				if v := figure(t, m, "validation log loss", string(c)).Value; v < least {
					t.Errorf("%s was chosen with %v, and %s has %v", answers, least, c, v)
				}
			}
		default:
			if answers != s {
				t.Errorf("%q answers, want %q", answers, s)
			}
		}
		for _, name := range []string{MajorityName, NBLRName, TFIDFName} {
			figure(t, m, "accuracy", name)
		}
		if s != "" {
			figure(t, m, "accuracy", FrozenName)
		}
	}
}

func TestStrategyRefusals(t *testing.T) {
	set := moods(40)
	var train []examples.Example
	for _, e := range set {
		if e.Split == examples.Train {
			train = append(train, e)
		}
	}
	base := baseModel(t, 16)
	for _, c := range []struct {
		strategy Strategy
		goal     Goal
		model    string
		set      []examples.Example
		want     string
	}{
		{Best, sentiment(KeepEnds), base.Path, train, "chooses on validation"},
		{Frozen, sentiment(KeepEnds), "", set, "needs a pretrained model"},
		{Best, translation(), "", mirrors(20), "needs a pretrained model"},
		{NGrams, translation(), base.Path, mirrors(20), "texts of one class each"},
	} {
		f := tune(c.goal)
		f.Strategy = c.strategy
		sets := map[string][]examples.Example{}
		for _, e := range c.set {
			sets[e.Split] = append(sets[e.Split], e)
		}
		if _, err := f.prepare(c.model, sets, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.strategy, err, c.want)
		}
	}
}

// A model whose linear files are damaged is refused, not answered with.
func TestDamagedEnsemble(t *testing.T) {
	f := tune(sentiment(KeepEnds))
	f.Strategy = NGrams
	for _, name := range []string{linearFile, ngramsFile} {
		out, _ := run(t, f, pipeline.Dir{}, examplesDir(t, moods(40)))
		for _, b := range [][]byte{[]byte("[]"), []byte("[[],[],[]]"), nil} {
			if err := os.WriteFile(filepath.Join(out, name), b, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenPredictor(out); err == nil {
				t.Errorf("%s of %q is opened", name, b)
			}
		}
	}
}
