package model

import "fmt"

// An Arch is the settings of an architecture: a struct that is its YAML.
type Arch interface {
	// Check finds the faults of the settings, all of them.
	Check() []Fault
	// Build draws a model of vocab ids that sees context positions. The same
	// seed gives the same weights.
	Build(vocab, context int, seed uint64) (LanguageModel, error)
}

// A Fault is one thing wrong with a setting.
type Fault struct {
	Path string // the setting: "heads"
	Err  string
	Hint string // the likely remedy; may be empty
}

// archs is the table of architectures: the name in YAML, the model_type in
// config.json, the default settings, and how config.json becomes a model whose
// weights are still to be read.
var archs = []archEntry{
	{"gpt", "gpt2", func() Arch { return &GPT{Layers: 4, Heads: 4, Width: 256} }, openGPT},
	{"llama", "llama", func() Arch { return &Llama{Layers: 4, Heads: 4, Width: 256, Theta: 10000, Tied: true} }, openLlama},
}

type archEntry struct {
	name, modelType string
	fresh           func() Arch
	open            func(config []byte) (LanguageModel, error)
}

// Archs returns the architectures by name, each a constructor of its default settings.
func Archs() map[string]func() Arch {
	m := make(map[string]func() Arch, len(archs))
	for _, a := range archs {
		m[a.name] = a.fresh
	}
	return m
}

// faults collects what is wrong.
type faults []Fault

func (f *faults) positive(path string, v int) {
	if v < 1 {
		*f = append(*f, Fault{path, fmt.Sprintf("%d is not a positive number", v), ""})
	}
}

func (f *faults) divides(path string, v int, whole string, w int) {
	if v > 0 && w > 0 && w%v != 0 {
		*f = append(*f, Fault{path, fmt.Sprintf("%d does not divide %s %d", v, whole, w), ""})
	}
}

func (f *faults) rate(path string, p float32) {
	if !(p >= 0 && p < 1) {
		*f = append(*f, Fault{path, fmt.Sprintf("%g is not in [0, 1)", p), ""})
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
