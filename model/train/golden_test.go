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
// (4n + r)·7 mod (length − 25). A model that reads reads what it writes.
type letters struct{}

func (letters) Batch(n int64, b *model.Batch) error {
	resize(b, 4, 24)
	b.Docs, b.State, b.Source = nil, nil, b
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

// TestGoldenLosses compares the first 20 losses of each architecture with
// PyTorch's in float32, and those in bfloat16, which all levels compute, if not
// all fast, with what this test printed; they are not those of float32, but near. In
// the 18th step of encdec, where float32 is 3e-2 away, levels are up to 5e-3 apart.
// Recipe (torch 2.15): Save each model as Build made it; write the same model
// with torch's own layers (F.scaled_dot_product_attention, F.rms_norm, nn.LSTM
// with its second bias 0, F.gelu(approximate="tanh"), F.silu), load the weights,
// and take 20 steps, the mean loss of batches 2t and 2t + 1 each:
//
//	clip_grad_norm_(parameters, 1); AdamW with β .9 and .95, ε 1e-8, decay .1 of matrices alone
//	lr = .02·(t/4 if t ≤ 4 else .1 + .45·(1 + cos π(t-5)/16)), t = 1 … 20
func TestGoldenLosses(t *testing.T) {
	defer kernel.SetLevel(kernel.Level())
	for _, c := range goldens {
		t.Run(c.name, func(t *testing.T) {
			for _, level := range kernel.Levels() {
				if err := kernel.SetLevel(level); err != nil {
					t.Fatal(err)
				}
				f32, bf16 := goldenRun(t, c.arch, F32), goldenRun(t, c.arch, BF16)
				if far(f32, c.f32) > 1e-3 {
					t.Errorf("%s: losses are\n%v, want\n%v", level, f32, c.f32)
				}
				if far(bf16, c.bf16) > c.apart {
					t.Errorf("%s, bf16: losses are\n%v, want\n%v", level, bf16, c.bf16)
				}
				if d := far(bf16, f32); d < 1e-4 || d > 5e-2 {
					t.Errorf("%s: losses in bf16 are up to %.2g from those in f32", level, d)
				}
			}
		})
	}
}

// far is the greatest difference.
func far(a, b []float64) (most float64) {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
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

var goldens = []struct {
	name      string
	arch      model.Arch
	apart     float64 // how far levels may be apart in bfloat16
	f32, bf16 []float64
}{
	{"gpt", &model.GPT{Layers: 2, Heads: 2, Width: 32}, 2e-3,
		[]float64{
			5.54389, 5.28337, 4.82703, 4.22, 3.46632, 3.0283, 2.89863, 2.69178, 2.8253, 2.69089,
			2.92115, 2.70211, 2.89683, 2.73236, 2.7826, 2.69096, 2.72173, 2.74296, 2.63993, 2.89578}, []float64{
			5.54389, 5.28343, 4.82697, 4.22023, 3.46609, 3.02817, 2.8986, 2.69183, 2.82496, 2.69134,
			2.92065, 2.70243, 2.89673, 2.73231, 2.7828, 2.69094, 2.72195, 2.74301, 2.64008, 2.89578}},
	{"llama", &model.Llama{Layers: 2, Heads: 2, Width: 32, Theta: 10000, Tied: true}, 2e-3,
		[]float64{
			5.54477, 5.36479, 4.7659, 4.24666, 3.53527, 3.08976, 2.92725, 2.70867, 2.82051, 2.6659,
			2.8984, 2.68922, 2.89227, 2.7342, 2.78885, 2.69351, 2.72609, 2.73751, 2.63802, 2.89543}, []float64{
			5.54472, 5.36474, 4.76589, 4.24626, 3.53459, 3.08934, 2.92703, 2.70848, 2.8206, 2.66576,
			2.89843, 2.68921, 2.89213, 2.73378, 2.78871, 2.69354, 2.72601, 2.73792, 2.63772, 2.89565}},
	{"lstm", &model.LSTM{Layers: 2, Width: 24, Hidden: 40, Tied: true}, 2e-3,
		[]float64{
			5.51169, 5.48059, 5.27933, 5.012, 4.4719, 3.92628, 3.49228, 3.08234, 3.03913, 2.73266,
			2.957, 2.68445, 2.91761, 2.73367, 2.82788, 2.71891, 2.77775, 2.74949, 2.68206, 2.9137}, []float64{
			5.51181, 5.48051, 5.27936, 5.01192, 4.47194, 3.92603, 3.49257, 3.08264, 3.03945, 2.733,
			2.95714, 2.68447, 2.91786, 2.73383, 2.82771, 2.71921, 2.77768, 2.74945, 2.682, 2.91371}},
	{"nnlm", &model.NNLM{Order: 4, Width: 24, Hidden: 40}, 2e-3,
		[]float64{
			5.53277, 5.51903, 5.41747, 5.25593, 4.70005, 3.87494, 3.09415, 2.73154, 2.83027, 2.58191,
			2.98212, 2.67861, 2.92054, 2.72926, 2.59562, 2.44369, 2.33849, 2.39906, 2.17483, 2.54169}, []float64{
			5.53272, 5.51903, 5.41747, 5.25594, 4.69993, 3.87424, 3.09365, 2.73179, 2.83112, 2.58368,
			2.9844, 2.67876, 2.92158, 2.72945, 2.59737, 2.44517, 2.33985, 2.39976, 2.17441, 2.54126}},
	{"encdec", &model.EncDec{Encoder: 1, Decoder: 1, Heads: 2, Width: 32, Hidden: 64}, 6e-3,
		[]float64{
			5.61668, 5.45335, 5.01255, 4.33182, 3.55332, 3.0851, 2.96033, 2.70168, 2.83156, 2.68404,
			2.92068, 2.71577, 2.89796, 2.74622, 2.77372, 2.6982, 2.71354, 2.80713, 2.64751, 2.86864}, []float64{
			5.61666, 5.45335, 5.01235, 4.33182, 3.55322, 3.08513, 2.96015, 2.70173, 2.83144, 2.68417,
			2.92068, 2.71622, 2.89744, 2.74651, 2.77363, 2.69844, 2.71357, 2.77682, 2.64795, 2.86909}},
}

func follow(t *testing.T, l *Loop) (steps []Step) {
	t.Helper()
	l.After = func(_ context.Context, s Step) error { steps = append(steps, s); return nil }
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return steps
}
