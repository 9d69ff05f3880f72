package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"fragua/model"
	"fragua/model/kernel/par"
	"fragua/model/tensor"
)

func (m *bigram) weights() []float32 {
	return slices.Concat(m.rows.Data, m.bias.Data, m.head.Data)
}

// train runs a loop on a new bigram and returns model and reports.
func train(t *testing.T, change func(*Loop)) (*bigram, []Step) {
	t.Helper()
	m := newBigram(20, 8, 1)
	var steps []Step
	l := &Loop{Model: m, Source: cycle{vocab: 20, rows: 4, width: 16, seed: 3}, Optimizer: Optimizers()["adamw"](),
		Rate: constant(0.01), Steps: 30, Seed: 1}
	l.After = func(_ context.Context, s Step) error { steps = append(steps, s); return nil }
	if change != nil {
		change(l)
	}
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return m, steps
}

func TestLoopLearns(t *testing.T) {
	_, steps := train(t, func(l *Loop) { l.Steps = 300; l.Rate = constant(0.03) })
	first, last := steps[0].Loss(), steps[len(steps)-1].Loss()
	if math.Abs(first-math.Log(20)) > 0.2 {
		t.Errorf("first loss is %.3f, want about ln 20 = %.3f", first, math.Log(20))
	}
	if math.Abs(last-math.Ln2) > 0.12 { // each id has two successors, equally likely
		t.Errorf("last loss is %.3f, want about ln 2 = %.3f", last, math.Ln2)
	}
}

// split gives the rows of another source one micro-batch a row.
type split struct {
	of    Source
	whole model.Batch
}

func (s *split) Batch(n int64, b *model.Batch) error {
	rows := int64(4)
	if err := s.of.Batch(n/rows, &s.whole); err != nil {
		return err
	}
	r, t := int(n%rows), s.whole.T
	b.B, b.T = 1, t
	b.IDs, b.Targets = s.whole.IDs[r*t:(r+1)*t], s.whole.Targets[r*t:(r+1)*t]
	b.IDs, b.Targets = slices.Clone(b.IDs), slices.Clone(b.Targets)
	return nil
}

// TestAccumulation: four micro-batches of one row are one batch of four, also
// when their rows have different numbers of targets.
func TestAccumulation(t *testing.T) {
	source := cycle{vocab: 20, rows: 4, width: 16, seed: 5, ragged: true}
	run := func(l *Loop) { l.Optimizer, l.Rate, l.Steps = &SGD{}, constant(0.5), 10 }
	whole, a := train(t, func(l *Loop) { run(l); l.Source = source })
	parts, b := train(t, func(l *Loop) { run(l); l.Source = &split{of: source}; l.Accumulate = 4 })
	for i := range a {
		if a[i].Targets != b[i].Targets || math.Abs(a[i].Loss()-b[i].Loss()) > 1e-6 {
			t.Errorf("step %d: %d targets, loss %.8f; in parts %d, %.8f", i, a[i].Targets, a[i].Loss(), b[i].Targets, b[i].Loss())
		}
	}
	w, v := whole.weights(), parts.weights()
	for i := range w {
		if math.Abs(float64(w[i]-v[i])) > 1e-6 {
			t.Fatalf("weight %d: %g, in parts %g", i, w[i], v[i])
		}
	}
}

// TestWorkers: the same bytes for any number of workers.
func TestWorkers(t *testing.T) {
	defer par.SetWorkers(0)
	for name, make := range Optimizers() {
		par.SetWorkers(1)
		one, _ := train(t, func(l *Loop) { l.Optimizer = make() })
		par.SetWorkers(5)
		five, _ := train(t, func(l *Loop) { l.Optimizer = make() })
		if !slices.Equal(one.weights(), five.weights()) {
			t.Errorf("%s: weights differ between 1 and 5 workers", name)
		}
	}
}

// poisoned makes the loss of one step not a number.
type poisoned struct {
	*bigram
	at   int
	call int
}

func (m *poisoned) Loss(tp *tensor.Tape, b *model.Batch) model.Loss {
	loss := m.bigram.Loss(tp, b)
	if m.call == m.at {
		loss.NLL = math.NaN()
	}
	m.call++
	return loss
}

func TestSkipNaN(t *testing.T) {
	m := &poisoned{bigram: newBigram(20, 8, 1), at: 3}
	var before []float32
	l := &Loop{Model: m, Source: cycle{vocab: 20, rows: 4, width: 16}, Optimizer: &AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8},
		Rate: constant(0.01), Steps: 6}
	l.After = func(_ context.Context, s Step) error {
		if (s.Skipped != "") != (s.Done == 4) {
			t.Errorf("step %d: skipped %q", s.Done, s.Skipped)
		}
		if same := slices.Equal(before, m.weights()); same != (s.Done == 4) {
			t.Errorf("step %d: weights unchanged is %v", s.Done, same)
		}
		before = m.weights()
		return nil
	}
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if l.Skipped() != 1 {
		t.Errorf("%d steps skipped, want 1", l.Skipped())
	}
}

