package model

import (
	"fmt"

	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// An Arch is the settings of an architecture: a struct that is its YAML.
type Arch interface {
	// Check finds the faults of the settings, all of them.
	Check() []fault.Fault
	// Build makes a model of vocab ids and context positions with initial weights. The
	// same seed gives the same weights.
	Build(vocab, context int, seed uint64) (LanguageModel, error)
	// Size estimates what training takes, for settings without faults.
	Size(vocab, context, rows int) Size
}

// A Size is what a model takes to train on batches of rows × context ids.
type Size struct {
	Params int64   // how many numbers are learned
	Tape   int64   // bytes of results and gradients of a step, within 5 % of what Tape.Bytes will say
	FLOPs  float64 // of forward and backward, per id: 6·Params and 12·layers·width·context for attention
}

// Bytes is the memory of a training: weights, gradients, the tape, and as many
// arrays of the weights' size as the optimizer keeps (AdamW: 2).
func (s Size) Bytes(moments int) int64 { return int64(2+moments)*4*s.Params + s.Tape }

// SizeOf is Arch.Size of a model that was built or opened.
func SizeOf(m LanguageModel, context, rows int) Size { return m.(Arch).Size(m.Vocab(), context, rows) }

// size puts a Size together from floats: kept by the way forward; then either
// the widest layer's gradients, or the last states' gradient and the head's logits.
func size(params, attention, kept, widest, states, logits int) Size {
	return Size{
		Params: int64(params),
		Tape:   4 * int64(kept+max(widest, states+logits)),
		FLOPs:  6*float64(params) + 12*float64(attention),
	}
}

// headLogits is how many logits of n positions exist at a time.
func headLogits(n, vocab int) int { return tensor.HeadRows(n, vocab) * vocab }

// archs is the table of architectures: the name in YAML ("": only checkpoints from elsewhere), the
// model_type in config.json, the default settings, and how config.json becomes a model whose
// weights are still to be read.
var archs = []archEntry{
	{"gpt", "gpt2", func() Arch { return &GPT{Layers: 4, Heads: 4, Width: 256} }, openGPT},
	{"llama", "llama", func() Arch { return &Llama{Layers: 4, Heads: 4, Width: 256, Theta: 10000, Tied: true} }, openLlama},
	{"", parallelType, nil, openParallel},
	{"", "mistral", nil, openMistral},
	{"", "qwen2", nil, openQwen2},
	{"", "qwen3", nil, openQwen3},
	{"", "gemma3_text", nil, openGemma3},
	{"lstm", "fragua_lstm", func() Arch { return &LSTM{Layers: 2, Width: 256, Tied: true, Dropout: .2} }, openLSTM},
	{"nnlm", "fragua_nnlm", func() Arch { return &NNLM{Order: 5, Width: 128, Hidden: 256} }, openNNLM},
	{"", "bert", nil, openBERT},
	{"", "roberta", nil, openRoBERTa},
	{"", "distilbert", nil, openDistilBERT},
	{"", "modernbert", nil, openModernBERT},
	{"encdec", "pegasus", func() Arch {
		return &EncDec{Encoder: 3, Decoder: 3, Heads: 4, Width: 256, Dropout: .1, Cell: Attends, Norm: PreNorm}
	}, openPegasus},
	{"", ssruType, nil, openSSRU},
	{"", "marian", nil, openMarian},
	{"", "t5", nil, openT5},
}

type archEntry struct {
	name, modelType string
	fresh           func() Arch // nil: it is opened only, never trained from scratch
	open            func(*config) (opened, error)
}

// An opened is what a config.json says. build makes the model, its weights all 0; some of its parts
// depend on which arrays there are.
type opened struct {
	Arch
	vocab, context int
	build          func(names) Model
}

// names reports whether a checkpoint has an array.
type names func(string) bool

// Archs returns the architectures that can be trained from scratch, by name, each a
// constructor of its default settings.
func Archs() map[string]func() Arch {
	m := map[string]func() Arch{}
	for _, a := range archs {
		if a.fresh != nil {
			m[a.name] = a.fresh
		}
	}
	return m
}

// LanguageArchs returns those of Archs that continue a text: all but the encoder–decoder.
func LanguageArchs() map[string]func() Arch {
	m := Archs()
	delete(m, "encdec")
	return m
}

// faults collects what is wrong.
type faults []fault.Fault

// The largest settings that are taken seriously; a file from elsewhere may say anything.
const (
	mostLayers = 1 << 12
	most       = 1 << 20 // of anything else
)

func (f *faults) positive(path string, v int) {
	limit := most
	if path == "layers" {
		limit = mostLayers
	}
	switch {
	case v < 1:
		*f = append(*f, fault.Fault{Path: path, Err: fmt.Sprintf("%d is not a positive number", v), Hint: "1 or more"})
	case v > limit:
		*f = append(*f, fault.Fault{Path: path, Err: fmt.Sprintf("%d is more than %d", v, limit), Hint: fmt.Sprintf("%d or less", limit)})
	}
}

func (f *faults) divides(path string, v int, whole string, w int) {
	if v > 0 && w > 0 && w%v != 0 {
		near := v - 1
		for w%near != 0 {
			near--
		}
		*f = append(*f, fault.Fault{Path: path, Err: fmt.Sprintf("%d does not divide %s %d", v, whole, w), Hint: fmt.Sprintf("%d does", near)})
	}
}

func (f *faults) rate(path string, p float32) {
	if !(p >= 0 && p < 1) {
		*f = append(*f, fault.Fault{Path: path, Err: fmt.Sprintf("%g is not in [0, 1)", p), Hint: "0.1 is usual"})
	}
}

// err makes an error of the first fault.
func (f faults) err(arch string) error {
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s: %s", arch, f[0].Path, f[0].Err)
}

func checkSize(arch string, a Arch, vocab, context int) error {
	f := faults(a.Check())
	f.positive("vocab", vocab)
	f.positive("context", context)
	return f.err(arch)
}
