package train

import (
	"context"
	"math"
	"testing"

	"fragua/model"
	"fragua/model/kernel"
)

const smith = "the smith heats the iron, the smith strikes the iron, and the iron takes its form. la forja canta, el hierro aprende su forma, y el herrero sonríe. "

// letters gives four rows of 24 bytes of the text; row r of batch n begins at
// (4n + r)·7 mod (length − 25).
type letters struct{}

func (letters) Batch(n int64, b *model.Batch) error {
	resize(b, 4, 24)
	b.Docs = nil
	for r := range b.B {
		start := int(n*4+int64(r)) * 7 % (len(smith) - 25)
		for t := range b.T {
			b.IDs[r*b.T+t], b.Targets[r*b.T+t] = int32(smith[start+t]), int32(smith[start+t+1])
		}
	}
	return nil
}

// TestGoldenBigram compares 20 steps with a recomputation in float64 that
// shares no code with ours. Recipe (numpy), V, C = 256, 16; x, y the batch:
//
//	rows, head = .3·sin(k·n), n = 1 … VC, k = .7 and 1.3; bias = 0
//	e = rows[x]; xn = (e - mean)/√(var + 1e-5); z = (xn + bias)·headᵀ; loss = mean −log softmax(z)[y]
//	gradients by hand; g *= min(1, .5/‖g‖)
//	lr = .05·(t/4 if t ≤ 4 else .1 + .45·(1 + cos π(t-5)/16)), t = 1 … 20
//	AdamW with β .9 and .95, ε 1e-8, decay .1 but for the bias
func TestGoldenBigram(t *testing.T) {
	m := newBigram(256, 16, 0)
	for i := range m.rows.Data {
		m.rows.Data[i] = float32(.3 * math.Sin(.7*float64(i+1)))
		m.head.Data[i] = float32(.3 * math.Sin(1.3*float64(i+1)))
	}
	schedule := Cosine(4, 20, .1)
	got := follow(t, &Loop{Model: m, Source: letters{}, Steps: 20, Clip: .5,
		Optimizer: &AdamW{Beta1: .9, Beta2: .95, Eps: 1e-8, Decay: .1},
		Rate:      func(step int64, _ int) float64 { return .05 * schedule(step) }})
	losses := []float64{5.654954, 5.352045, 5.159367, 5.354232, 4.362419, 3.261801, 2.956637, 3.678972, 4.040647, 2.268581,
		2.127456, 2.542561, 3.249691, 2.627593, 1.849106, 1.927116, 2.609467, 2.500457, 1.832935, 1.698897}
	norms := []float64{1.353248, 1.273619, 1.195020, 1.088225, 0.906731, 1.197059, 1.013170, 0.966306, 1.228715, 1.079783,
		0.919010, 0.933536, 1.260579, 0.844102, 0.746520, 0.583431, 0.993791, 0.930540, 0.869382, 0.726019}
	for i, s := range got {
		if math.Abs(s.Loss()-losses[i]) > 2e-4 || math.Abs(s.Norm-norms[i]) > 2e-4 {
			t.Errorf("step %d: loss %.6f, norm %.6f; want %.6f, %.6f", i+1, s.Loss(), s.Norm, losses[i], norms[i])
		}
	}
}

// TestGoldenLosses holds the first 20 losses of a GPT and of a Llama as this
// test printed them; kernels of all levels agree to 1e-3.
func TestGoldenLosses(t *testing.T) {
	defer kernel.SetLevel(kernel.Level())
	for _, c := range []struct {
		name string
		arch model.Arch
		want []float64
	}{
		{"gpt", &model.GPT{Layers: 2, Heads: 2, Width: 32}, goldenGPT},
		{"llama", &model.Llama{Layers: 2, Heads: 2, Width: 32, Theta: 10000, Tied: true}, goldenLlama},
	} {
		for _, level := range kernel.Levels() {
			if err := kernel.SetLevel(level); err != nil {
				t.Fatal(err)
			}
			losses := goldenRun(t, c.arch, F32)
			for i, want := range c.want {
				if math.Abs(losses[i]-want) > 1e-3 {
					t.Errorf("%s, %s: losses are\n%v, want\n%v", c.name, level, losses, c.want)
					break
				}
			}
		}
	}
}

// goldenRun trains a model of 256 ids for 20 steps and returns its losses.
func goldenRun(t *testing.T, arch model.Arch, floats Floats) (losses []float64) {
	t.Helper()
	lm, err := arch.Build(256, 24, 1)
	if err != nil {
		t.Fatal(err)
	}
	schedule := Cosine(4, 20, .1)
	for _, s := range follow(t, &Loop{Model: lm, Source: letters{}, Steps: 20, Accumulate: 2, Clip: 1, Seed: 3, Floats: floats,
		Optimizer: Optimizers()["adamw"](),
		Rate:      func(step int64, _ int) float64 { return .02 * schedule(step) }}) {
		losses = append(losses, math.Round(s.Loss()*1e5)/1e5)
	}
	return losses
}

var (
	goldenGPT = []float64{
		5.54389, 5.28337, 4.82703, 4.22, 3.46632, 3.0283, 2.89863, 2.69178, 2.8253, 2.69089,
		2.92115, 2.70211, 2.89683, 2.73236, 2.7826, 2.69096, 2.72173, 2.74296, 2.63993, 2.89578}
	goldenLlama = []float64{
		5.54477, 5.36479, 4.7659, 4.24666, 3.53527, 3.08976, 2.92725, 2.70867, 2.82051, 2.6659,
		2.8984, 2.68922, 2.89227, 2.7342, 2.78885, 2.69351, 2.72609, 2.73751, 2.63802, 2.89543}
)

func follow(t *testing.T, l *Loop) (steps []Step) {
	t.Helper()
	l.After = func(_ context.Context, s Step) error { steps = append(steps, s); return nil }
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return steps
}
