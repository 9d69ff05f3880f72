package train

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"fragua/model/kernel/par"
	"fragua/model/ngram"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// Ngram is the stage that learns an n-gram model of packed blocks: the
// baseline, and a filter of documents. In its directory it leaves config.json
// with model_type "fragua_ngram", model.ngram, tokenizer.json and metrics.json.
type Ngram struct {
	Order    int `yaml:"order" doc:"Ids of the longest n-gram."`
	MinCount int `yaml:"min_count" doc:"Leave out n-grams of three ids and more that were counted fewer times; 0: none. The model is smaller, and predicts a little worse."`
}

const (
	ngramFile = "model.ngram"
	ngramType = "fragua_ngram"
)

// NewNgram returns the stage with its defaults.
func NewNgram() *Ngram { return &Ngram{Order: 4} }

// Version implements pipeline.Stage.
func (*Ngram) Version() int { return 3 }

// Inputs implements pipeline.Stage.
func (*Ngram) Inputs() []pipeline.Input {
	return []pipeline.Input{{Name: "blocks", Kind: pipeline.Blocks}}
}

// Makes implements pipeline.Stage.
func (*Ngram) Makes() pipeline.Kind { return pipeline.Model }

// Phases implements pipeline.Stage.
func (n *Ngram) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "count", Exclusive: true, Tasks: pipeline.Single("count"), Do: n.do}}
}

// Check implements settings.Checker.
func (n *Ngram) Check() []fault.Fault {
	var f faults
	if n.Order < 1 || n.Order > ngram.MaxOrder {
		f.add("order", fmt.Sprintf("%d is not between 1 and %d", n.Order, ngram.MaxOrder), "3 or 4 suits most texts")
	}
	f.atLeast("min_count", float64(n.MinCount), 0)
	return f
}

// ngramConfig is the config.json of an n-gram model.
type ngramConfig struct {
	ModelType string `json:"model_type"`
	Order     int    `json:"order"`
	Vocab     int    `json:"vocab_size"`
	End       int32  `json:"eos_token_id"`
}

func (n *Ngram) do(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (counts pipeline.Counts, err error) {
	par.SetWorkers(env.Workers)
	dir := env.One("blocks")
	d, err := openData(dir)
	if err != nil {
		return counts, err
	}
	defer d.close()
	if err := d.learnable(dir, 1, false); err != nil {
		return counts, err
	}
	m, err := learnNgram(ctx, n.Order, n.MinCount, d.tok, d.train)
	if err != nil {
		return counts, err
	}
	var metrics pipeline.Metrics
	if d.validation.Len() > 0 {
		e, err := BitsPerByte(ctx, ScoreNgram(m), d.validation, d.tok, 0)
		if err != nil {
			return counts, err
		}
		uniform := Evaluation{NLL: float64(e.Targets) * math.Log(float64(d.tok.VocabSize())), Targets: e.Targets, Bytes: e.Bytes, Rows: e.Rows}
		metrics.Figures = append(e.figures("validation"), uniform.figures(pipeline.UniformName)[0])
		if c := e.Curve("validation"); len(c.Points) > 0 {
			metrics.Curves = append(metrics.Curves, c)
		}
		env.Progress.Say(fmt.Sprintf("validation: %.3f ± %.3f bits/byte", e.BitsPerByte(), e.PlusMinus()))
	}
	for i, many := range m.NGrams() {
		metrics.Figures = append(metrics.Figures, pipeline.Figure{Name: fmt.Sprintf("%d-grams", i+1), Value: float64(many)})
	}
	metrics.Figures = append(metrics.Figures, pipeline.Figure{Name: "tokens counted", Value: float64(m.Tokens)})
	counts.Sum("tokens", m.Tokens)
	return counts, n.write(env, m, metrics)
}

func (n *Ngram) write(env *pipeline.Env, m *ngram.Model, metrics pipeline.Metrics) error {
	if err := saveNgram(env.Out, m); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(env.Out, tokenizerFile), env.One("blocks").File(tokenizerFile)); err != nil {
		return err
	}
	return pipeline.WriteMetrics(env.Out, metrics)
}
