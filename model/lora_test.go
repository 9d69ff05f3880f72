package model

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model/nn"
	"fragua/model/safetensors"
	"fragua/model/tensor"
)

// statesOf are the logits of a language model, or the states of an encoder.
func statesOf(m Model, ids [][]int32) *tensor.Tensor {
	b := &Batch{B: len(ids), T: len(ids[0]), IDs: slices.Concat(ids...)}
	var tp *tensor.Tape
	y := m.Hidden(tp, b)
	if lm, ok := m.(LanguageModel); ok {
		y = Logits(tp, lm, y)
	}
	return y
}

func farthest(a, b []float32) (worst float64) {
	for i := range a {
		worst = max(worst, math.Abs(float64(a[i]-b[i])))
	}
	return worst
}

// TestAdapters opens adapters that PEFT wrote (testdata/adapters.py), computes what it computed,
// merges them, and saves the same arrays under the same names.
func TestAdapters(t *testing.T) {
	dirs, err := filepath.Glob("testdata/adapters/*")
	if err != nil || len(dirs) < 5 {
		t.Fatal("no adapters", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			base, err := AdapterBase(dir)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Open(base)
			if err != nil {
				t.Fatal(err)
			}
			var g struct {
				IDs  [][]int32
				Want [][][]float32
			}
			b, err := os.ReadFile(filepath.Join(dir, "want.json"))
			if err == nil {
				err = json.Unmarshal(b, &g)
			}
			if err != nil {
				t.Fatal(err)
			}
			plain := slices.Clone(statesOf(m, g.IDs).Data)
			l, heads, err := OpenAdapter(m, dir)
			if err != nil || len(heads) != 0 {
				t.Fatal(err, heads)
			}
			want := slices.Concat(slices.Concat(g.Want...)...)
			got := slices.Clone(statesOf(m, g.IDs).Data)
			if d := farthest(got, want); d > 1e-3 || farthest(plain, want) < .01 {
				t.Errorf("off by %g from PEFT; without the adapter by %g", d, farthest(plain, want))
			}

			saved := t.TempDir()
			if err := SaveAdapter(saved, m, l, base, "CAUSAL_LM", nil); err != nil {
				t.Fatal(err)
			}
			old, _ := safetensors.Open(filepath.Join(dir, AdapterWeightsFile))
			defer old.Close()
			if again, err := safetensors.Open(filepath.Join(saved, AdapterWeightsFile)); err != nil {
				t.Error(err)
			} else {
				defer again.Close()
				for _, name := range old.Names() {
					inOurs := name
					if _, ok := again.Info(inOurs); !ok {
						inOurs = strings.Replace(name, adapterPrefix, adapterPrefix+"bert.", 1)
					}
					a, _, err1 := old.Float32(name)
					b, _, err2 := again.Float32(inOurs)
					if err1 != nil || err2 != nil || !slices.Equal(a, b) {
						t.Errorf("%s is saved otherwise: %v %v", name, err1, err2)
					}
				}
			}

			MergeAdapters(m)
			if d := farthest(statesOf(m, g.IDs).Data, got); d > 1e-3 {
				t.Errorf("merged it is off by %g", d)
			}
		})
	}
}

// Two adapters on one model add up; merging one after the other gives the same.
func TestTwoAdapters(t *testing.T) {
	ids := [][]int32{{3, 1, 4, 1, 5}}
	open := func() Model {
		m, err := Open("testdata/families/llama-theta")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	attach := func(m Model, seed uint64, targets ...string) {
		l := NewLoRA()
		l.Targets = targets
		params, err := l.Attach(m, seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			if seed == 2 && strings.HasPrefix(p.Name, adapterPrefix) && strings.Contains(p.Name, "q_proj") {
				continue // of the first
			}
			copy(p.Data, nn.NewInit(seed+uint64(len(p.Name))).Normal(.1, p.Shape...).Data)
		}
	}
	a, b := open(), open()
	attach(a, 1, "q_proj")
	attach(a, 2, "q_proj", "v_proj")
	attach(b, 1, "q_proj")
	MergeAdapters(b)
	attach(b, 2, "q_proj", "v_proj")
	for _, x := range layers(b) { // the second adapter of a is the first of b: the same numbers under other names
		for _, y := range layers(a) {
			if x.name == y.name && len(x.Adapters) > 0 {
				last := y.Adapters[len(y.Adapters)-1]
				copy(x.Adapters[0].A.Data, last.A.Data)
				copy(x.Adapters[0].B.Data, last.B.Data)
			}
		}
	}
	if d := farthest(statesOf(a, ids).Data, statesOf(b, ids).Data); d > 1e-4 {
		t.Errorf("off by %g", d)
	}
	if n := len(AdapterParams(a)); n != 2*2*3 {
		t.Errorf("%d parameters of adapters, want 12", n)
	}
	for _, p := range a.Params() {
		if p.Grad != nil {
			t.Errorf("%s is not frozen", p.Name)
		}
	}
}

func TestAdapterRefusals(t *testing.T) {
	m, err := Open("testdata/families/llama-theta")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&LoRA{Rank: 2, Alpha: 2, Targets: []string{"q_proj", "queries"}}).Attach(m, 1); err == nil || !strings.Contains(err.Error(), `"queries"`) {
		t.Error(err)
	}
	config, err := os.ReadFile("testdata/adapters/lora/" + AdapterConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := os.ReadFile("testdata/adapters/lora/" + AdapterWeightsFile)
	if err != nil {
		t.Fatal(err)
	}
	for want, edit := range map[string][2]string{
		`bias is "all"`:        {`"bias": "none"`, `"bias": "all"`},
		"peft_type is":         {`"LORA"`, `"IA3"`},
		"init_lora_weights is": {`"init_lora_weights": true`, `"init_lora_weights": "pissa"`},
		`"new_trick"`:          {`"bias": "none"`, `"bias": "none", "new_trick": 1`},
		"lora_dropout is":      {`"lora_dropout": 0.0`, `"lora_dropout": "much"`},
		"rank":                 {`"r": 2`, `"r": 0`},
	} {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, AdapterWeightsFile), weights, 0o666)
		edited := strings.Replace(string(config), edit[0], edit[1], 1)
		if edited == string(config) {
			t.Fatalf("%q is not in the file", edit[0])
		}
		os.WriteFile(filepath.Join(dir, AdapterConfigFile), []byte(edited), 0o666)
		if _, _, err := OpenAdapter(m, dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	other, err := Open("testdata/families/gpt2-untied")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenAdapter(other, "testdata/adapters/lora"); err == nil || !strings.Contains(err.Error(), "belongs to no layer") {
		t.Error(err)
	}
	for _, x := range layers(other) {
		if len(x.Adapters) > 0 {
			t.Errorf("%s kept an adapter that was refused", x.name)
		}
	}
}
