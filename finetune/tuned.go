package finetune

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"

	"fragua/model"
	"fragua/model/nn"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// Tuned is a fine-tuned model with all that answering needs.
type Tuned struct {
	Goal      Goal
	Classes   []string // nil where answers are texts
	LM        model.LanguageModel
	Model     train.Model // LM, or a head on it
	Tokenizer *tokenize.Tokenizer
}

// tokenizerFile is where a model directory keeps its tokenizer.
const tokenizerFile = "tokenizer.json"

// rowsAtOnce is how many rows are scored or translated together.
const rowsAtOnce = 32

func (m *Tuned) batch() int { return rowsAtOnce }

// encoder is for sequences of this model.
func (m *Tuned) encoder(long TooLong) encoder {
	return encoder{tok: m.Tokenizer, context: m.LM.Context(), long: long}
}

// prompts begins the predictions of examples, and encodes what the model reads
// of each; what is too long and to be dropped has no row, and no answer.
func (m *Tuned) prompts(g Goal, examples []Example) (out []Prediction, rows []sequence, err error) {
	enc := m.encoder(g.Long())
	var tally lengths
	out = make([]Prediction, len(examples))
	for i, e := range examples {
		out[i] = Prediction{ID: e.ID, Input: e.Text}
		s, err := enc.encode(g.Prompt(e), &tally)
		if err != nil {
			return nil, nil, fmt.Errorf("example %s: %w", e.ID, err)
		}
		if s.ids == nil {
			out[i].TooLong = true
			continue
		}
		s.row = i
		rows = append(rows, s)
	}
	return out, rows, nil
}

// goalConfig is what config.json says of a fine-tuned model, under "fragua".
type goalConfig struct {
	Goal     string          `json:"goal"`
	Settings json.RawMessage `json:"settings"`
	Labels   []string        `json:"labels,omitempty"`
}

// save writes a self-contained model directory: weights with the head,
// config.json, and the tokenizer's file as it was.
func (m *Tuned) save(dir, tokenizer string) error {
	x := model.Extra{End: m.Tokenizer.EndOfText(), Config: map[string]any{"fragua": goalConfig{Goal: m.Goal.Name(), Settings: pipeline.CanonicalJSON(m.Goal), Labels: m.Classes}}}
	if c, ok := m.Model.(*classifier); ok {
		x.Params = []nn.Param{{Name: scoreName, Tensor: c.head.W}}
		id2label, label2id := map[string]string{}, map[string]int{}
		for i, l := range m.Classes {
			id2label[fmt.Sprint(i)], label2id[l] = l, i
		}
		x.Config["id2label"], x.Config["label2id"] = id2label, label2id
		if class := model.ClassifierClass(m.LM); class != "" && c.pool == PoolLast {
			x.Config["architectures"] = []string{class}
		}
	}
	if pad, ok := m.Tokenizer.ID("<|pad|>"); ok {
		x.Config["pad_token_id"] = pad // transformers' heads look for the last id that is none
	}
	if err := model.Save(dir, m.LM, x); err != nil {
		return err
	}
	from, err := os.Open(tokenizer)
	if err != nil {
		return err
	}
	defer from.Close()
	return pipeline.WriteFile(filepath.Join(dir, tokenizerFile), func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	})
}

// openBase reads a pretrained model and its tokenizer.
func openBase(dir string) (model.LanguageModel, *tokenize.Tokenizer, error) {
	lm, err := model.Open(dir)
	if err != nil {
		return nil, nil, err
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
	fresh, ok := goals()[c.Fragua.Goal]
	if !ok {
		return nil, fmt.Errorf("%s: unknown goal %q, known are %q", name, c.Fragua.Goal, sortedKeys(goals()))
	}
	goal := fresh().(Goal)
	if err := yaml.Load(c.Fragua.Settings, goal); err != nil { // JSON is YAML
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	lm, tok, err := openBase(dir)
	if err != nil {
		return nil, err
	}
	m := &Tuned{Goal: goal, Classes: c.Fragua.Labels, LM: lm, Model: lm, Tokenizer: tok}
	if len(m.Classes) > 0 {
		s, ok := goal.(*Sentiment)
		if !ok || slices.Contains(m.Classes, "") {
			return nil, fmt.Errorf("%s: goal %s has labels %q", name, goal.Name(), m.Classes)
		}
		head := newClassifier(lm, len(m.Classes), s.Pool, 0, nil)
		if err := model.OpenParams(filepath.Join(dir, model.WeightsFile), []nn.Param{{Name: scoreName, Tensor: head.head.W}}); err != nil {
			return nil, err
		}
		m.Model = head
	}
	return m, nil
}
