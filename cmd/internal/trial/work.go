package trial

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"fragua/model"
)

// A Work is a model and the batches that it is trained on.
type Work struct {
	Arch      string `json:"arch"` // gpt, llama or lstm
	Layers    int    `json:"layers"`
	Width     int    `json:"width"`
	Heads     int    `json:"heads"`    // an lstm has none
	KVHeads   int    `json:"kv_heads"` // of a llama; 0: as many as heads
	Hidden    int    `json:"hidden"`   // width inside; 0: the architecture's own, and a gpt's always
	Context   int    `json:"context"`
	Vocab     int    `json:"vocab"`
	Batch     int    `json:"batch"`     // rows of context ids
	Precision string `json:"precision"` // f32 or bf16: of what linear layers multiply
}

// Presets are the works that have a name.
func Presets() map[string]Work {
	return map[string]Work{
		"a":     {Arch: "gpt", Layers: 6, Width: 384, Heads: 6, Context: 256, Vocab: 8192, Batch: 16, Precision: "f32"},
		"b":     {Arch: "gpt", Layers: 12, Width: 768, Heads: 12, Context: 256, Vocab: 50304, Batch: 4, Precision: "f32"}, // GPT-2 124M
		"llama": {Arch: "llama", Layers: 6, Width: 384, Heads: 6, KVHeads: 2, Context: 256, Vocab: 8192, Batch: 16, Precision: "f32"},
		// The language model of Merity et al. 2017 and of ULMFiT.
		"lstm": {Arch: "lstm", Layers: 3, Width: 400, Hidden: 1150, Context: 70, Vocab: 30000, Batch: 64, Precision: "f32"},
	}
}

// Settings are the architecture's.
func (w Work) Settings() (model.Arch, error) {
	switch w.Arch {
	case "gpt":
		return &model.GPT{Layers: w.Layers, Heads: w.Heads, Width: w.Width}, nil
	case "llama":
		return &model.Llama{Layers: w.Layers, Heads: w.Heads, KVHeads: w.KVHeads, Width: w.Width, Hidden: w.Hidden, Theta: 10000, Tied: true}, nil
	case "lstm":
		return &model.LSTM{Layers: w.Layers, Width: w.Width, Hidden: w.Hidden, Tied: true}, nil
	}
	return nil, fmt.Errorf("there is no architecture %q to time, only gpt, llama and lstm", w.Arch)
}

// Check finds what is wrong with the work.
func (w Work) Check() error {
	a, err := w.Settings()
	if err != nil {
		return err
	}
	if f := a.Check(); len(f) > 0 {
		return fmt.Errorf("%s: %s", f[0].Path, f[0].Err)
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"context", w.Context}, {"vocab", w.Vocab}, {"batch", w.Batch}} {
		if n.value < 1 || n.value > 1<<20 {
			return fmt.Errorf("%s: %d is not a number from 1 to %d", n.name, n.value, 1<<20)
		}
	}
	if !slices.Contains(Precisions, w.Precision) {
		return fmt.Errorf("precision: %q is none of %s", w.Precision, strings.Join(Precisions, ", "))
	}
	return nil
}

// Precisions are what linear layers can multiply.
var Precisions = []string{"f32", "bf16"}

// IDs is how many ids a step learns from.
func (w Work) IDs() int { return w.Batch * w.Context }

func (w Work) String() string {
	shape := fmt.Sprintf("%d heads", w.Heads)
	if w.KVHeads > 0 && w.KVHeads != w.Heads {
		shape += fmt.Sprintf(" on %d", w.KVHeads)
	}
	if w.Arch == "lstm" {
		shape = fmt.Sprintf("hidden %d", w.Hidden)
	}
	return fmt.Sprintf("%s, %d layers, width %d, %s, context %d, vocabulary %d, %d rows, %s",
		w.Arch, w.Layers, w.Width, shape, w.Context, w.Vocab, w.Batch, w.Precision)
}

// Text returns the rows of a step: batch × (context+1) ids, each row's inputs and, one
// further on, its targets. Half of the ids follow from the one before and the others are
// drawn, small ones more often, so that there is something to learn and losses move.
func (w Work) Text(step int) []int32 {
	rng := rand.New(rand.NewPCG(20, uint64(step)))
	ids := make([]int32, 0, w.Batch*(w.Context+1))
	last := 0
	for range cap(ids) {
		if rng.IntN(2) == 0 {
			last = (last*31 + 7) % w.Vocab
		} else {
			u := rng.Float64()
			last = int(u * u * float64(w.Vocab))
		}
		ids = append(ids, int32(last))
	}
	return ids
}
