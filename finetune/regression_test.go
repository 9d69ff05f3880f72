package finetune

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/pipeline"
)

// TestRegression learns how many x a text has, in hundreds above a thousand, and opens what was
// saved; what is no number is refused.
func TestRegression(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var set []examples.Example
	for i := range 250 {
		text, n := []byte("abcdabcd"), 0
		for k := range text {
			if rng.IntN(3) == 0 {
				text[k] = 'x'
				n++
			}
		}
		set = append(set, examples.Example{ID: fmt.Sprint(i), Text: string(text), Labels: []string{fmt.Sprint(1000 + 100*n)},
			Split: []string{examples.Train, examples.Train, examples.Train, examples.Validation, examples.Test}[i%5]})
	}
	g := NewRegression()
	g.TooLong, g.Pool, g.Dropout = LongError, PoolMean, 0
	f := tune(g)
	f.Epochs, f.LR = 20, 1e-2
	dir, _ := run(t, f, baseModel(t, 16), examplesDir(t, set))
	m, err := pipeline.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	mean := figure(t, m, "RMSE", MeanName).Value
	if got := figure(t, m, "RMSE", examples.Test); got.Value > 0.5*mean || got.PlusMinus <= 0 {
		t.Errorf("%+v, and %v of the mean", got, mean)
	}
	if got := figure(t, m, "Spearman correlation", examples.Test); got.Value < 0.8 {
		t.Errorf("%+v", got)
	}
	figure(t, m, "MAE", RidgeName)
	figure(t, m, "Pearson correlation", FrozenRidgeName)
	config, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil || !strings.Contains(string(config), `"problem_type": "regression"`) {
		t.Errorf("%v: %s", err, config)
	}
	p, err := OpenPredictor(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p.Labels() != nil || !p.Numbers() {
		t.Errorf("labels %q", p.Labels())
	}
	few, err := p.Reply(context.Background(), "abcdabcd")
	many, err2 := p.Reply(context.Background(), "xxxxxxab")
	low, err3 := strconv.ParseFloat(few, 64)
	high, err4 := strconv.ParseFloat(many, 64)
	if err != nil || err2 != nil || err3 != nil || err4 != nil || low > 1150 || high < 1400 {
		t.Errorf("%q %q; %v %v", few, many, err, err2)
	}
	for labels, want := range map[string]string{"good": `"good" is no number`, "NaN": "no number", "": "0 labels"} {
		e := examples.Example{ID: "1", Text: "a"}
		if labels != "" {
			e.Labels = []string{labels}
		}
		other := tune(NewRegression())
		if _, err := other.prepare(baseModel(t, 16).Path, map[string][]examples.Example{examples.Train: {e}}, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", labels, err, want)
		}
	}
	if _, err := tune(NewRegression()).prepare(baseModel(t, 16).Path, map[string][]examples.Example{examples.Train: {set[0], set[0]}}, 1); err == nil || !strings.Contains(err.Error(), "all training examples have the value") {
		t.Error(err)
	}
}
