package trial

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fragua/model"
	"fragua/model/kernel/par"
)

var tiny = Work{Arch: "gpt", Layers: 2, Width: 32, Heads: 2, Context: 16, Vocab: 61, Batch: 3, Precision: "f32"}

func TestTextIsTheSameForever(t *testing.T) {
	w := Work{Vocab: 100, Batch: 1, Context: 11}
	if got, want := w.Text(0), []int32{7, 2, 85, 42, 5, 62, 29, 56, 91, 9, 59, 36}; !slices.Equal(got, want) {
		t.Errorf("step 0: %v, want %v", got, want)
	}
	if slices.Equal(w.Text(1), w.Text(0)) {
		t.Error("steps 0 and 1 have the same text")
	}
	if !slices.Equal(w.Text(7), w.Text(7)) {
		t.Error("step 7 has two texts")
	}
}

func TestLossesFallAndDoNotDependOnWorkers(t *testing.T) {
	defer par.SetWorkers(0)
	for arch, fall := range map[string]float64{"gpt": 0.05, "llama": 0.05, "lstm": 0.0005} { // in 30 steps
		for _, precision := range Precisions {
			w := tiny
			w.Arch, w.Precision = arch, precision
			var losses [2][]float64
			for i := range losses {
				par.SetWorkers(1 + 2*i)
				tr, err := Start(w)
				if err != nil {
					t.Fatal(err)
				}
				for s := range 30 {
					losses[i] = append(losses[i], tr.Step(w.Text(s)).Loss)
				}
			}
			if l := losses[0]; l[29] > l[0]-fall {
				t.Errorf("%s %s: the loss went from %.4f to %.4f, want a fall", arch, precision, l[0], l[29])
			}
			if !slices.Equal(losses[0], losses[1]) {
				t.Errorf("%s %s: with one worker %v, with three %v", arch, precision, losses[0], losses[1])
			}
		}
	}
}

func TestOperationsAndMemoryAreAccountedFor(t *testing.T) {
	tr, err := Start(tiny)
	if err != nil {
		t.Fatal(err)
	}
	tr.Step(tiny.Text(0))
	tr.Forget()
	s := tr.Step(tiny.Text(1))
	var sum float64
	names := map[string]bool{}
	for _, o := range tr.Ops() {
		sum += (o.Forward + o.Backward).Seconds()
		names[o.Name] = true
	}
	if sum > s.Wall.Seconds() || sum < s.Wall.Seconds()/2 {
		t.Errorf("operations took %.6f s, the step %.6f s", sum, s.Wall.Seconds())
	}
	for _, want := range []string{"linear 32→96", "feed-forward 32→128→32", "attention", "layerNorm", "head, logits", "cross entropy", "optimizer"} {
		if !names[want] {
			t.Errorf("no operation %q among %v", want, names)
		}
	}
	m := tr.Memory()
	if m.Weights != 4*tr.Size.Params || m.Moments != 2*m.Gradients || m.Tape == 0 {
		t.Errorf("memory is %+v for %d parameters", m, tr.Size.Params)
	}
	if sum := m.Weights + m.Gradients + m.Moments + m.Tape; float64(sum) < .9*float64(m.Foretold) || float64(sum) > 1.1*float64(m.Foretold) {
		t.Errorf("%d bytes are held, %d were foretold", sum, m.Foretold)
	}
}

func TestDecode(t *testing.T) {
	for weights, bytes := range map[string]int{"f32": 4, "bf16": 2, "int8": 1} {
		tr, err := Start(tiny)
		if err != nil {
			t.Fatal(err)
		}
		if err := model.Quantize(tr.Model, weights); err != nil {
			t.Fatal(err)
		}
		d := Decode(tr.Model, 3, 4, 6)
		// All but the positions (16 × 32) are read; rows of 32 and of 128 weights, and of
		// int8 in whole cache lines, each with a scale.
		const matrices, vectors = 61*32 + 2*12*32*32, 2*13*32 + 2*32
		want := int64(4*vectors + bytes*matrices)
		if weights == "int8" {
			const wide = 61 + 2*(3*32+32+4*32) // rows of 32, which take 64
			want += 32*wide + 4*(wide+2*32)
		}
		if len(d.Took) != 6 || d.Prompt <= 0 || d.Bytes != want {
			t.Errorf("%s: decoded %d ids after %v, %d bytes each; want %d", weights, len(d.Took), d.Prompt, d.Bytes, want)
		}
	}
	if b := Bandwidth(1 << 16); b <= 0 {
		t.Errorf("bandwidth is %g", b)
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(*Work){
		"architecture": func(w *Work) { w.Arch = "rnn" },
		"heads":        func(w *Work) { w.Heads = 3 },
		"context":      func(w *Work) { w.Context = 0 },
		"vocab":        func(w *Work) { w.Vocab = -1 },
		"batch":        func(w *Work) { w.Batch = 1 << 30 },
		"precision":    func(w *Work) { w.Precision = "f16" },
	} {
		w := tiny
		change(&w)
		if _, err := Start(w); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	for name, w := range Presets() {
		if err := w.Check(); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
}

func TestProductsAreLessThanTheStep(t *testing.T) {
	w := tiny
	w.Width, w.Vocab, w.Context = 64, 500, 64
	tr, err := Start(w)
	if err != nil {
		t.Fatal(err)
	}
	step := time.Hour
	for s := range 4 {
		step = min(step, tr.Step(w.Text(s)).Wall)
	}
	wall, cpu := tr.Products()
	if wall <= 0 || wall > 3*step || cpu < 0 {
		t.Errorf("products take %v (%v of processors), the step %v", wall, cpu, step)
	}
}
