package finetune

import (
	"errors"
	"fmt"
	"path/filepath"

	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// fromScratch reports whether the model begins with fresh weights: then the stage
// reads a tokenizer instead of a model.
func (f *Finetune) fromScratch() bool { return f.Arch.Value != nil }

// Inputs are a model, or a tokenizer where arch says which model is to be built; and examples.
// Without either n-grams classify.
func (f *Finetune) Inputs() []pipeline.Input {
	given := pipeline.Input{Name: "model", Kind: pipeline.Model, Optional: true}
	if f.fromScratch() {
		given = pipeline.Input{Name: "tokenizer", Kind: pipeline.Tokenizer}
	}
	return []pipeline.Input{given, {Name: "examples", Kind: pipeline.Examples, Many: true}}
}

// given is the directory of the model or of the tokenizer.
func (f *Finetune) given(env *pipeline.Env) pipeline.Dir {
	if f.fromScratch() {
		return env.One("tokenizer")
	}
	return env.One("model")
}

// begins says what training begins with: the stage, or the folder, of the model.
func (f *Finetune) begins(base pipeline.Dir) string {
	if f.fromScratch() {
		return "fresh weights of " + f.Arch.Name
	}
	return "fine-tuned from " + filepath.Base(base.Path)
}

// open reads the model that training begins with, or builds it.
func (f *Finetune) open(dir string, seed uint64) (model.Model, *tokenize.Tokenizer, error) {
	if !f.fromScratch() {
		return openBase(dir, f.Goal.Name)
	}
	tok, err := tokenize.Load(filepath.Join(dir, tokenizerFile))
	if err != nil {
		return nil, nil, err
	}
	lm, err := f.Arch.Value.Build(tok.VocabSize(), f.Context, seed)
	return lm, tok, err
}

// checkModel refuses what the settings ask of a model that it cannot give.
func (f *Finetune) checkModel(lm model.Model) error {
	if model.Quantized(lm) {
		return fault.Hintf(errors.New("the model's weights are in int8, and learn no more"), "take the model that it was made of, or train with weights: f32")
	}
	g, ok := f.Goal.Goal.(*Translation)
	if !ok {
		return nil
	}
	_, reads := lm.(model.Seq2Seq)
	what := ""
	switch {
	case reads:
		return nil
	case g.Shortlist.Best > 0:
		what = "shortlist"
	case g.Search.Coverage > 0:
		what = "coverage"
	case f.Weights == WeightsInt8:
		what = "weights: int8"
	default:
		return nil
	}
	return fault.Hintf(fmt.Errorf("%s is for models with an encoder, and this one is a decoder alone", what), "leave it out, or train arch: encdec")
}

// checkScratch finds what does not go together with, or without, arch.
func (f *Finetune) checkScratch() (faults []fault.Fault) {
	add := func(path, err, hint string) { faults = append(faults, fault.Fault{Path: path, Err: err, Hint: hint}) }
	switch {
	case !f.fromScratch() && f.Context != 0:
		add("context", "context is the model's own unless arch says to build one", "leave it out")
	case f.fromScratch() && f.Context < 1:
		add("context", "arch builds a model, and nothing says how many tokens it sees at once", "context: 128 holds most sentences; of source and target each")
	}
	if !f.fromScratch() {
		return faults
	}
	if _, pairs := f.Arch.Value.(*model.EncDec); pairs && f.Goal.Name != translationGoal {
		add("arch", "encdec reads one text and writes another, and only translation does that", "gpt, llama or lstm")
	}
	if f.Freeze > 0 {
		add("freeze", "fresh weights that never learn are noise", "leave freeze out, or fine-tune a model")
	}
	return faults
}
