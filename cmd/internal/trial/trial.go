package trial

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"time"

	"fragua/model"
	"fragua/model/tensor"
	"fragua/model/train"
)

// How every trial and every peer is optimized: AdamW, the same rate at every step, no
// clipping, no dropout.
const (
	Rate  = 3e-4
	Beta1 = 0.9
	Beta2 = 0.95
	Eps   = 1e-8
	Decay = 0.1 // of matrices alone
	seed  = 1
)

// A Trial is a training under way.
type Trial struct {
	Work  Work
	Size  model.Size
	Model model.LanguageModel

	tape      *tensor.Tape
	slab      *train.Slab
	optimizer train.Optimizer
	rates     []float64
	batch     model.Batch
	step      int
	ops       map[string]*Op
}

// A Step is what one step did, and how long it took.
type Step struct {
	Loss      float64 // mean over the targets, in nats
	Wall, CPU time.Duration
}

// An Op is the time that went into one operation in all steps.
type Op struct {
	Name              string
	Forward, Backward time.Duration
}

// Start draws the model and makes room for gradients and moments.
func Start(w Work) (*Trial, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	a, err := w.Settings()
	if err != nil {
		return nil, err
	}
	t := &Trial{Work: w, Size: a.Size(w.Vocab, w.Context, w.Batch), ops: map[string]*Op{}}
	if t.Model, err = a.Build(w.Vocab, w.Context, seed); err != nil {
		return nil, err
	}
	if t.slab, err = train.NewSlab(t.Model.Params()); err != nil {
		return nil, err
	}
	t.optimizer = (&train.AdamW{Beta1: Beta1, Beta2: Beta2, Eps: Eps, Decay: Decay}).New(t.slab)
	t.rates = slices.Repeat([]float64{Rate}, len(t.slab.Params))
	t.tape = tensor.NewTape(seed)
	t.tape.BF16 = w.Precision == "bf16"
	t.tape.Profile = t.hear
	t.tape.Reserve(t.Size.Tape)
	n := w.IDs()
	t.batch = model.Batch{B: w.Batch, T: w.Context, IDs: make([]int32, n), Targets: make([]int32, n)}
	return t, nil
}

// Step takes the next step on text, as Work.Text gives it.
func (t *Trial) Step(text []int32) Step {
	wall, cpu := time.Now(), ProcessorTime()
	long := t.Work.Context + 1
	for r := range t.Work.Batch {
		row := text[r*long:][:long]
		copy(t.batch.IDs[r*t.Work.Context:], row[:long-1])
		copy(t.batch.Targets[r*t.Work.Context:], row[1:])
	}
	t.slab.Clear()
	t.tape.Step = uint64(t.step)
	loss := t.Model.Loss(t.tape, &t.batch)
	t.tape.Backward(loss.Total)
	began := time.Now()
	t.slab.Flush()
	for i := range t.slab.Updates {
		t.slab.Updates[i]++
	}
	t.optimizer.Update(t.rates, 1)
	t.op("optimizer").Backward += time.Since(began)
	t.step++
	return Step{loss.NLL / float64(loss.Targets), time.Since(wall), ProcessorTime() - cpu}
}

// Allocations takes a step, without a look at its operations, and returns how often it allocates
// memory.
func (t *Trial) Allocations(text []int32) uint64 {
	watch := t.tape.Profile
	t.tape.Profile = nil
	defer func() { t.tape.Profile = watch }()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	t.Step(text)
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

func (t *Trial) hear(name string, back bool, took time.Duration) {
	if o := t.op(name); back {
		o.Backward += took
	} else {
		o.Forward += took
	}
}

func (t *Trial) op(name string) *Op {
	o := t.ops[name]
	if o == nil {
		o = &Op{Name: name}
		t.ops[name] = o
	}
	return o
}

// Forget starts the operations' times again, after steps that were not to count.
func (t *Trial) Forget() { clear(t.ops) }

// Ops are the operations since the last Forget, those that took longest first.
func (t *Trial) Ops() []*Op {
	return slices.SortedFunc(maps.Values(t.ops), func(a, b *Op) int {
		return cmp.Or(cmp.Compare(b.Forward+b.Backward, a.Forward+a.Backward), cmp.Compare(a.Name, b.Name))
	})
}

// A Memory is what a training holds, in bytes.
type Memory struct{ Weights, Gradients, Moments, Tape, Foretold int64 }

// Memory tells what is held, and what Size foretold of all of it.
func (t *Trial) Memory() Memory {
	m := Memory{Weights: 4 * t.slab.Trains(), Gradients: 4 * int64(len(t.slab.Grad)), Tape: t.tape.Bytes(), Foretold: t.Size.Bytes(2)}
	for _, x := range t.optimizer.Moments() {
		m.Moments += 4 * int64(len(x.Data))
	}
	return m
}
