package model

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"fragua/model/kernel"
	"fragua/model/kernel/par"
	"fragua/model/nn"
	"fragua/model/tensor"
)

const (
	testVocab   = 61
	testContext = 24
)

// small is a small model of each architecture.
func small() map[string]Arch {
	return map[string]Arch{
		"lstm":            &LSTM{Layers: 2, Width: 24, Hidden: 32},
		"nnlm":            &NNLM{Order: 4, Width: 24, Hidden: 32},
		"gpt":             &GPT{Layers: 2, Heads: 4, Width: 32},
		"llama":           &Llama{Layers: 2, Heads: 4, KVHeads: 2, Width: 32, Theta: 10000, Tied: true},
		"palm":            &Llama{Layers: 2, Heads: 4, KVHeads: 1, Width: 32, Theta: 10000, Tied: true, Parallel: true},
		"llama, own head": &Llama{Layers: 2, Heads: 4, Width: 32, Hidden: 48, Theta: 500, Tied: false},
	}
}

func build(t testing.TB, a Arch) LanguageModel {
	t.Helper()
	m, err := a.Build(testVocab, testContext, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// drawBatch is rows of a language with a little order in it: each id leans on the one before.
func drawBatch(rng *rand.Rand, b, t int) *Batch {
	x := &Batch{B: b, T: t, IDs: make([]int32, b*t), Targets: make([]int32, b*t)}
	for r := range b {
		id := int32(rng.IntN(testVocab))
		for c := range t {
			x.IDs[r*t+c] = id
			id = (id*7 + int32(rng.IntN(3))) % testVocab
			x.Targets[r*t+c] = id
		}
	}
	return x
}

// steps trains for n steps and returns the losses.
func steps(m LanguageModel, n int) (losses []float64) {
	ps := m.Params()
	moments := make([][2][]float32, len(ps))
	for i, p := range ps {
		moments[i] = [2][]float32{make([]float32, len(p.Data)), make([]float32, len(p.Data))}
	}
	tp := tensor.NewTape(1)
	tp.Train = true
	rng := rand.New(rand.NewPCG(5, 5))
	for step := 1; step <= n; step++ {
		tp.Step = uint64(step)
		loss := m.Loss(tp, drawBatch(rng, 4, testContext))
		losses = append(losses, loss.NLL/float64(loss.Targets))
		tp.Backward(loss.Total)
		for i, p := range ps {
			decay := float32(0)
			if p.Decay {
				decay = .1
			}
			kernel.AdamW(p.Data, p.Grad, moments[i][0], moments[i][1], 1e-2, .9, .99, 1e-8, decay, step, 1)
			clear(p.Grad)
		}
	}
	return losses
}

// TestLearns trains 20 steps: at every level the losses are those recorded on
// the plain one, and the bytes do not depend on the number of workers.
func TestLearns(t *testing.T) {
	golden := map[string][]float64{ // at steps 1, 5, 10, 15, 20
		"gpt":             {4.095139, 3.987280, 3.817361, 3.319716, 3.190544},
		"llama":           {4.090660, 3.760582, 3.461602, 2.890006, 2.764179},
		"llama, own head": {4.109098, 3.706395, 3.157825, 2.382998, 1.955552},
		"palm":            {4.086394, 3.719453, 3.393691, 2.803709, 2.652055},
		"lstm":            {4.105895, 4.097837, 4.063427, 4.019473, 3.979761},
		"nnlm":            {4.108231, 4.062631, 4.006160, 3.724079, 3.397790},
	}
	for name, a := range small() {
		t.Run(name, func(t *testing.T) {
			train := func(workers int) (LanguageModel, []float64) {
				par.SetWorkers(workers)
				defer par.SetWorkers(0)
				m := build(t, a)
				return m, steps(m, 20)
			}
			m, losses := train(1)
			again, same := train(4)
			if !slices.Equal(losses, same) {
				t.Errorf("losses with 1 worker %v, with 4 %v", losses, same)
			}
			for i, p := range m.Params() {
				if !slices.Equal(p.Data, again.Params()[i].Data) {
					t.Errorf("%s: other bytes with 4 workers than with 1", p.Name)
				}
			}
			defer kernel.SetLevel(kernel.Level())
			for _, level := range kernel.Levels() {
				if err := kernel.SetLevel(level); err != nil {
					t.Fatal(err)
				}
				losses := steps(build(t, a), 20)
				got := []float64{losses[0], losses[4], losses[9], losses[14], losses[19]}
				want := golden[name]
				for i := range got {
					if len(want) != len(got) || math.Abs(got[i]-want[i]) > tolerance(level) {
						t.Errorf("level %s: losses %.6f, recorded were %v", level, got, want)
						break
					}
				}
			}
		})
	}
}

// tolerance is how far the losses of 20 steps may be from the recorded ones.
func tolerance(level string) float64 {
	if level == "plain" {
		return 1e-6
	}
	return 1e-3
}

// TestDecoderIsTheModel feeds rows of different lengths in pieces: after every
// piece the next id has the probabilities that the whole row gives it.
func TestDecoderIsTheModel(t *testing.T) {
	for name, a := range small() {
		t.Run(name, func(t *testing.T) {
			m := build(t, a)
			perturb(m)
			rng := rand.New(rand.NewPCG(3, 3))
			rows := make([][]int32, 3)
			d := m.Decoder()
			for step, lengths := range [][]int{{5, 1, 3}, {1, 1, 1}, {2, 7, 1}, {1, 1, 1}, {1, 1, 1}} {
				fresh := make([][]int32, 3)
				for r, n := range lengths {
					for range n {
						fresh[r] = append(fresh[r], int32(rng.IntN(testVocab)))
					}
					rows[r] = append(rows[r], fresh[r]...)
				}
				logits := d.Feed(fresh)
				for r, ids := range rows {
					same(t, logits[r*testVocab:][:testVocab], lastLogits(m, ids), "step %d row %d", step, r)
				}
				if step == 2 { // fork, drop and reorder
					d.Select([]int{2, 1, 2})
					rows = [][]int32{slices.Clone(rows[2]), rows[1], slices.Clone(rows[2])}
				}
			}
		})
	}
}

// TestDecoderSlides feeds more than the context holds: the row then is its last half.
func TestDecoderSlides(t *testing.T) {
	m := build(t, small()["gpt"])
	perturb(m)
	d := m.Decoder()
	var ids []int32
	for i := range testContext + 1 {
		ids = append(ids, int32(i*5%testVocab))
		logits := d.Feed([][]int32{ids[i:]})
		seen := ids
		if len(ids) > testContext {
			seen = ids[len(ids)-testContext/2:]
		}
		same(t, logits, lastLogits(m, seen), "after %d ids", len(ids))
	}
	long := make([]int32, 3*testContext)
	same(t, m.Decoder().Feed([][]int32{long}), lastLogits(m, long[:testContext]), "a prompt longer than the context")
}

// TestDocuments packs two texts into a row: each scores as it does alone.
func TestDocuments(t *testing.T) {
	for name, a := range small() {
		t.Run(name, func(t *testing.T) {
			m := build(t, a)
			perturb(m)
			rng := rand.New(rand.NewPCG(4, 4))
			one, two := drawBatch(rng, 1, 7), drawBatch(rng, 1, 9)
			both := &Batch{B: 1, T: 20, IDs: make([]int32, 20), Targets: make([]int32, 20), Docs: make([]int32, 20)}
			for i := range both.Docs {
				both.Docs[i], both.Targets[i] = -1, -1 // padding
			}
			for doc, b := range []*Batch{one, two} {
				at := doc * one.T
				copy(both.IDs[at:], b.IDs)
				copy(both.Targets[at:], b.Targets)
				for i := range b.T {
					both.Docs[at+i] = int32(doc)
				}
			}
			apart := m.Loss(nil, one).NLL + m.Loss(nil, two).NLL
			packed := m.Loss(nil, both)
			if math.Abs(packed.NLL-apart) > 1e-4 || packed.Targets != 16 {
				t.Errorf("packed %v over %d targets, apart %v", packed.NLL, packed.Targets, apart)
			}
			both.State = nil
			scores, err := Score(m).Score(both)
			if err != nil || math.Abs(scores[0]+apart) > 1e-4 {
				t.Errorf("Score gives %v, %v; want %v", scores, err, -apart)
			}
		})
	}
}

// perturb moves every parameter, so that biases and gains count too.
func perturb(m LanguageModel) {
	d := nn.NewInit(9)
	for _, p := range m.Params() {
		kernel.AddTo(p.Data, d.Normal(.1, p.Shape...).Data)
	}
}

func lastLogits(m LanguageModel, ids []int32) []float32 {
	h := m.Hidden(nil, &Batch{B: 1, T: len(ids), IDs: ids})
	var tp *tensor.Tape
	return tp.Linear(tp.Rows(h, []int32{int32(len(ids) - 1)}), m.Head(), nil).Data
}

func same(t *testing.T, got, want []float32, format string, args ...any) {
	t.Helper()
	for i, w := range want {
		if math.Abs(float64(got[i]-w)) > 1e-5*(1+math.Abs(float64(w))) {
			t.Fatalf(format+": logit %d is %g, want %g", append(args, i, got[i], w)...)
		}
	}
}

// TestResume cuts rows in two: a recurrent model that goes on from its state
// loses what it loses on the whole rows.
func TestResume(t *testing.T) {
	m := build(t, small()["lstm"])
	perturb(m)
	whole := drawBatch(rand.New(rand.NewPCG(6, 6)), 3, 16)
	want := m.Loss(nil, whole).NLL
	got, state := 0.0, [][]float32(nil)
	for half := range 2 {
		b := &Batch{B: 3, T: 8, State: state, Resume: half > 0}
		for r := range 3 {
			at := r*16 + half*8
			b.IDs, b.Targets = append(b.IDs, whole.IDs[at:at+8]...), append(b.Targets, whole.Targets[at:at+8]...)
		}
		got += m.Loss(nil, b).NLL
		state = b.State
	}
	if math.Abs(got-want) > 1e-4 {
		t.Errorf("in two halves %v, whole %v", got, want)
	}
}

// TestRecompute trains with and without keeping results: the weights are the
// same bits, in less memory.
func TestRecompute(t *testing.T) {
	for _, pair := range [][2]Arch{
		{&GPT{Layers: 4, Heads: 4, Width: 32, Dropout: .1}, &GPT{Layers: 4, Heads: 4, Width: 32, Dropout: .1, Recompute: true}},
		{&Llama{Layers: 4, Heads: 4, Width: 32, Theta: 1e4, Dropout: .1}, &Llama{Layers: 4, Heads: 4, Width: 32, Theta: 1e4, Dropout: .1, Recompute: true}},
	} {
		kept, again := build(t, pair[0]), build(t, pair[1])
		if a, b := steps(kept, 3), steps(again, 3); !slices.Equal(a, b) {
			t.Errorf("losses %v, recomputed %v", a, b)
		}
		for i, p := range kept.Params() {
			if !slices.Equal(p.Data, again.Params()[i].Data) {
				t.Errorf("%s: other bytes when recomputed", p.Name)
			}
		}
		if a, b := pair[0].Size(testVocab, 24, 8).Tape, pair[1].Size(testVocab, 24, 8).Tape; 2*b > a {
			t.Errorf("%d bytes kept, %d recomputed", a, b)
		}
	}
}

// TestDecoderScoresAsLoss feeds a row one id at a time: the log-probabilities
// of what follows add up to what Loss says.
func TestDecoderScoresAsLoss(t *testing.T) {
	for name, a := range small() {
		m := build(t, a)
		perturb(m)
		b := drawBatch(rand.New(rand.NewPCG(8, 8)), 1, 20)
		d, sum := m.Decoder(), 0.0
		for i, id := range b.IDs {
			logits := d.Feed([][]int32{{id}})
			sum -= float64(logits[b.Targets[i]]) - kernel.LogSumExp(logits)
		}
		if want := m.Loss(nil, b).NLL; math.Abs(sum-want) > 1e-4 {
			t.Errorf("%s: %v id by id, Loss says %v", name, sum, want)
		}
	}
}

// TestScratchFreesBlocks scores with many layers in hardly more memory than with few.
func TestScratchFreesBlocks(t *testing.T) {
	bytes := func(layers int) int64 {
		m := build(t, &GPT{Layers: layers, Heads: 4, Width: 32})
		s := Score(m).(scorer)
		if _, err := s.Score(drawBatch(rand.New(rand.NewPCG(1, 1)), 4, testContext)); err != nil {
			t.Fatal(err)
		}
		return s.tp.Bytes()
	}
	few, many := bytes(2), bytes(8)
	if state := int64(4 * testContext * 32 * 4); many > few+6*state+1024 {
		t.Errorf("%d bytes with 2 layers, %d with 8; a state is %d", few, many, state)
	}
}

// TestDecodersTogether generates from one model in several goroutines, as a server does.
func TestDecodersTogether(t *testing.T) {
	m := build(t, small()["llama"])
	perturb(m)
	want := slices.Collect(Generate(context.Background(), m.Decoder(), []int32{1, 2}, 10, nil, Sampler{}))
	got := make([][]int32, 4)
	var wait sync.WaitGroup
	for i := range got {
		wait.Go(func() {
			got[i] = slices.Collect(Generate(context.Background(), m.Decoder(), []int32{1, 2}, 10, nil, Sampler{}))
		})
	}
	wait.Wait()
	for _, ids := range got {
		if !slices.Equal(ids, want) {
			t.Errorf("%v, alone %v", ids, want)
		}
	}
}
