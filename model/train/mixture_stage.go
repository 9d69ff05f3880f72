package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fragua/model"
	"fragua/model/kernel/par"
	"fragua/model/ngram"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// MixtureStage is the stage that mixes a network and an n-gram model of the same
// blocks, and a cache of the text read so far, into one model that predicts better
// than any. It learns the weights on the validation rows. In its directory it leaves config.json with
// model_type "fragua_mixture" and the weights, network and ngram with the parts,
// tokenizer.json and metrics.json.
type MixtureStage struct {
	Rows  int `yaml:"rows" doc:"Validation rows, spread evenly, on which the weights are learned and the figures found; 0: all."`
	Cache int `yaml:"cache" doc:"Longest n-grams of a cache of the text that is being read: what was read is likelier to come again. 0: none."`
}

const (
	mixtureType   = "fragua_mixture"
	networkFolder = "network"
	ngramFolder   = "ngram"
)

// NewMixture returns the stage with its defaults.
func NewMixture() *MixtureStage { return &MixtureStage{Rows: 4000, Cache: 5} }

// Version implements pipeline.Stage.
func (*MixtureStage) Version() int { return 2 }

// Inputs implements pipeline.Stage.
func (*MixtureStage) Inputs() []pipeline.Input {
	return []pipeline.Input{{Name: "blocks", Kind: pipeline.Blocks}, {Name: "network", Kind: pipeline.Model}, {Name: "ngram", Kind: pipeline.Model}}
}

// Makes implements pipeline.Stage.
func (*MixtureStage) Makes() pipeline.Kind { return pipeline.Model }

// Precision implements pipeline.FloatStage.
func (*MixtureStage) Precision() string { return "f32" }

// Phases implements pipeline.Stage.
func (s *MixtureStage) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "mix", Exclusive: true, Tasks: pipeline.Single("mix"), Do: s.do}}
}

// Check implements settings.Checker.
func (s *MixtureStage) Check() []fault.Fault {
	var f faults
	f.atLeast("rows", float64(s.Rows), 0)
	if s.Cache < 0 || s.Cache > maxCache {
		f.add("cache", fmt.Sprintf("%d is not the length of n-grams that a cache counts, 1 to %d", s.Cache, maxCache), "0 leaves the cache out")
	}
	return f
}

// mixtureConfig is the config.json of a mixture.
type mixtureConfig struct {
	ModelType string      `json:"model_type"`
	Vocab     int         `json:"vocab_size"`
	End       int32       `json:"eos_token_id"`
	Weights   []float64   `json:"weights"`               // of the features, in the order of Mixture.describe
	Gates     [][]float64 `json:"cache_gates,omitempty"` // of the cache, for contexts of 0, 1, 2 … ids
}

func (s *MixtureStage) do(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (counts pipeline.Counts, err error) {
	if err := level(env); err != nil {
		return counts, err
	}
	par.SetWorkers(env.Workers)
	dir := env.One("blocks")
	d, err := openData(dir)
	if err != nil {
		return counts, err
	}
	defer d.close()
	if n := d.validation.Len(); n < 2 {
		return counts, fault.Hintf(fmt.Errorf("%s has %d validation rows, and the weights are learned on them", dir.Path, n), "give mix a larger share for validation")
	}
	m, err := openParts(env.One("network").Path, env.One("ngram").Path, mixtureWeights{})
	if err != nil {
		return counts, err
	}
	if m.Vocab() != d.tok.VocabSize() {
		return counts, fmt.Errorf("the models have %d ids, the tokenizer of the blocks %d", m.Vocab(), d.tok.VocabSize())
	}
	held, err := m.ask(ctx, d.validation, d.tok, s.Rows, s.Cache)
	if err != nil {
		return counts, err
	}
	n := len(held.rows) - 1
	m.mixtureWeights = held.fit(0, n)
	mixed, metrics := held.measure()
	env.Progress.Say(mixed)
	counts.Sum("rows", int64(n))
	return counts, s.write(env, m, metrics)
}

// measure finds the figures of the mixture, and beside them those of what it is made of. It says
// them in a line, too.
func (h *heldOut) measure() (line string, m pipeline.Metrics) {
	n := len(h.rows) - 1
	mixed := h.crossFit()
	line = fmt.Sprintf("validation: %.3f ± %.3f bits/byte", mixed.BitsPerByte(), mixed.PlusMinus())
	m.Figures = mixed.figures("validation from beginning to end, each half by weights learned on the other")
	beside := func(name string, e Evaluation) {
		line += fmt.Sprintf("; %s %.3f", name, e.BitsPerByte())
		m.Figures = append(m.Figures, e.figures("validation, " + name)[0])
	}
	if h.order > 0 {
		beside("without the cache", h.withoutCache().crossFit())
	}
	var net, grams Evaluation
	h.each(&net, 0, n, func(i int) float64 { return h.net[i] })
	h.each(&grams, 0, n, func(i int) float64 { return h.grams[i] })
	beside("the network alone", net)
	beside("the n-gram model alone", grams)
	return line, m
}

func (s *MixtureStage) write(env *pipeline.Env, m *Mixture, metrics pipeline.Metrics) error {
	network, grams := filepath.Join(env.Out, networkFolder), filepath.Join(env.Out, ngramFolder)
	for _, d := range []string{network, grams} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return err
		}
	}
	if err := model.Save(network, m.net, model.Extra{End: m.grams.End()}); err != nil {
		return err
	}
	if err := saveNgram(grams, m.grams); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(env.Out, model.ConfigFile), mixtureConfig{mixtureType, m.Vocab(), m.grams.End(), m.share, m.gates}); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(env.Out, tokenizerFile), env.One("blocks").File(tokenizerFile)); err != nil {
		return err
	}
	return pipeline.WriteMetrics(env.Out, metrics)
}

// saveNgram writes an n-gram model with its configuration.
func saveNgram(dir string, m *ngram.Model) error {
	if err := writeJSON(filepath.Join(dir, model.ConfigFile), ngramConfig{ngramType, m.Order(), m.Vocab(), m.End()}); err != nil {
		return err
	}
	return store.WriteFile(filepath.Join(dir, ngramFile), m.Write)
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return store.WriteFile(name, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// openMixture opens a mixture's directory.
func openMixture(dir string) (*Mixture, error) {
	name := filepath.Join(dir, model.ConfigFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var c mixtureConfig
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	if c.Weights == nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: errors.New("it holds no weights")}
	}
	m, err := openParts(filepath.Join(dir, networkFolder), filepath.Join(dir, ngramFolder), mixtureWeights{c.Weights, c.Gates})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return m, nil
}

// openParts opens a network and an n-gram model.
func openParts(network, grams string, weights mixtureWeights) (*Mixture, error) {
	lm, err := model.OpenLanguageModel(network)
	if err != nil {
		return nil, err
	}
	m, err := ngram.Open(filepath.Join(grams, ngramFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.Hintf(err, "ngram is a stage that uses ngram: from: {blocks: …, network: …, ngram: …}")
	}
	if err != nil {
		return nil, err
	}
	return newMixture(lm, m, weights)
}
