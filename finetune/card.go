package finetune

import (
	"fmt"
	"io"
	"strings"

	"fragua/finetune/examples"
	"fragua/model/nn"
	"fragua/pipeline"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// writeCard writes MODEL_CARD.md: what the model is, what it was fitted to, how
// good it is beside baselines, and how to use it.
func writeCard(dir string, j *job, m pipeline.Metrics) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# A model for %s\n", j.Goal.Name)
	kind, made := "network", "Fine-tuned with fragua from a pretrained"
	if j.tuned.LM != nil && j.tuned.encoder().seq2seq {
		kind = "encoder–decoder"
	}
	if j.fromScratch() {
		made = "Trained with fragua from scratch, a"
	}
	if lm := j.answers.LM; lm != nil {
		p("%s %s of %d parameters, which sees %d tokens at once.\n", made, kind, nn.Count(lm.Params()), lm.Context())
	}
	if e := j.answers.ensemble; e != nil {
		p("%s\n", answeredBy[e.strategy])
	}
	if g, numbers := j.Goal.Goal.(*Regression); numbers {
		p("It estimates a number: %.5g + %.5g times what its head says.\n", g.Mean, g.Deviation)
	} else if _, several := j.Goal.Goal.(*Labels); several {
		p("It names those of these labels that a text has: %s.\n", strings.Join(j.tuned.Classes, ", "))
	} else if j.tuned.Classes != nil {
		p("It names one of these classes: %s.\n", strings.Join(j.tuned.Classes, ", "))
	}
	p("## Data\n")
	p("| split | examples |\n| --- | ---: |")
	for _, s := range examples.Splits {
		p("| %s | %d |", s, len(j.sets[s]))
	}
	if l := j.trainLengths; j.tuned.LM != nil {
		p("\nOf the training examples %d fit whole, %d were cut and %d left out (too_long: %s).\n", l.Whole, l.Cut, l.Dropped, j.Goal.Long())
	}
	p("## Figures\n")
	p("| figure | value | ± (95 %%) | n | of |\n| --- | ---: | ---: | ---: | --- |")
	for _, f := range m.Figures {
		if f.Better == "" {
			continue
		}
		spread := ""
		if f.PlusMinus > 0 {
			spread = fmt.Sprintf("%.4g", f.PlusMinus)
		}
		p("| %s | %.4g | %s | %d | %s |", f.Name, f.Value, spread, f.N, cell(f.Note))
	}
	p("\nBaselines stand below each figure of the model. A figure inside a baseline's ± is no better than the baseline.\n")
	if len(m.Translations) > 0 {
		p("## Translations\n")
		p("| source | reference | model | word for word |\n| --- | --- | --- | --- |")
		for _, t := range m.Translations {
			p("| %s | %s | %s | %s |", cell(t.Source), cell(t.Reference), cell(t.Output), cell(t.Baseline))
		}
		p("")
	}
	p("## Training\n\n```json\n%s\n```\n", settings.CanonicalJSON(j.Finetune))
	verb := "translate"
	if j.tuned.Classes != nil {
		verb = "predict"
	}
	p("## Use\n\n```\nfragua %s DIR FILE\n```", verb)
	if e := j.answers.ensemble; e != nil && e.strategy == Finetuned && j.tuned.Model.(*classifier).pool == PoolLast {
		p("\nThe head reads the state at the last token of a text.")
	}
	return store.WriteFile(cardPath(dir), func(w io.Writer) error {
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// answeredBy says what answers under each strategy.
var answeredBy = map[Strategy]string{
	Finetuned:       "The fine-tuned network answers, its probabilities calibrated on validation (temperature scaling).",
	Frozen:          "Logistic regression on the features of the network as it was pretrained answers.",
	NGrams:          "Four linear models of words, pairs of words and characters answer, pooled; there is no network.",
	FinetunedNGrams: "The fine-tuned network answers together with four linear models of words, pairs of words and characters.",
	Prompted:        "The network as it was pretrained answers when it is asked, its probabilities calibrated on validation.",
	FrozenNGrams:    "Logistic regression on the features of the network as it was pretrained answers together with four linear models of words, pairs of words and characters.",
}

// cell makes a text fit into a table.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }
