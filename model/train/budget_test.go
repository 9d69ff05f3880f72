package train

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline"
)

// Runs that follow the law give it back.
func TestFitScaling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		law := scaling{e: rapid.Float64Range(.2, .6).Draw(t, "E"), a: rapid.Float64Range(.05, .3).Draw(t, "A"), alpha: .34,
			b: rapid.Float64Range(.2, 1).Draw(t, "B"), beta: .28}
		var runs []scalingRun
		for _, s := range sizes[:8] {
			for _, seen := range []float64{1e6, 4e6, 16e6, 64e6} {
				runs = append(runs, scalingRun{s.layers, s.width, seen, 40e6, 2, 2 * law.bits(trunk(s.layers, s.width), seen, 40e6)})
			}
		}
		got := fitScaling(runs)
		for _, seen := range []float64{2e6, 30e6, 300e6} {
			want, have := law.bits(1e6, seen, 40e6), got.bits(1e6, seen, 40e6)
			if math.Abs(have-want) > .003 {
				t.Errorf("after %g bytes %.4f, want %.4f: %+v of %+v", seen, have, want, got, law)
			}
		}
	})
}

// The table of our own runs gives a law by which more is better, and a larger budget buys a larger model.
func TestScalingRuns(t *testing.T) {
	s := fitScaling(scalingRuns)
	if !(s.a > 0 && s.b > 0 && s.error > 0 && s.error < .05) {
		t.Fatalf("%+v", s)
	}
	before := 0.0
	for _, flops := range []float64{1e13, 1e15, 1e17} {
		least, best := math.Inf(1), 0.0
		for _, size := range sizes {
			n := trunk(size.layers, size.width)
			if bits := s.bits(n, 3.5*flops/(6*n), 1e12); bits < least {
				least, best = bits, n
			}
		}
		if best < before {
			t.Errorf("%g operations: %g parameters, and %g for fewer", flops, best, before)
		}
		before = best
	}
}

func TestFresh(t *testing.T) {
	for _, c := range []struct{ seen, want float64 }{{5, 5}, {10, 10}, {20, 19.67}, {1e6, 160}} {
		if got := fresh(c.seen, 10); math.Abs(got-c.want) > .01 {
			t.Errorf("%g bytes of 10 are worth %g, want %g", c.seen, got, c.want)
		}
	}
}

const budgetRoad = `
seed: 7
stages:
  - {name: texts, use: texts}
  - {name: bpe, use: tokenizer, from: [texts], with: {vocab_size: 400}}
  - {name: blocks, use: pack, from: [texts, bpe], with: {context: 32}}
  - {name: base, use: pretrain, from: [blocks], with: {sample_tokens: 0, baseline: 0, BUDGET}}
`

// A budget becomes settings, which the report and the folder tell, with what was predicted beside what
// was measured; the same settings without a budget make the same model.
func TestBudget(t *testing.T) {
	run := func(with string) (dir string) {
		dir = t.TempDir()
		if _, err := runRoad(t, dir, strings.Replace(budgetRoad, "BUDGET", with, 1), pipeline.Options{Workers: 2}, nil); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "base")
	}
	dir := run("budget: {tokens: 3000}")
	m, err := pipeline.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	var note string
	for _, f := range m.Figures {
		if f.Name == "predicted bits per byte" {
			if note = f.Note; !(f.Value > 0 && f.PlusMinus > 0) {
				t.Errorf("predicted %g ± %g", f.Value, f.PlusMinus)
			}
		}
	}
	_, chosen, found := strings.Cut(note, "The budget chose ")
	if !found {
		t.Fatalf("%q", note)
	}
	other := run(chosen)
	for _, name := range []string{"model.safetensors"} {
		a, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(other, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs with %s", name, chosen)
		}
	}
	resolved, err := os.ReadFile(filepath.Join(dir, "..", pipeline.ResolvedName))
	if err != nil || !strings.Contains(string(resolved), "# chosen: "+chosen) {
		t.Errorf("%v: %s", err, resolved)
	}
}

func TestBudgetRefuses(t *testing.T) {
	for with, says := range map[string]string{
		"budget: {tokens: 3000}, steps: 4":               "budget chooses it",
		"budget: {tokens: 3000}, arch: gpt":              "budget chooses it",
		"budget: {tokens: 3000}, lr: 0.01":               "budget chooses it",
		"budget: {tokens: 3000, minutes: 1}":             "another way",
		"budget: {flops: -1}":                            "less than 0",
		"budget: {minutes: 1}, schedule: linear, lr: .1": "budget chooses it",
	} {
		_, err := pipeline.Parse("road.yaml", []byte(strings.Replace(budgetRoad, "BUDGET", with, 1)), ".", testTable, nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", with, err)
		}
	}
}
