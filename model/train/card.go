package train

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"fragua/pipeline"
)

// card writes MODEL_CARD.md from the facts of the run: no time, host or path.
func (t *pretraining) card(w io.Writer, m pipeline.Metrics) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Model card\n")
	p("A language model: it predicts the next token of a text.\n")
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
	p("| precision | %s |", t.Floats.Resolve())
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
	p("tuned to follow instructions. Text that differs from its training text is predicted worse than the figures say.\n")
	p("## What it writes\n")
	for _, s := range m.Samples {
		p("%s:\n", s.Title)
		p("> %s\n", oneLine(s.Text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
