//go:build xla

package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/model/xla"
)

// device opens the CPU as this many devices.
func device(t *testing.T, count int) *xla.Client {
	t.Helper()
	c, err := xla.Open(xla.Device{Kind: xla.CPU, Count: count}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// packedBatch is a batch whose rows hold several documents and end in padding.
func packedBatch(rows, width, vocab int, rng *rand.Rand) *model.Batch {
	b := &model.Batch{B: rows, T: width}
	for r := range rows {
		doc := int32(0)
		for t := range width {
			if t > 0 && rng.IntN(6) == 0 {
				doc++
			}
			id, target, in := int32(rng.IntN(vocab)), int32(rng.IntN(vocab)), doc
			if rng.IntN(8) == 0 {
				target = -1
			}
			if r%2 == 1 && t >= width-3 {
				id, target, in = 0, -1, -1
			}
			b.IDs, b.Targets, b.Docs = append(b.IDs, id), append(b.Targets, target), append(b.Docs, in)
		}
	}
	return b
}

// A subject is a model to be held to the tape.
type subject struct {
	name  string
	build func(t *testing.T) Model
	vocab int
}

// subjects are all architectures that can be trained, those that are only opened, and variants.
func subjects(t *testing.T) (list []subject) {
	const vocab, context = 40, 16
	add := func(name string, a model.Arch) {
		list = append(list, subject{name, func(t *testing.T) Model {
			m, err := a.Build(vocab, context, 1)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}, vocab})
	}
	add("gpt", &model.GPT{Layers: 2, Heads: 2, Width: 8, Dropout: .1})
	add("gpt, recomputed", &model.GPT{Layers: 2, Heads: 2, Width: 8, Dropout: .1, Recompute: true})
	add("llama", &model.Llama{Layers: 2, Heads: 4, KVHeads: 2, Width: 16, Theta: 100, Dropout: .1})
	add("lstm", &model.LSTM{Layers: 2, Width: 8, Hidden: 12, Tied: true, Dropout: .2, WeightDropout: .3})
	add("nnlm", &model.NNLM{Order: 4, Width: 8, Hidden: 12, Dropout: .1})
	add("encdec", &model.EncDec{Encoder: 1, Decoder: 1, Heads: 2, Width: 8, Dropout: .1, Norm: model.PreNorm})
	add("encdec, norms after", &model.EncDec{Encoder: 1, Decoder: 1, Heads: 2, Width: 8, Norm: model.PostNorm})
	add("encdec, SSRU", &model.EncDec{Encoder: 1, Decoder: 2, Heads: 2, Width: 8, Dropout: .1, Norm: model.PreNorm, Cell: model.SSRU})
	dirs, err := filepath.Glob("../testdata/families/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no families", err)
	}
	for _, dir := range dirs {
		m, err := model.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if lm, ok := m.(model.LanguageModel); ok {
			list = append(list, subject{filepath.Base(dir), func(*testing.T) Model { return lm }, m.Vocab()})
		}
	}
	return list
}

// stepped computes the gradients of two batches on the CPU or on a device.
func stepped(t *testing.T, m Model, vocab int, c *xla.Client, batches ...*model.Batch) (nll, norm float64, grads [][]float32, params []nn.Param) {
	t.Helper()
	slab, err := NewSlab(m.Params())
	if err != nil {
		t.Fatal(err)
	}
	l := &Loop{Model: m, Optimizer: &SGD{}, Seed: 5, Device: c, slab: slab}
	l.state = l.Optimizer.New(slab)
	if err := l.place(); err != nil {
		t.Fatal(err)
	}
	g := &stepBatches{}
	for _, b := range batches {
		part := *b
		part.State = nil
		g.micro = append(g.micro, &part)
	}
	if nll, norm, err = l.steps.sum(g, 3); err != nil {
		t.Fatal(err)
	}
	for i, p := range slab.Params {
		x := make([]float32, len(p.Data))
		if s, ok := l.steps.(*deviceSteps); ok {
			if err := xla.Get(s.gradients[i][0], x); err != nil {
				t.Fatal(err)
			}
		} else {
			copy(x, slab.Part(slab.Grad, i))
		}
		grads = append(grads, x)
	}
	return nll, norm, grads, slab.Params
}

// TestDeviceGradients holds loss and gradients of every architecture to the tape's, with packed
// documents, padding and dropout, summed over two batches.
func TestDeviceGradients(t *testing.T) {
	c := device(t, 1)
	for _, s := range subjects(t) {
		t.Run(s.name, func(t *testing.T) { sameGradients(t, s, c) })
	}
}

func sameGradients(t *testing.T, s subject, c *xla.Client) {
	m := s.build(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range m.Params() { // biases and gains off their start
		for i := range p.Data {
			p.Data[i] += .05 * float32(rng.NormFloat64())
		}
	}
	var batches []*model.Batch
	for range 2 {
		b := packedBatch(4, 12, s.vocab, rng)
		b.Norm = 60
		if _, reads := m.(model.Seq2Seq); reads {
			b.Source = packedBatch(4, 12, s.vocab, rng)
		}
		batches = append(batches, b)
	}
	nll, norm, want, _ := stepped(t, m, s.vocab, nil, batches...)
	nllOn, normOn, got, params := stepped(t, m, s.vocab, c, batches...)
	if d := math.Abs(nllOn/nll - 1); d > 1e-6 {
		t.Errorf("Σ nll is %.6f on the device, %.6f on the tape: %.2g apart", nllOn, nll, d)
	}
	if d := math.Abs(normOn/norm - 1); d > 1e-5 {
		t.Errorf("the norm is %g on the device, %g on the tape", normOn, norm)
	}
	for i, p := range params {
		noise := 0.0
		if size(want[i]) < 1e-5*norm { // nothing but rounding: keys' biases have no gradient
			noise = 1e-3 * norm
		}
		if d := apart(got[i], want[i], noise); d > 1e-5 {
			t.Errorf("%s: gradients are %.2g apart", p.Name, d)
		}
	}
}

// apart is ‖x − y‖/‖y‖, but for y that are no more than noise.
func apart(x, y []float32, noise float64) float64 {
	diff := make([]float32, len(x))
	for i := range x {
		diff[i] = x[i] - y[i]
	}
	return size(diff) / max(size(y), noise, 1e-12)
}

func size(x []float32) float64 { return math.Sqrt(kernel.SumSquares(x)) }

// TestDeviceTraining takes 20 steps of each optimizer on the CPU, and on the device.
func TestDeviceTraining(t *testing.T) {
	c := device(t, 1)
	for name, optimizer := range map[string]func() OptimizerSettings{
		"adamw": Optimizers()["adamw"], "muon": Optimizers()["muon"],
		"sgd, averaged": func() OptimizerSettings {
			return &Averaged{OptimizerSettings: &SGD{Momentum: .9, Nesterov: true, Decay: .01}, Keep: .8}
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, on := trained(t, optimizer(), nil, 20, F32), trained(t, optimizer(), c, 20, F32)
			for i, s := range on.steps {
				if d := math.Abs(s.NLL/want.steps[i].NLL - 1); d > 1e-4 {
					t.Errorf("step %d: loss %.6f, on the CPU %.6f", s.Done, s.Loss(), want.steps[i].Loss())
				}
			}
			for i, p := range on.model.Params() {
				if d := apart(p.Data, want.model.Params()[i].Data, 1e-3); d > 1e-3 {
					t.Errorf("%s: weights are %.2g apart", p.Name, d)
				}
			}
		})
	}
}

var errKilled = errors.New("killed")

type trainedModel struct {
	model model.LanguageModel
	steps []Step
}

// trained trains a small GPT, in which one group of parameters thaws after three steps.
func trained(t *testing.T, o OptimizerSettings, c *xla.Client, steps int64, floats Floats, change ...func(*Loop)) trainedModel {
	t.Helper()
	m, err := (&model.GPT{Layers: 2, Heads: 2, Width: 16, Dropout: .1}).Build(256, 24, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := trainedModel{model: m}
	l := &Loop{Model: m, Source: letters{}, Steps: steps, Clip: 1, Seed: 3, Accumulate: 2, Optimizer: o, Device: c, Floats: floats,
		Rate: func(step int64, group int) float64 {
			if group == 1 && step < 3 {
				return 0
			}
			return .003
		},
		After: func(_ context.Context, s Step) error { out.steps = append(out.steps, s); return nil }}
	for _, f := range change {
		f(l)
	}
	if err := l.Run(t.Context()); err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	return out
}

// TestDeviceDocuments plants a leak: a mask that lets a query see another document must be noticed.
func TestDeviceDocuments(t *testing.T) {
	c := device(t, 1)
	m, err := (&model.GPT{Layers: 1, Heads: 2, Width: 8}).Build(40, 16, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := packedBatch(4, 12, 40, rand.New(rand.NewPCG(1, 2)))
	b.Norm = 30
	want, _, _, _ := stepped(t, m, 40, nil, b)
	leaky := *b
	leaky.Docs = make([]int32, len(b.Docs))
	got, _, _, _ := stepped(t, m, 40, c, &leaky)
	if math.Abs(got/want-1) < 1e-4 {
		t.Error("a leak across documents changes nothing, so nothing would notice it")
	}
	// Another first document may not change the losses of the others.
	other := *b
	other.IDs = append([]int32(nil), b.IDs...)
	for i := range other.IDs {
		if b.Docs[i] == 0 {
			other.IDs[i] = (b.IDs[i] + 1) % 40
		}
	}
	score := func(b *model.Batch) []float64 {
		x := *b
		x.Targets = append([]int32(nil), b.Targets...)
		for i := range x.Targets {
			if b.Docs[i] == 0 {
				x.Targets[i] = -1
			}
		}
		s, err := newResident(c, 1, false).scorer(m).Score(&x)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if x, y := score(b), score(&other); fmt.Sprint(x) != fmt.Sprint(y) {
		t.Errorf("what another document says changes the score: %v, %v", x, y)
	}
}

// TestDevices: four devices that share each batch do what one does.
func TestDevices(t *testing.T) {
	for _, s := range subjects(t)[:6] {
		t.Run(s.name, func(t *testing.T) {
			m := s.build(t)
			rng := rand.New(rand.NewPCG(1, 2))
			b := packedBatch(4, 12, s.vocab, rng)
			b.Norm = 30
			if _, reads := m.(model.Seq2Seq); reads {
				b.Source = packedBatch(4, 12, s.vocab, rng)
			}
			nll, norm, want, _ := stepped(t, m, s.vocab, device(t, 1), b)
			nllOn, _, got, params := stepped(t, m, s.vocab, device(t, 4), b)
			if d := math.Abs(nllOn/nll - 1); d > 1e-6 {
				t.Errorf("Σ nll is %.6f on four devices, %.6f on one", nllOn, nll)
			}
			for i, p := range params {
				if d := apart(got[i], want[i], 1e-2*norm); d > 1e-6 {
					t.Errorf("%s: gradients are %.2g apart", p.Name, d)
				}
			}
		})
	}
}

// TestDeviceScores holds evaluation on devices to the CPU's, for a number of rows that they cannot
// share evenly.
func TestDeviceScores(t *testing.T) {
	c := device(t, 2)
	for _, s := range subjects(t)[:6] {
		m := s.build(t).(model.LanguageModel)
		b := packedBatch(3, 12, s.vocab, rand.New(rand.NewPCG(3, 2)))
		if _, reads := m.(model.Seq2Seq); reads {
			b.Source = packedBatch(3, 12, s.vocab, rand.New(rand.NewPCG(3, 2)))
		}
		want, err := model.Score(m).Score(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := newResident(c, 1, false).scorer(m).Score(b)
		if err != nil {
			t.Fatal(err)
		}
		for r := range want {
			if math.Abs(got[r]/want[r]-1) > 1e-5 {
				t.Errorf("%s, row %d: %g on the device, %g on the CPU", s.name, r, got[r], want[r])
			}
		}
	}
}

// TestDeviceResume kills a run on the device, and goes on with it there and on the CPU: the losses
// are those of a run that was not killed.
func TestDeviceResume(t *testing.T) {
	c := device(t, 1)
	const steps, killed = 8, 5
	for _, o := range []OptimizerSettings{Optimizers()["muon"](), &Averaged{OptimizerSettings: Optimizers()["adamw"](), Keep: .8}} {
		whole := trained(t, o, c, steps, F32)
		begin := func(c *xla.Client) Checkpoint {
			at := Checkpoint{Dir: t.TempDir(), Steps: 1}
			first := trained(t, o, c, steps, F32, func(l *Loop) {
				l.Checkpoint = at
				after := l.After
				l.After = func(ctx context.Context, s Step) error {
					if s.Done > killed {
						return errKilled
					}
					return after(ctx, s)
				}
			})
			if len(first.steps) != killed {
				t.Fatalf("killed after %d steps", len(first.steps))
			}
			return at
		}
		for _, run := range []struct {
			name     string
			from, on *xla.Client
			apart    float64
		}{{"device to device", c, c, 0}, {"device to CPU", c, nil, 1e-5}, {"CPU to device", nil, c, 1e-5}} {
			at := begin(run.from)
			rest := trained(t, o, run.on, steps, F32, func(l *Loop) { l.Checkpoint = at })
			if len(rest.steps) != steps-killed {
				t.Fatalf("%s: %d steps after %d of %d", run.name, len(rest.steps), killed, steps)
			}
			for i, s := range rest.steps {
				if want := whole.steps[killed+i]; math.Abs(s.NLL/want.NLL-1) > run.apart {
					t.Errorf("%s: step %d: loss %.8f, not killed %.8f", run.name, s.Done, s.Loss(), want.Loss())
				}
			}
		}
	}
}

// TestDeviceBF16 rounds what is multiplied: near to float32, but not the same.
func TestDeviceBF16(t *testing.T) {
	c := device(t, 1)
	on, cpu, f32 := trained(t, Optimizers()["adamw"](), c, 3, BF16), trained(t, Optimizers()["adamw"](), nil, 3, BF16), trained(t, Optimizers()["adamw"](), c, 3, F32)
	for i, s := range on.steps {
		if d := math.Abs(s.Loss() - cpu.steps[i].Loss()); d > 2e-3 {
			t.Errorf("step %d: loss %.6f, on the CPU %.6f", s.Done, s.Loss(), cpu.steps[i].Loss())
		}
	}
	if on.steps[2].NLL == f32.steps[2].NLL {
		t.Error("nothing is rounded")
	}
}

// TestDeviceRefuses names what a device cannot do.
func TestDeviceRefuses(t *testing.T) {
	c := device(t, 1)
	l := &Loop{Model: newBigram(20, 8, 1), Source: cycle{vocab: 20, rows: 4, width: 16}, Optimizer: Optimizers()["adafactor"](),
		Rate: constant(.01), Steps: 1, Device: c}
	if err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "runs on the CPU alone") {
		t.Errorf("adafactor: %v", err)
	}
	l.Optimizer, l.Device = Optimizers()["adamw"](), device(t, 3)
	if err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "4 rows cannot be shared by 3 devices") {
		t.Errorf("three devices: %v", err)
	}
}

// TestDeviceAdapters trains LoRA and DoRA as the tape does, the weights beneath frozen.
func TestDeviceAdapters(t *testing.T) {
	c := device(t, 1)
	for _, dora := range []bool{false, true} {
		m, err := (&model.GPT{Layers: 1, Heads: 2, Width: 8}).Build(40, 16, 1)
		if err != nil {
			t.Fatal(err)
		}
		lora := model.NewLoRA()
		lora.Rank, lora.DoRA, lora.Dropout = 2, dora, .1
		if _, err := lora.Attach(m, 3); err != nil {
			t.Fatal(err)
		}
		sameGradients(t, subject{"lora", func(*testing.T) Model { return adapted{m} }, 40}, c)
	}
}

// adapted is a model of which the adapters alone learn.
type adapted struct{ lm model.LanguageModel }

func (a adapted) Params() []nn.Param { return model.AdapterParams(a.lm) }

func (a adapted) Loss(tp *tensor.Tape, b *model.Batch) model.Loss { return a.lm.Loss(tp, b) }
