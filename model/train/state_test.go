package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model"
	"fragua/model/kernel/par"
	"fragua/model/tensor"
)

// notes is what a test run gathers: it must survive crashes like the weights.
type notes struct {
	Losses []float64 `json:"losses"`
}

// carrying is a bigram whose loss depends, through a bias, on a state that it
// hands on from batch to batch.
type carrying struct{ *bigram }

func (m carrying) Loss(tp *tensor.Tape, b *model.Batch) model.Loss {
	loss := m.bigram.Loss(tp, b)
	state := float32(0)
	if b.Resume {
		state = b.State[0][0]
	}
	m.bigram.bias.FlushGrad()
	m.bigram.bias.Grad[0] += state * 0.01
	b.State = [][]float32{{state + 1}, {}}
	return loss
}

// lanes makes every batch but each seventh go on from the one before.
type lanes struct{ cycle }

func (s lanes) Batch(n int64, b *model.Batch) error {
	b.Resume = n%7 != 0
	return s.cycle.Batch(n, b)
}

type result struct {
	weights []float32
	notes   notes
	skipped int64
	best    int64
}

const testSteps = 24

// attempt runs until kill says so, and reports whether it came to the end.
func attempt(dir string, optimizer func() OptimizerSettings, carry bool, kill func(done int64) (cancel, crash bool)) (r result, done bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer func() {
		if p := recover(); p != nil && p != "crash" {
			panic(p)
		}
	}()
	m := newBigram(20, 8, 1)
	l := &Loop{Model: m, Source: cycle{vocab: 20, rows: 2, width: 12, seed: 3, ragged: true}, Optimizer: optimizer(),
		Rate: func(step int64, group int) float64 {
			if group == 0 && step%5 == 4 {
				return 0
			}
			return 0.02 * Cosine(3, testSteps, 0.1)(step)
		},
		Steps: testSteps, Accumulate: 2, Clip: 0.5, Spike: 1.3, Seed: 9, History: &r.notes}
	if carry {
		l.Model, l.Source = carrying{m}, lanes{cycle{vocab: 20, rows: 2, width: 12, seed: 3}}
	}
	l.Checkpoint = Checkpoint{Dir: dir, Steps: 4}
	l.After = func(ctx context.Context, s Step) error {
		stop, crash := kill(s.Done)
		if crash {
			panic("crash")
		}
		if stop {
			cancel()
			if s.Done%2 == 0 { // as an evaluation that is cut off would
				return ctx.Err()
			}
		}
		r.notes.Losses = append(r.notes.Losses, s.Loss())
		if s.Done%6 == 0 {
			l.Observe(s.Loss())
		}
		if s.Done%9 == 0 {
			l.Offer(-s.Loss())
		}
		return nil
	}
	if err := l.Run(ctx); err != nil {
		if !errors.Is(err, context.Canceled) {
			return r, false, err
		}
		return r, false, nil
	}
	r.weights = m.weights()
	r.skipped = l.Skipped()
	_, r.best = l.Best()
	return r, true, nil
}

// TestResume: interrupted and crashed at any steps, with any number of workers
// each time, a run ends in the same bytes.
func TestResume(t *testing.T) {
	defer par.SetWorkers(0)
	never := func(int64) (bool, bool) { return false, false }
	makers := Optimizers()
	makers["averaged"] = func() OptimizerSettings { return &Averaged{OptimizerSettings: Optimizers()["adamw"](), Keep: 0.9} }
	makers["asgd"] = func() OptimizerSettings { return &ASGD{Patience: 1} }
	names := []string{}
	for name := range makers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, carry := range []bool{false, true} {
		for _, name := range names {
			par.SetWorkers(1)
			want, done, err := attempt(t.TempDir(), makers[name], carry, never)
			if !done || err != nil {
				t.Fatal(err)
			}
			if len(want.notes.Losses) != testSteps {
				t.Fatalf("%d losses noted, want %d", len(want.notes.Losses), testSteps)
			}
			rng := rand.New(rand.NewPCG(7, uint64(len(name))))
			for range 3 {
				dir, tries := t.TempDir(), 0
				for done := false; !done; tries++ {
					if tries == 100 {
						t.Fatal("it never ends")
					}
					par.SetWorkers(1 + rng.IntN(4))
					at, crash := 1+rng.Int64N(testSteps+10), rng.IntN(2) == 0
					var got result
					got, done, err = attempt(dir, makers[name], carry, func(step int64) (bool, bool) {
						return step == at && !crash, step == at && crash
					})
					if err != nil {
						t.Fatal(err)
					}
					if done && fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("%s: after %d interruptions the run differs:\n%v\n%v", name, tries, got, want)
					}
				}
			}
		}
	}
}

