package finetune

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
	"fragua/tokenize"
)

// Tuned is a fine-tuned model with all that answering needs.
type Tuned struct {
	Goal      GoalChoice
	Classes   []string // nil where answers are texts
	LM        model.LanguageModel
	Model     train.Model // LM, or a head on it
	Tokenizer *tokenize.Tokenizer
}

// A Header gives a language model what a goal needs on top of it.
type Header interface {
	// Classes are the labels of the training examples; nil if answers are texts.
	Classes(train []examples.Example) ([]string, error)
	// Build makes the model that is trained. Without training examples it is for
	// answering, and the weights of its head are read from a file.
	Build(m model.LanguageModel, classes []string, train []examples.Example, seed uint64) (train.Model, error)
}

// A headed model has parameters beside those of the language model.
type headed interface {
	// Extra is what a model directory holds of them.
	Extra(classes []string) model.Extra
}

// An Answerer says what the model answers to each example, in their order.
type Answerer interface {
	Answer(context.Context, *Tuned, []examples.Example) ([]Prediction, error)
}

// tokenizerFile is where a model directory keeps its tokenizer.
const tokenizerFile = "tokenizer.json"

// rowsAtOnce is how many rows are scored or translated together.
const rowsAtOnce = 32

// encoder is for sequences of this model.
func (m *Tuned) encoder() encoder {
	_, reads := m.LM.(model.Seq2Seq)
	return encoder{tok: m.Tokenizer, context: m.LM.Context(), long: m.Goal.Long(), seq2seq: reads}
}

// answer is the goal's Answer.
func (m *Tuned) answer(ctx context.Context, set []examples.Example) ([]Prediction, error) {
	return m.Goal.Answer(ctx, m, set)
}

// prompts begins the predictions of examples, and encodes what the model reads
// of each; what is too long and to be dropped has no row, and no answer.
func (m *Tuned) prompts(set []examples.Example) (out []Prediction, rows []sequence, err error) {
	enc := m.encoder()
	var tally lengths
	out = make([]Prediction, len(set))
	for i, e := range set {
		out[i] = Prediction{ID: e.ID, Input: e.Text}
		s, err := enc.encode(m.Goal.Prompt(e), &tally)
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
	x := model.Extra{Config: map[string]any{}}
	if h, ok := m.Model.(headed); ok {
		x = h.Extra(m.Classes)
	}
	x.End = m.Tokenizer.EndOfText()
	x.Config["fragua"] = goalConfig{Goal: m.Goal.Name, Settings: settings.CanonicalJSON(m.Goal.Goal), Labels: m.Classes}
	if pad, ok := m.Tokenizer.ID("<|pad|>"); ok {
		x.Config["pad_token_id"] = pad // transformers' heads look for the last id that is none
	}
	if g, ok := m.Goal.Goal.(*Translation); ok && m.encoder().seq2seq {
		x.Start, _ = m.encoder().token(g.Separator)
	}
	if err := model.Save(dir, m.LM, x); err != nil {
		return err
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

// openBase reads a pretrained model and its tokenizer. A model with an encoder can only translate.
func openBase(dir, goal string) (model.LanguageModel, *tokenize.Tokenizer, error) {
	m, err := model.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	lm, ok := m.(model.LanguageModel)
	if !ok {
		return nil, nil, fault.Hintf(fmt.Errorf("%s: the model is an encoder alone; it does not continue a text", dir),
			"take a GPT-2, a Llama or one of its kin, or for translation a model with encoder and decoder")
	}
	if _, reads := m.(model.Seq2Seq); reads && goal != translationGoal {
		return nil, nil, fault.Hintf(fmt.Errorf("%s: the model reads one text and writes another; the goal %s wants one that continues a text", dir, goal),
			"take a GPT-2, a Llama or one of its kin")
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
		return nil, fmt.Errorf("%s: unknown goal %q, known are %q", name, c.Fragua.Goal, slices.Sorted(maps.Keys(goals())))
	}
	goal := fresh().(Goal)
	if err := yaml.Load(c.Fragua.Settings, goal); err != nil { // JSON is YAML
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	lm, tok, err := openBase(dir, c.Fragua.Goal)
	if err != nil {
		return nil, err
	}
	m, err := goal.Build(lm, c.Fragua.Labels, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if h, ok := m.(headed); ok {
		if err := model.OpenParams(dir, h.Extra(c.Fragua.Labels).Params); err != nil {
			return nil, err
		}
	}
	return &Tuned{Goal: GoalChoice{c.Fragua.Goal, goal}, Classes: c.Fragua.Labels, LM: lm, Model: m, Tokenizer: tok}, nil
}