func TestSkipForever(t *testing.T) {
	m := newBigram(20, 8, 1)
	m.rows.Data[0] = float32(math.NaN())
	for i := range m.rows.Data {
		m.rows.Data[i] = float32(math.Inf(1))
	}
	l := &Loop{Model: m, Source: cycle{vocab: 20, rows: 4, width: 16}, Optimizer: &SGD{}, Rate: constant(0.01), Steps: 60}
	err := l.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "10 steps in a row") {
		t.Errorf("error is %v", err)
	}
}

// TestSpike: a batch whose gradient is far out does not move the weights.
func TestSpike(t *testing.T) {
	_, steps := train(t, func(l *Loop) {
		l.Steps, l.Spike = 40, 3
		l.Source = spiky{cycle{vocab: 20, rows: 4, width: 16}}
	})
	for _, s := range steps {
		if (s.Skipped != "") != (s.Done == 31) {
			t.Errorf("step %d: norm %.3f, skipped %q", s.Done, s.Norm, s.Skipped)
		}
	}
}

// spiky has one batch whose loss is weighed a hundredfold.
type spiky struct{ cycle }

func (s spiky) Batch(n int64, b *model.Batch) error {
	err := s.cycle.Batch(n, b)
	if n == 30 {
		b.Norm = 1
	}
	return err
}

func TestClip(t *testing.T) {
	const clip, rate = 0.05, 1.0
	before := newBigram(20, 8, 1).weights()
	m, steps := train(t, func(l *Loop) { l.Optimizer, l.Clip, l.Rate, l.Steps = &SGD{}, clip, constant(rate), 1 })
	if steps[0].Norm <= clip {
		t.Fatalf("norm is %.3f, nothing to clip", steps[0].Norm)
	}
	var sum float64
	for i, w := range m.weights() {
		d := float64(w - before[i])
		sum += d * d
	}
	if got := math.Sqrt(sum); math.Abs(got-clip*rate) > 1e-5 {
		t.Errorf("the weights moved by %.6f, want %.6f", got, clip*rate)
	}
}

// TestFreeze: a group whose rate is 0, and a parameter without a gradient, stay
// as they are; the rest learn.
func TestFreeze(t *testing.T) {
	fresh := newBigram(20, 8, 1)
	m, _ := train(t, func(l *Loop) {
		l.Model.(*bigram).bias.Grad = nil
		l.Rate = func(step int64, group int) float64 {
			if group == 0 && step < 30 {
				return 0
			}
			return 0.01
		}
	})
	if !slices.Equal(m.rows.Data, fresh.rows.Data) || !slices.Equal(m.bias.Data, fresh.bias.Data) {
		t.Error("what was frozen moved")
	}
	if slices.Equal(m.head.Data, fresh.head.Data) {
		t.Error("what was not frozen stayed")
	}
}

func TestAllFrozen(t *testing.T) {
	m := newBigram(20, 8, 1)
	m.rows.Grad, m.head.Grad, m.bias.Grad = nil, nil, nil
	err := (&Loop{Model: m, Optimizer: &SGD{}}).Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "nothing to train") {
		t.Errorf("error is %v", err)
	}
}

// TestBest: Run ends with the weights that had the best score.
func TestBest(t *testing.T) {
	var want []float32
	m, _ := train(t, func(l *Loop) {
		l.After = func(_ context.Context, s Step) error {
			if l.Offer(-math.Abs(float64(s.Done) - 12)) {
				want = l.Model.(*bigram).weights()
			}
			if s.Done == 20 {
				return ErrStop
			}
			return nil
		}
	})
	if !slices.Equal(m.weights(), want) {
		t.Error("the weights at the end are not those of the best step")
	}
}

func TestSourceError(t *testing.T) {
	l := &Loop{Model: newBigram(20, 8, 1), Source: broken{}, Optimizer: &SGD{}, Rate: constant(0.01), Steps: 5}
	if err := l.Run(context.Background()); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "micro-batch 2") {
		t.Errorf("error is %v", err)
	}
}

var errBroken = errors.New("row is gone")

type broken struct{}

func (broken) Batch(n int64, b *model.Batch) error {
	if n == 2 {
		return errBroken
	}
	return cycle{vocab: 20, rows: 4, width: 16}.Batch(n, b)
}
