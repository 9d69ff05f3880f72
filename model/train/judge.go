package train

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"

	"fragua/model"
	"fragua/model/nn"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// sample lets the model go on with a prompt. The same weights, title apart, and
// seed give the same text.
func (t *pretraining) sample(ctx context.Context, prompt, title string, seed uint64) (pipeline.Sample, error) {
	s := t.Sampler
	s.Seed ^= t.env.Seed + seed
	text, err := continueText(ctx, t.lm, t.data.tok, prompt, t.SampleTokens, s)
	return pipeline.Sample{Title: title, Text: text}, err
}

// textual is what turns ids into text and back; *tokenize.Tokenizer is one.
type textual interface {
	AppendIDs(dst []int32, text string) []int32
	Decode(ids []int32) string
	EndOfText() int32
}

// continueText returns the prompt and up to n ids more.
func continueText(ctx context.Context, lm model.LanguageModel, tok textual, prompt string, n int, s model.Sampler) (string, error) {
	ids := tok.AppendIDs(nil, prompt)
	if len(ids) == 0 {
		return "", fault.Hintf(fmt.Errorf("the prompt %q has no tokens", prompt), "begin with a word or two")
	}
	for id := range model.Generate(ctx, lm.Decoder(), ids, n, []int32{tok.EndOfText()}, s) {
		ids = append(ids, id)
	}
	return tok.Decode(ids), ctx.Err()
}

// openings returns the prompts of the settings, or the first words of some
// validation documents.
func (t *pretraining) openings() []string {
	if len(t.Prompts) > 0 {
		return t.Prompts
	}
	const wanted, ids = 3, 10
	rows := t.data.validation
	if rows.Len() == 0 {
		rows = t.data.train
	}
	var out []string
	for i := 0; i < rows.Len() && len(out) < wanted; i++ {
		row, starts, length := rows.Row(i, nil)
		for k, s := range starts {
			end := length
			if k+1 < len(starts) {
				end = int(starts[k+1])
			}
			if end-int(s) <= ids || len(out) == wanted {
				continue
			}
			if text := wholeWords(t.data.tok.Decode(row[s : s+ids])); text != "" {
				out = append(out, text)
			}
		}
	}
	return out
}

// wholeWords leaves out the last word, which may be cut, unless it is the only one.
func wholeWords(text string) string {
	text = strings.TrimSpace(text)
	if i := strings.LastIndexAny(text, " \n"); i > 0 {
		text = strings.TrimSpace(text[:i])
	}
	return text
}

// judge measures the finished model, and the n-gram model beside it.
func (t *pretraining) judge(ctx context.Context) (m pipeline.Metrics, err error) {
	h := &t.history
	if t.data.validation.Len() > 0 {
		e, err := BitsPerByte(ctx, model.Score(t.lm), t.data.validation, t.data.tok, 0)
		if err != nil {
			return m, err
		}
		note := "validation"
		if _, step := t.loop.Best(); step > 0 && step < t.steps {
			note += fmt.Sprintf(", weights of step %d, the best", step)
		}
		m.Figures = append(m.Figures, e.figures(note)...)
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

	rows := t.steps * int64(t.Batch*t.accumulate(t.data.train.Context()))
	m.Figures = append(m.Figures,
		pipeline.Figure{Name: "parameters", Value: float64(nn.Count(t.lm.Params()))},
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
	return fmt.Sprintf("%g minutes on the machine that trained it; another would take others", t.Minutes)
}

// describe says what is about to be trained.
func (t *pretraining) describe() string {
	context := t.data.train.Context()
	ids := int64(t.Batch) * int64(t.accumulate(context)) * int64(context)
	return fmt.Sprintf("%s parameters, vocabulary %d, context %d; %d steps of %s ids, %.2f epochs",
		inWords(int64(nn.Count(t.lm.Params()))), t.lm.Vocab(), context, t.steps, inWords(ids),
		float64(t.steps*ids)/float64(t.data.train.Len()*context))
}

// oneLine makes a text fit for a terminal: a young model writes control
// characters too.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// card writes MODEL_CARD.md from the facts of the run: no time, host or path.
func (t *pretraining) card(w io.Writer, m pipeline.Metrics) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Model card\n")
	p("A language model: it foretells the next token of a text.\n")
	p("| | |\n| --- | --- |")
	if t.env.One("model").Path != "" {
		p("| begun from | another model, whose training went on |")
	} else {
		p("| architecture | %s |", cmp.Or(t.Arch.Name, defaultArch))
	}
	p("| context | %d tokens |", t.lm.Context())
	p("| vocabulary | %d |", t.lm.Vocab())
	p("| training rows | %d of %d tokens |", t.data.train.Len(), t.data.train.Context())
	p("| validation rows | %d |", t.data.validation.Len())
	p("| batch | %d rows × %d |", t.Batch, t.accumulate(t.data.train.Context()))
	p("| optimizer | %s, rate %g, %s, warm-up %g of the steps |", t.Optimizer.Name, t.LR, t.Schedule.Name, t.Warmup)
	p("| precision | %s |", t.Floats)
	p("| seed | %d |", t.env.Seed)
	for _, f := range m.Figures {
		interval, note := "", ""
		if f.PlusMinus > 0 {
			interval = fmt.Sprintf(" ± %.3f", f.PlusMinus)
		}
		if f.Note != "" {
			note = " (" + f.Note + ")"
		}
		p("| %s | %.6g%s%s |", f.Name, f.Value, interval, note)
	}
	p("\nBits per byte are Σ −log₂ p of the targets over the UTF-8 bytes of the text they stand for, end tokens counted in;")
	p("padding and the first token of each document are no targets.\n")
	p("## Limits\n")
	p("It repeats what its texts held, mistakes and prejudice included. It states nothing reliably, and was not")
	p("tuned to follow instructions. Text that differs from its training text is foretold worse than the figures say.\n")
	p("## What it writes\n")
	for _, s := range m.Samples {
		p("%s:\n", s.Title)
		p("> %s\n", oneLine(s.Text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
