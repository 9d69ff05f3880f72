package train

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/pipeline"
)

func TestFloatsFit(t *testing.T) {
	all := []string{"plain", "avx2", "avx512", "avx512bf16"}
	for _, c := range []struct {
		floats Floats
		level  string
		levels []string
		hint   string // "": it fits
	}{
		{F32, "plain", all[:1], ""},
		{"", "plain", all[:1], ""},
		{BF16, "avx512bf16", all, ""},
		{BF16, "avx512", all, "--cpu avx512bf16"},
		{BF16, "avx512", all[:3], "leave precision out"},
		{BF16, "plain", all[:1], "leave precision out"},
	} {
		err := c.floats.fit(c.level, c.levels)
		var h *pipeline.Hint
		if errors.As(err, &h) != (c.hint != "") {
			t.Errorf("%s at %s of %v: error is %v", c.floats, c.level, c.levels, err)
		} else if h != nil && !strings.Contains(h.Fix, c.hint) {
			t.Errorf("%s at %s of %v: hint is %q, want %q in it", c.floats, c.level, c.levels, h.Fix, c.hint)
		}
	}
}

// TestGoldenLossesBF16 holds the first 20 losses in bfloat16, which all levels
// compute, if not all fast. They are not those of float32, but near.
func TestGoldenLossesBF16(t *testing.T) {
	defer kernel.SetLevel(kernel.Level())
	for _, c := range []struct {
		name      string
		arch      model.Arch
		f32, want []float64
	}{
		{"gpt", &model.GPT{Layers: 2, Heads: 2, Width: 32}, goldenGPT, goldenGPTBF16},
		{"llama", &model.Llama{Layers: 2, Heads: 2, Width: 32, Theta: 10000, Tied: true}, goldenLlama, goldenLlamaBF16},
	} {
		for _, level := range kernel.Levels() {
			if err := kernel.SetLevel(level); err != nil {
				t.Fatal(err)
			}
			losses := goldenRun(t, c.arch, BF16)
			rounded := false
			for i, want := range c.want {
				if math.Abs(losses[i]-want) > 2e-3 {
					t.Errorf("%s, %s: losses are\n%v, want\n%v", c.name, level, losses, c.want)
					break
				}
				rounded = rounded || math.Abs(losses[i]-c.f32[i]) > 1e-4
				if r := math.Abs(losses[i]/c.f32[i] - 1); r > 2e-2 {
					t.Errorf("%s, %s, step %d: loss %.5f is %.2g from that of float32, %.5f", c.name, level, i, losses[i], r, c.f32[i])
				}
			}
			if !rounded {
				t.Errorf("%s, %s: the losses are those of float32", c.name, level)
			}
		}
	}
}

var (
	goldenGPTBF16 = []float64{
		5.54389, 5.28343, 4.82697, 4.22023, 3.46609, 3.02817, 2.89861, 2.69184, 2.825, 2.69133,
		2.92059, 2.70246, 2.89673, 2.73229, 2.78281, 2.69095, 2.72193, 2.74302, 2.63999, 2.89577}
	goldenLlamaBF16 = []float64{
		5.54472, 5.36474, 4.76589, 4.24626, 3.53459, 3.08934, 2.92703, 2.70848, 2.8206, 2.66576,
		2.89843, 2.68921, 2.89213, 2.73378, 2.78871, 2.69354, 2.72601, 2.73792, 2.63772, 2.89565}
)

// Where the kernels multiply bfloat16 the stage trains in it, and says so in
// the card; elsewhere plan and run refuse it.
func TestPretrainBF16(t *testing.T) {
	dir := t.TempDir()
	if _, err := runRoad(t, dir, road, pipeline.Options{Workers: 1}, nil); err != nil {
		t.Fatal(err)
	}
	yaml := strings.Replace(road, "      steps: 20", "      precision: bf16\n      steps: 20", 1)
	c, err := pipeline.Parse("road.yaml", []byte(yaml), ".", testTable, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, planned := pipeline.Plan(t.Context(), c, pipeline.Options{Out: dir, Workers: 1, CPU: kernel.Level()})
	_, ran := runRoad(t, dir, yaml, pipeline.Options{Workers: 1}, nil)
	if kernel.Level() != levelBF16 {
		for _, err := range []error{planned, ran} {
			var h *pipeline.Hint
			if !errors.As(err, &h) || !strings.Contains(h.Fix, levelBF16) {
				t.Errorf("error is %v, want a hint about the level", err)
			}
		}
		t.Skip("this CPU does not multiply bfloat16")
	}
	if planned != nil || ran != nil {
		t.Fatal(planned, ran)
	}
	card, err := os.ReadFile(filepath.Join(dir, "base", "MODEL_CARD.md"))
	if err != nil || !strings.Contains(string(card), "| precision | bf16 |") {
		t.Errorf("the card does not say bf16 (%v):\n%s", err, card)
	}
}
