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
// blocks into one model that predicts better than either. It learns the
// weights on the validation rows. In its directory it leaves config.json with
// model_type "fragua_mixture" and the weights, network and ngram with the parts,
// tokenizer.json and metrics.json.
type MixtureStage struct {
	Rows int `yaml:"rows" doc:"Validation rows, spread evenly, on which the weights are learned and the figures found; 0: all."`
}

const (
	mixtureType   = "fragua_mixture"
	networkFolder = "network"
	ngramFolder   = "ngram"
)

// NewMixture returns the stage with its defaults.
func NewMixture() *MixtureStage { return &MixtureStage{Rows: 4000} }

// Version implements pipeline.Stage.
func (*MixtureStage) Version() int { return 1 }

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
	return f
}

// mixtureConfig is the config.json of a mixture.
type mixtureConfig struct {
	ModelType string    `json:"model_type"`
	Vocab     int       `json:"vocab_size"`
	End       int32     `json:"eos_token_id"`
	Weights   []float64 `json:"weights"` // of the features, in the order of Mixture.describe
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
	m, err := openParts(env.One("network").Path, env.One("ngram").Path, nil)
	if err != nil {
		return counts, err
	}
	if m.Vocab() != d.tok.VocabSize() {
		return counts, fmt.Errorf("the models have %d ids, the tokenizer of the blocks %d", m.Vocab(), d.tok.VocabSize())
	}
	held, err := m.ask(ctx, d.validation, d.tok, s.Rows)
	if err != nil {
		return counts, err
	}
	n := len(held.rows) - 1
	m.weights = held.fit(0, n)
	var net, grams Evaluation
	held.each(&net, 0, n, func(i int) float64 { return held.net[i] })
	held.each(&grams, 0, n, func(i int) float64 { return held.grams[i] })
	mixed := held.crossFit()
	env.Progress.Say(fmt.Sprintf("validation: %.3f ± %.3f bits/byte; the network alone %.3f, the n-gram model alone %.3f",
		mixed.BitsPerByte(), mixed.PlusMinus(), net.BitsPerByte(), grams.BitsPerByte()))
	metrics := pipeline.Metrics{Figures: mixed.figures("validation, each half by weights learned on the other")}
	metrics.Figures = append(metrics.Figures, net.figures("validation, the network alone")[0], grams.figures("validation, the n-gram model alone")[0])
	counts.Sum("rows", int64(n))
	return counts, s.write(env, m, metrics)
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
	if err := writeJSON(filepath.Join(env.Out, model.ConfigFile), mixtureConfig{mixtureType, m.Vocab(), m.grams.End(), m.weights}); err != nil {
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
	m, err := openParts(filepath.Join(dir, networkFolder), filepath.Join(dir, ngramFolder), c.Weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return m, nil
}

// openParts opens a network and an n-gram model.
func openParts(network, grams string, weights []float64) (*Mixture, error) {
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
