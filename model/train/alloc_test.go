package train

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// smoothed is letters to a model that is to be less sure of them, and carries its state on.
type smoothed struct{ letters }

func (s smoothed) Batch(n int64, b *model.Batch) error {
	err := s.letters.Batch(n, b)
	b.Smoothing = .1
	if n%8 != 0 {
		b.Resume = true
	}
	return err
}

// TestStepsMakeNoGarbage trains on: once the first steps have laid out the memory, a step
// allocates nothing, in either precision, with one worker or two, whatever the model and the
// optimizer. The runtime now and then makes records of goroutines that wait, so one step in some
// must do without.
func TestStepsMakeNoGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer kernel.SetLevel(kernel.Level())
	defer par.SetWorkers(0)
	gpt := &model.GPT{Layers: 2, Heads: 2, Width: 32, Dropout: .1}
	for name, arch := range map[string]model.Arch{
		"gpt":              gpt,
		"gpt recomputed":   &model.GPT{Layers: 2, Heads: 2, Width: 32, Dropout: .1, Recompute: true},
		"llama":            &model.Llama{Layers: 2, Heads: 4, KVHeads: 2, Width: 32, Theta: 1e4, Dropout: .1},
		"llama recomputed": &model.Llama{Layers: 2, Heads: 4, KVHeads: 2, Width: 32, Theta: 1e4, Tied: true, Recompute: true},
		"encdec":           &model.EncDec{Encoder: 1, Decoder: 1, Heads: 2, Width: 32, Hidden: 64, Dropout: .1},
		"lstm":             &model.LSTM{Layers: 2, Width: 32, Hidden: 48, Tied: true, Dropout: .1, WeightDropout: .1},
		"nnlm":             &model.NNLM{Order: 4, Width: 32, Hidden: 48, Dropout: .1},
	} {
		for _, floats := range []Floats{F32, BF16} {
			holdToNoGarbage(t, fmt.Sprintf("%s, %s", name, floats), arch, Optimizers()["adamw"], floats)
		}
	}
	optimizers := Optimizers()
	delete(optimizers, "adamw")
	optimizers["asgd"] = func() OptimizerSettings { return &ASGD{} } // which averages from the start
	optimizers["ema"] = func() OptimizerSettings { return &Averaged{OptimizerSettings: &SGD{}, Keep: .999} }
	for name, o := range optimizers {
		holdToNoGarbage(t, name, gpt, o, F32)
	}
}

// holdToNoGarbage trains at all levels but the plain one, which is slow, and not where trainings run.
func holdToNoGarbage(t *testing.T, what string, arch model.Arch, optimizer func() OptimizerSettings, floats Floats) {
	t.Helper()
	levels := kernel.Levels()
	for _, level := range levels[min(1, len(levels)-1):] {
		if err := kernel.SetLevel(level); err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 2} {
			par.SetWorkers(workers)
			least := ^uint64(0)
			for try := 0; try < 3 && least > 0; try++ {
				least = min(least, garbage(t, arch, optimizer(), floats))
			}
			if least > 0 {
				t.Errorf("%s, %s, %d workers: a step allocates %d times", what, level, workers, least)
			}
		}
	}
}

// garbage is how often a step allocates, the least of some later ones.
func garbage(t *testing.T, arch model.Arch, o OptimizerSettings, floats Floats) uint64 {
	lm, err := arch.Build(256, 24, 1)
	if err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	least, before := ^uint64(0), uint64(0)
	l := &Loop{Model: lm, Source: smoothed{}, Optimizer: o, Rate: constant(1e-3),
		Steps: 10, Accumulate: 2, Clip: 1, Floats: floats}
	l.After = func(_ context.Context, s Step) error {
		runtime.ReadMemStats(&m)
		if s.Done > 3 {
			least = min(least, m.Mallocs-before)
		}
		before = m.Mallocs
		return nil
	}
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return least
}