// TestSaveWhatIsNoNumber: a step with a loss that is not a number, cut off before
// After has heard of it, and scores that are not finite, fit into a checkpoint.
func TestSaveWhatIsNoNumber(t *testing.T) {
	dir := t.TempDir()
	var done []int64
	run := func(ctx context.Context, after func(*Loop, Step) error) error {
		l := &Loop{Model: &poisoned{bigram: newBigram(20, 8, 1), at: 2}, Source: cycle{vocab: 20, rows: 2, width: 12},
			Optimizer: &ASGD{Patience: 1}, Rate: constant(0.1), Steps: 4, Checkpoint: Checkpoint{Dir: dir}}
		l.After = func(_ context.Context, s Step) error { done = append(done, s.Done); return after(l, s) }
		return l.Run(ctx)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := run(ctx, func(l *Loop, s Step) error {
		l.Observe(math.NaN())
		if l.Offer(math.NaN()) || !l.Offer(math.Inf(-1)) && s.Done == 1 {
			t.Error("the wrong score was the best")
		}
		if s.Done == 3 {
			cancel()
		}
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "json") {
		t.Fatal(err)
	}
	if err := run(context.Background(), func(l *Loop, s Step) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []int64{1, 2, 3, 3, 4}; !slices.Equal(done, want) {
		t.Errorf("After heard of the steps %v, want %v", done, want)
	}
}

// TestResumeRefused: a checkpoint of another run, or a damaged one, is refused
// with what to do about it.
func TestResumeRefused(t *testing.T) {
	dir := t.TempDir()
	run := func(change func(*Loop)) error {
		l := &Loop{Model: newBigram(20, 8, 1), Source: cycle{vocab: 20, rows: 2, width: 12}, Optimizer: &SGD{},
			Rate: constant(0.1), Steps: 4, Checkpoint: Checkpoint{Dir: dir}}
		change(l)
		return l.Run(context.Background())
	}
	if err := run(func(*Loop) {}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Loop){
		"steps":     func(l *Loop) { l.Steps = 5 },
		"seed":      func(l *Loop) { l.Seed = 5 },
		"model":     func(l *Loop) { l.Model = newBigram(20, 4, 1) },
		"optimizer": func(l *Loop) { l.Optimizer = Optimizers()["adamw"]() },
		"frozen":    func(l *Loop) { l.Model.(*bigram).bias.Grad = nil },
	} {
		if err := run(change); err == nil || !strings.Contains(err.Error(), "does not fit this run") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	name := filepath.Join(dir, checkpointName)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 7, 100, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(name, whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if err := run(func(*Loop) {}); err == nil || !strings.Contains(err.Error(), checkpointName) {
			t.Errorf("cut at %d: error is %v", n, err)
		}
	}
	// Any flipped bit is noticed.
	for at := 0; at < len(whole); at += 1 + len(whole)/300 {
		b := slices.Clone(whole)
		b[at] ^= 4
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := run(func(*Loop) {}); err == nil || !strings.Contains(err.Error(), checkpointName) {
			t.Errorf("byte %d (%q) flipped: error is %v", at, whole[max(0, at-20):min(len(whole), at+20)], err)
		}
	}
}
