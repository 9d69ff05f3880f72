package finetune

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline/fault"
)

// A Predictor answers single texts with a fine-tuned model: what the commands
// predict and translate, and the server, are made of. It is not safe for
// concurrent use.
type Predictor struct{ tuned *Tuned }

// OpenPredictor reads a fine-tuned model directory.
func OpenPredictor(dir string) (*Predictor, error) {
	m, err := OpenTuned(dir)
	if err != nil {
		return nil, err
	}
	return &Predictor{m}, nil
}

// OpenAdaptedPredictor reads a pretrained model with an adapter that a fine-tuning wrote.
func OpenAdaptedPredictor(base, adapter string) (*Predictor, error) {
	m, err := OpenAdapted(base, adapter)
	if err != nil {
		return nil, err
	}
	return &Predictor{m}, nil
}

// Goal is what the model was fine-tuned for: "sentiment", "labels", "regression", "translation" or "instruction".
func (p *Predictor) Goal() string { return p.tuned.Goal.Name }

// Labels are the classes, in the order of probabilities; nil where answers are texts or numbers.
func (p *Predictor) Labels() []string {
	if p.Numbers() {
		return nil
	}
	return p.tuned.Classes
}

// Numbers reports whether answers are numbers.
func (p *Predictor) Numbers() bool { return p.Goal() == regressionGoal }

// Answer answers texts, many at a time; ids and references may be empty.
func (p *Predictor) Answer(ctx context.Context, set []examples.Example) ([]Prediction, error) {
	return p.tuned.answer(ctx, set)
}

// Predict names the class of a text and gives the probability of each of Labels.
func (p *Predictor) Predict(ctx context.Context, text string) (label string, probs []float32, err error) {
	if p.Labels() == nil {
		return "", nil, p.wrongGoal("predict classes", "translate")
	}
	got, err := p.one(ctx, text)
	return got.Got, got.Probs, err
}

// Reply answers a text: a translation, the next turn of a conversation, or a number.
func (p *Predictor) Reply(ctx context.Context, text string) (string, error) {
	got, err := p.one(ctx, text)
	if err == nil && got.TooLong {
		err = fault.Hintf(fmt.Errorf("the text is longer than the model's context of %d tokens", p.tuned.LM.Context()), "shorten it")
	}
	return got.Got, err
}

// TranslateAll translates sentences, many at a time, and returns all that the search found of
// each, the best first. Blank ones have nothing.
func (p *Predictor) TranslateAll(ctx context.Context, sentences []string) ([][]Hypothesis, error) {
	if p.Goal() != translationGoal {
		return nil, p.wrongGoal("translate", "predict")
	}
	out := make([][]Hypothesis, len(sentences))
	var set []examples.Example
	var at []int
	for i, s := range sentences {
		if s = examples.Tidy(s); s != "" {
			set, at = append(set, examples.Example{ID: fmt.Sprintf("%d", i+1), Text: s}), append(at, i)
		}
	}
	got, err := p.Answer(ctx, set)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		if got[k].TooLong {
			return nil, fault.Hintf(fmt.Errorf("sentence %d is longer than the model's context of %d tokens: %.60q …", i+1, p.tuned.LM.Context(), sentences[i]), "cut it into sentences")
		}
		for _, h := range got[k].Hypotheses {
			h.Text = oneLine(h.Text)
			out[i] = append(out[i], h)
		}
	}
	return out, nil
}

// oneLine makes spaces of what a sentence never has: line ends and control characters, which a
// model that has learned little may well write.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// Quantize rounds a translator's weights, as model.Quantize has them; "f32" leaves them as they are.
func (p *Predictor) Quantize(weights string) error {
	lm, ok := p.tuned.LM.(model.LanguageModel)
	if !ok || p.tuned.Classes != nil {
		return p.wrongGoal("translate", "predict")
	}
	return model.Quantize(lm, weights)
}

// Search changes how many hypotheses the search for a translation follows; 0 leaves it as it is.
func (p *Predictor) Search(beams int) error {
	g, ok := p.tuned.Goal.Goal.(*Translation)
	if !ok {
		return p.wrongGoal("translate", "predict")
	}
	if beams > 0 {
		g.Search.Beams = beams
	}
	return nil
}

func (p *Predictor) one(ctx context.Context, text string) (Prediction, error) {
	got, err := p.Answer(ctx, []examples.Example{{ID: "text", Text: examples.Tidy(text)}})
	if err != nil {
		return Prediction{}, err
	}
	return got[0], nil
}

func (p *Predictor) wrongGoal(want, instead string) error {
	return fault.Hintf(fmt.Errorf("this model does not %s: it was fine-tuned for %s", want, p.Goal()), "use fragua %s", instead)
}
