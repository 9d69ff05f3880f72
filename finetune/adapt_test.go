package finetune

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
)

// LoRA learns; what is saved is the merged model, and an adapter that makes the base answer
// the same. Nothing of the base changes but through the adapter.
func TestLoRA(t *testing.T) {
	base, set := baseModel(t, 16), moods(300)
	for _, dora := range []bool{false, true} {
		f := tune(sentiment(KeepEnds))
		l := model.NewLoRA()
		l.DoRA, l.RSLoRA, l.Dropout = dora, dora, .05
		f.Adapt.Choose("lora", l)
		f.Epochs, f.LR = 20, 1e-2
		dir, _ := run(t, f, base, examplesDir(t, set))
		m, err := pipeline.ReadMetrics(dir)
		if err != nil {
			t.Fatal(err)
		}
		if acc := figure(t, m, "accuracy", examples.Test); acc.Value < .85 {
			t.Errorf("dora %v: %+v", dora, acc)
		}
		merged, err := OpenTuned(dir)
		if err != nil {
			t.Fatal(err)
		}
		adapted, err := OpenAdapted(base.Path, filepath.Join(dir, adapterFolder))
		if err != nil {
			t.Fatal(err)
		}
		want, err := merged.answer(context.Background(), set[:20])
		if err != nil {
			t.Fatal(err)
		}
		got, err := adapted.answer(context.Background(), set[:20])
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if d := math.Abs(float64(want[i].Probs[0] - got[i].Probs[0])); d > 1e-3 {
				t.Errorf("dora %v: merged %v, adapted %v", dora, want[i].Probs, got[i].Probs)
			}
		}
	}
}

// The adapter alone learns to write, too, and the same seed gives the same bytes.
func TestLoRATranslation(t *testing.T) {
	base, set := baseModel(t, 16), examplesDir(t, mirrors(100))
	f := tune(translation())
	f.Adapt.Choose("lora", model.NewLoRA())
	a, _ := run(t, f, base, set)
	b, _ := run(t, f, base, set)
	for _, name := range []string{model.WeightsFile, adapterFolder + "/" + model.AdapterWeightsFile} {
		x, err := os.ReadFile(filepath.Join(a, name))
		if err != nil {
			t.Fatal(err)
		}
		if y, _ := os.ReadFile(filepath.Join(b, name)); !bytes.Equal(x, y) {
			t.Errorf("%s differs", name)
		}
	}
	config, _ := os.ReadFile(filepath.Join(a, adapterFolder, model.AdapterConfigFile))
	if !strings.Contains(string(config), `"CAUSAL_LM"`) {
		t.Errorf("%s", config)
	}
}

// With adapt: head the network stays as it was.
func TestHeadAlone(t *testing.T) {
	base := baseModel(t, 16)
	f := tune(sentiment(KeepEnds))
	f.Adapt.Choose("head", &Head{})
	dir, _ := run(t, f, base, examplesDir(t, moods(60)))
	old, err := model.Open(base.Path)
	if err != nil {
		t.Fatal(err)
	}
	tuned, err := OpenTuned(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range tuned.LM.Params() {
		if !slices.Equal(p.Data, old.Params()[i].Data) {
			t.Errorf("%s has changed", p.Name)
		}
	}
	f = tune(translation())
	f.Adapt.Choose("head", &Head{})
	sets := map[string][]examples.Example{examples.Train: mirrors(5)}
	if _, err := f.prepare(base.Path, sets, 1); err == nil {
		t.Error("a head for texts")
	}
}

// Averages of weights are what is saved, and a resumed run has the same.
func TestAverages(t *testing.T) {
	base, set := baseModel(t, 16), examplesDir(t, moods(120))
	weights := map[string][]byte{}
	for name, change := range map[string]func(*Finetune){
		"none": func(*Finetune) {},
		"ema":  func(f *Finetune) { f.EMA = .9 },
		"last": func(f *Finetune) { f.Average = .5 },
	} {
		f := tune(sentiment(KeepEnds))
		f.Epochs, f.Stop.Metric = 2, "loss"
		change(f)
		dir, _ := run(t, f, base, set)
		weights[name] = weightsOf(t, dir)
	}
	if bytes.Equal(weights["none"], weights["ema"]) || bytes.Equal(weights["none"], weights["last"]) || bytes.Equal(weights["ema"], weights["last"]) {
		t.Error("an average changes nothing")
	}
}
