package train

import (
	"encoding/json"
	"os"
	"path/filepath"

	"fragua/model"
	"fragua/model/ngram"
	"fragua/pipeline/fault"
)

// OpenScorer opens a model directory for evaluation: an n-gram model, a mixture,
// or any that model.Open can read.
func OpenScorer(dir string) (model.Scorer, error) {
	kind, err := modelType(dir)
	if err != nil {
		return nil, err
	}
	switch kind {
	case mixtureType:
		return openMixture(dir)
	case ngramType:
		m, err := ngram.Open(filepath.Join(dir, ngramFile))
		if err != nil {
			return nil, err
		}
		return ScoreNgram(m), nil
	}
	lm, err := model.OpenLanguageModel(dir)
	if err != nil {
		return nil, err
	}
	return model.Score(lm), nil
}

// OpenGenerator opens a model directory for generation: an n-gram model, a
// mixture, or any language model that model.Open can read.
func OpenGenerator(dir string) (model.Generator, error) {
	kind, err := modelType(dir)
	switch {
	case err == nil && kind == mixtureType:
		return openMixture(dir)
	case err == nil && kind == ngramType:
		m, err := ngram.Open(filepath.Join(dir, ngramFile))
		if err != nil {
			return nil, err
		}
		return ngramGenerator{m}, nil
	}
	return model.OpenLanguageModel(dir) // which says what is wrong with the directory
}

// modelType is what config.json of a model directory says that it is.
func modelType(dir string) (string, error) {
	name := filepath.Join(dir, model.ConfigFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	var c struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return "", &fault.RowError{File: name, Row: -1, Err: err}
	}
	return c.ModelType, nil
}
