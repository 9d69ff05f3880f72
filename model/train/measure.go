package train

import (
	"cmp"
	"context"
	"fmt"

	"fragua/model/nn"
	"fragua/pipeline"
)

// measureFinal measures the finished model, and the n-gram model beside it.
func (t *pretraining) measureFinal(ctx context.Context) (m pipeline.Metrics, err error) {
	h, memory := &t.history, pipeline.Curve{}
	if t.data.validation.Len() > 0 {
		e, err := BitsPerByte(ctx, t.loop.Scorer(t.lm), t.data.validation, t.data.tok, 0)
		if err != nil {
			return m, err
		}
		memory = e.Curve("validation")
		note := "validation"
		if _, step := t.loop.Best(); step > 0 && step < t.steps {
			note += fmt.Sprintf(", weights of step %d, the best", step)
		}
		m.Figures = append(m.Figures, e.figures(note)...)
		m.Figures = append(m.Figures, t.chosen.figures(e)...)
		t.env.Progress.Say(fmt.Sprintf("validation: %.3f ± %.3f bits/byte, perplexity %.1f, on %d targets", e.BitsPerByte(), e.PlusMinus(), e.Perplexity(), e.Targets))
	} else {
		t.env.Progress.Say("the blocks have no validation split, so nothing was measured on text that the model has not seen")
	}
	m.Curves = []pipeline.Curve{
		{Name: "train", X: "step", Y: "bits per byte", Points: h.Train},
		{Name: "validation", X: "step", Y: "bits per byte", Points: h.Validation},
	}
	if t.Baseline > 0 && t.data.validation.Len() > 0 {
		e, err := t.baseline(ctx)
		if err != nil {
			return m, err
		}
		name := fmt.Sprintf("%d-gram", t.Baseline)
		f := e.figures("validation, " + name + " with Kneser-Ney smoothing, on the same targets")
		m.Figures = append(m.Figures, f[0])
		m.Curves = append(m.Curves, pipeline.Curve{Name: name, X: "step", Y: "bits per byte",
			Points: [][2]float64{{0, e.BitsPerByte()}, {float64(t.steps), e.BitsPerByte()}}})
		t.env.Progress.Say(fmt.Sprintf("%s: %.3f bits/byte on the same targets", name, e.BitsPerByte()))
	}
	m.Curves = append(m.Curves,
		pipeline.Curve{Name: "learning rate", X: "step", Y: "learning rate", Points: h.Rate},
		pipeline.Curve{Name: "gradient", X: "step", Y: "norm", Points: h.Norm})
	if len(memory.Points) > 0 {
		m.Curves = append(m.Curves, memory)
	}

	rows := t.steps * int64(t.Batch*t.accumulate(t.data.train.Context()))
	m.Figures = append(m.Figures,
		pipeline.Figure{Name: "parameters", Value: float64(nn.Count(t.lm.Params())), Note: t.architecture()},
		pipeline.Figure{Name: "tokens seen", Value: float64(h.Tokens), Note: fmt.Sprintf("%.2f epochs of %d rows", float64(rows)/float64(t.data.train.Len()), t.data.train.Len())},
		pipeline.Figure{Name: "steps", Value: float64(t.steps), Note: t.stepsNote()},
		pipeline.Figure{Name: "steps skipped", Value: float64(t.loop.Skipped())})

	m.Samples = h.Samples
	for i, prompt := range t.prompts {
		if t.SampleTokens == 0 {
			break
		}
		s, err := t.sample(ctx, prompt, "the finished model", uint64(t.steps)+uint64(i))
		if err != nil {
			return m, err
		}
		m.Samples = append(m.Samples, s)
		t.env.Progress.Say("sample: " + oneLine(s.Text))
		if i == 0 {
			if m.Looks, err = looks(t.lm, t.data.tok, s.Text); err != nil {
				return m, err
			}
		}
	}
	return m, nil
}

// figures returns bits per byte, then perplexity.
func (e Evaluation) figures(note string) []pipeline.Figure {
	return []pipeline.Figure{
		{Name: "bits per byte", Value: e.BitsPerByte(), PlusMinus: e.PlusMinus(), N: e.Rows, Better: "lower", Note: note, Headline: true},
		{Name: "perplexity", Value: e.Perplexity(), N: e.Targets, Better: "lower", Note: note + ", of this vocabulary"},
	}
}

func (t *pretraining) stepsNote() string {
	if t.Minutes == 0 {
		return ""
	}
	note := fmt.Sprintf("%g minutes on the machine that trained it; another would take others", t.Minutes)
	if t.clock != nil {
		note += "; the same bytes again: " + t.clock.again(t.steps)
	}
	return note
}

// architecture is the name of what was built; of a model that was given it is not known.
func (t *pretraining) architecture() string {
	if t.env.One("model").Path != "" {
		return ""
	}
	return cmp.Or(t.Arch.Name, defaultArch)
}

// describe says what is about to be trained.
func (t *pretraining) describe() string {
	context := t.data.train.Context()
	ids := int64(t.Batch) * int64(t.accumulate(context)) * int64(context)
	return fmt.Sprintf("%s parameters, vocabulary %d, context %d; %d steps of %s ids, %.2f epochs",
		inWords(int64(nn.Count(t.lm.Params()))), t.lm.Vocab(), context, t.steps, inWords(ids),
		float64(t.steps*ids)/float64(t.data.train.Len()*context))
}
