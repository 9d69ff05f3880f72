package finetune

import (
	"errors"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline/fault"
)

// writer is a model that predicts tokens, as it is: what translation and instruction train.
func writer(m model.Model) (train.Model, error) {
	lm, ok := m.(model.LanguageModel)
	if !ok {
		return nil, fault.Hintf(errors.New("the model is an encoder, which does not write texts"), "take a GPT-2, a Llama or one of its kin")
	}
	return lm, nil
}

// ask returns the prompts of the examples that fit into the context, and a prediction for each
// example, which is TooLong until it is answered.
func (m *Tuned) ask(set []examples.Example) (lm model.LanguageModel, prompts []sequence, out []Prediction, err error) {
	lm, ok := m.LM.(model.LanguageModel)
	if !ok {
		return nil, nil, nil, errors.New("the model does not write texts")
	}
	if prompts, err = m.prompts(set); err != nil {
		return nil, nil, nil, err
	}
	out = make([]Prediction, len(set))
	for i, e := range set {
		out[i] = Prediction{ID: e.ID, Input: e.Text, Want: e.Target, TooLong: true}
	}
	return lm, prompts, out, nil
}
