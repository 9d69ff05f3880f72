package finetune

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"

	"fragua/model"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
	"fragua/tokenize"
)

// goalConfig is what config.json says of a fine-tuned model, under "fragua".
type goalConfig struct {
	Format   int             `json:"format"` // before 2 texts to be classified were read with <|endoftext|> behind them
	Goal     string          `json:"goal"`
	Settings json.RawMessage `json:"settings"`
	Labels   []string        `json:"labels,omitempty"`
	Answer   *answerConfig   `json:"answer,omitempty"` // nil: the network alone
}

// config is all but who answers.
func (m *Tuned) config() goalConfig {
	goal := m.Goal.Goal
	if g, ok := goal.(*Instruction); ok {
		goal = g.saved()
	}
	return goalConfig{Format: 2, Goal: m.Goal.Name, Settings: settings.CanonicalJSON(goal), Labels: m.Classes}
}

// save writes a self-contained model directory: weights with the head,
// config.json, and the tokenizer's file as it was.
func (m *Tuned) save(dir, tokenizer string) error {
	config := m.config()
	if m.ensemble != nil {
		answer, err := m.ensemble.save(dir)
		if err != nil {
			return err
		}
		config.Answer = answer
	}
	if m.LM == nil {
		return m.saveConfig(dir, config)
	}
	x := model.Extra{Config: map[string]any{}}
	if h, ok := m.Model.(headed); ok {
		x = h.Extra(m.Classes)
	}
	if m.ensemble != nil && !m.ensemble.strategy.uses(Finetuned) {
		x.Params = nil // the head was not trained
		delete(x.Config, "architectures")
	}
	x.End = m.Tokenizer.EndOfText()
	x.Config["fragua"] = config
	if g, ok := m.Goal.Goal.(*Instruction); ok {
		if err := g.saveTemplate(dir, filepath.Dir(tokenizer)); err != nil {
			return err
		}
		if g.end >= 0 {
			x.End = g.end
		}
	}
	if g, ok := m.Goal.Goal.(*Translation); ok && m.encoder().seq2seq {
		x.Start, _ = m.encoder().token(g.Separator)
	}
	if pad, ok := m.Tokenizer.ID("<|pad|>"); ok {
		x.Config["pad_token_id"] = pad // transformers' heads look for the last id that is none
	}
	if err := model.Save(dir, m.LM, x); err != nil {
		return err
	}
	if m.shortlist != nil {
		if err := m.shortlist.save(dir); err != nil {
			return err
		}
	}
	from, err := os.Open(tokenizer)
	if err != nil {
		return err
	}
	defer from.Close()
	return store.WriteFile(filepath.Join(dir, tokenizerFile), func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	})
}

// saveConfig writes the config.json of a model without a network.
func (m *Tuned) saveConfig(dir string, c goalConfig) error {
	config := classNames(m.Classes)
	config["model_type"], config["fragua"] = "fragua_ngrams", c
	return store.WriteFile(filepath.Join(dir, model.ConfigFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(config)
	})
}

// openBase reads a pretrained model and its tokenizer. A model with encoder and decoder can only
// translate, and an encoder alone only classify.
func openBase(dir, goal string) (model.Model, *tokenize.Tokenizer, error) {
	lm, err := model.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	_, reads := lm.(model.Seq2Seq)
	_, writes := lm.(model.LanguageModel)
	switch {
	case reads && goal != translationGoal:
		return nil, nil, fault.Hintf(fmt.Errorf("%s: the model reads one text and writes another, and the goal is %s", dir, goal),
			"take a decoder (GPT-2, Llama and their kin) or an encoder (BERT and its kin)")
	case !writes && goal != "" && goal != sentimentGoal && goal != labelsGoal && goal != regressionGoal:
		return nil, nil, fault.Hintf(fmt.Errorf("%s: the model is an encoder alone; it does not write texts", dir),
			"take a GPT-2, a Llama or one of its kin, or a model with encoder and decoder")
	}
	tok, err := tokenize.Load(filepath.Join(dir, tokenizerFile))
	if err != nil {
		return nil, nil, err
	}
	if tok.VocabSize() > lm.Vocab() {
		return nil, nil, fmt.Errorf("%s: the tokenizer has %d ids, the model %d", dir, tok.VocabSize(), lm.Vocab())
	}
	return lm, tok, nil
}

// goal is the goal with the settings that it had.
func (c *goalConfig) goal() (Goal, error) {
	fresh, ok := goals()[c.Goal]
	if !ok {
		return nil, fmt.Errorf("unknown goal %q, known are %q", c.Goal, slices.Sorted(maps.Keys(goals())))
	}
	goal := fresh().(Goal)
	switch g := goal.(type) {
	case *Sentiment:
		g.end = c.Format < 2
	case *Labels:
		g.end = c.Format < 2
	}
	return goal, yaml.Load(c.Settings, goal) // JSON is YAML
}

// OpenTuned reads a fine-tuned model directory.
func OpenTuned(dir string) (*Tuned, error) {
	name := filepath.Join(dir, model.ConfigFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var c struct {
		Fragua *goalConfig `json:"fragua"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	if c.Fragua == nil || c.Fragua.Goal == "" {
		return nil, fault.Hintf(fmt.Errorf("%s: the model is not fine-tuned for a goal", dir),
			"make one with: fragua finetune --model %s --data FILE --text COLUMN --label COLUMN", dir)
	}
	goal, err := c.Fragua.goal()
	if err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	t := &Tuned{Goal: GoalChoice{c.Fragua.Goal, goal}, Classes: c.Fragua.Labels}
	if c.Fragua.Answer != nil {
		if t.ensemble, err = c.Fragua.Answer.open(dir, len(t.Classes)); err != nil {
			return nil, err
		}
		if t.ensemble.strategy == NGrams {
			return t, nil
		}
	}
	lm, tok, err := openBase(dir, c.Fragua.Goal)
	if err != nil {
		return nil, err
	}
	if err := openGoal(goal, dir, tok); err != nil {
		return nil, err
	}
	m, err := goal.Build(lm, c.Fragua.Labels, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if h, ok := m.(headed); ok && (t.ensemble == nil || t.ensemble.strategy.uses(Finetuned)) {
		if err := model.OpenParams(dir, h.Extra(c.Fragua.Labels).Params); err != nil {
			return nil, err
		}
	}
	t.LM, t.Model, t.Tokenizer = lm, m, tok
	if g, ok := goal.(*Translation); ok && g.Shortlist.Best > 0 {
		if t.shortlist, err = openShortlist(dir, lm.Vocab()); err != nil {
			return nil, err
		}
	}
	return t, nil
}
