package finetune

import (
	"context"
	"fmt"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
	"fragua/model"
	"fragua/model/train"
	"fragua/tokenize"
)

// Tuned is a fine-tuned model with all that answering needs.
type Tuned struct {
	Goal      GoalChoice
	Classes   []string    // nil where answers are texts
	LM        model.Model // nil: the answer needs none
	Model     train.Model // LM, or a head on it
	Tokenizer *tokenize.Tokenizer

	ensemble  *ensemble  // nil: the network alone
	shortlist *shortlist // of a translator; nil: all ids may be written
}

// A Header gives a language model what a goal needs on top of it.
type Header interface {
	// Classes are the labels of the training examples; nil if answers are texts.
	Classes(train []examples.Example) ([]string, error)
	// Build makes the model that is trained. Without training examples it is for
	// answering, and the weights of its head are read from a file.
	Build(m model.Model, classes []string, train []examples.Example, seed uint64) (train.Model, error)
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
	return encoder{tok: m.Tokenizer, context: m.LM.Context(), long: m.Goal.Long(), seq2seq: reads, readsOn: model.ReadsOn(m.LM)}
}

// answer is the goal's Answer.
func (m *Tuned) answer(ctx context.Context, set []examples.Example) ([]Prediction, error) {
	return m.Goal.Answer(ctx, m, set)
}

// answers is what names classes.
func (m *Tuned) answers() *ensemble {
	if m.ensemble != nil {
		return m.ensemble
	}
	return &ensemble{strategy: Finetuned, members: []member{network{}}, pool: linear.Average(1)}
}

// prompts encodes what the model reads of each example; what is too long and to be
// dropped has no row, and what is read in windows several.
func (m *Tuned) prompts(set []examples.Example) (rows []sequence, err error) {
	enc := m.encoder()
	var tally lengths
	for i, e := range set {
		parts, err := enc.encodeParts(m.Goal.Prompt(e), &tally)
		if err != nil {
			return nil, fmt.Errorf("example %s: %w", e.ID, err)
		}
		for _, s := range parts {
			s.row = i
			rows = append(rows, s)
		}
	}
	return rows, nil
}
