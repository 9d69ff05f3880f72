package finetune

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
	"fragua/pipeline"
)

// A Judge scores answers.
type Judge interface {
	// Score compares answers with the examples, without baselines. Intervals may
	// be left out where only the figures matter. A Note of a figure is its
	// signature, or empty.
	Score(set []examples.Example, got []Prediction, classes []string, intervals bool) (pipeline.Metrics, error)
	// Baselines are other answers to the same examples.
	Baselines(train, test []examples.Example, classes []string) ([]Baseline, error)
	// Metrics names the figures that can choose the best weights, the default first.
	Metrics() []string
}

// A Baseline is answers that a model must beat.
type Baseline struct {
	Name    string
	Answers []Prediction
}

// score answers the test set (without one, validation), and puts the baselines
// beside the model.
func (j *job) score(ctx context.Context) (pipeline.Metrics, error) {
	var m pipeline.Metrics
	split := j.scoredSplit()
	if set := j.scored(); len(set) > 0 {
		answers, err := j.answers.answer(ctx, set)
		if err != nil {
			return m, err
		}
		var counts pipeline.Counts
		set, answers, counts = answered(set, answers)
		j.predictions = answers
		if len(set) > 0 {
			if m, err = compare(j.tuned.Goal, j.sets[examples.Train], set, answers, j.tuned.Classes, split, append(j.frozenBaseline(set), j.untrainedBaseline(set)...)...); err != nil {
				return m, err
			}
		}
		if n := counts.Dropped["too_long"]; n > 0 {
			m.Figures = append(m.Figures, pipeline.Figure{Name: "examples not answered", Value: float64(n), N: counts.Read, Unit: "examples", Note: split + ": too long for the context"})
		}
	}
	m.Figures = append(m.Figures, j.chosen.figures...)
	if !j.trained {
		return m, nil
	}
	unit := j.lossUnit()
	m.Curves = append(m.Curves, pipeline.Curve{Name: examples.Train, X: "step", Y: unit, Points: j.seen.Train})
	if len(j.seen.Validation) > 0 {
		m.Curves = append(m.Curves, pipeline.Curve{Name: examples.Validation, X: "step", Y: unit, Points: j.seen.Validation})
		if j.metric() != "loss" {
			m.Curves = append(m.Curves, pipeline.Curve{Name: examples.Validation, X: "step", Y: j.metric(), Points: j.seen.Metric})
		}
		score, step := j.loop.Best()
		if j.metric() == "loss" {
			score = -score
		}
		m.Figures = append(m.Figures, pipeline.Figure{Name: "best " + j.metric(), Value: score, N: int64(len(j.watched)), Note: fmt.Sprintf("%s, after step %d; these weights were kept", examples.Validation, step)})
	}
	m.Figures = append(m.Figures, pipeline.Figure{Name: pipeline.TrainingExamples, Value: float64(len(j.sets[examples.Train])), Unit: "rows", Note: j.begins})
	l := j.trainLengths
	m.Figures = append(m.Figures, pipeline.Figure{Name: "examples too long for the context", Value: float64(l.Cut + l.Dropped), Unit: "examples",
		Note: fmt.Sprintf("of %d for training; too_long: %s; the longest has %d tokens, the context %d", l.Whole+l.Cut+l.Dropped, j.Goal.Long(), l.Longest, j.tuned.LM.Context())})
	m.Samples = append(m.Samples, pipeline.Sample{Title: "what is learned of the first training example (in brackets: predicted)",
		Text: j.show(j.rows[0]).String()})
	return m, nil
}

// chooseThresholds of a goal that has some, on validation.
func (j *job) chooseThresholds(ctx context.Context) error {
	g, ok := j.Goal.Goal.(*Labels)
	if set := j.sets[examples.Validation]; ok && len(set) > 0 {
		answers, err := j.tuned.answer(ctx, set)
		if err != nil {
			return err
		}
		set, answers, _ = answered(set, answers)
		g.choose(set, answers, j.tuned.Classes)
	}
	return nil
}

// scoredSplit is test or, without one, validation.
func (j *job) scoredSplit() string {
	if len(j.sets[examples.Test]) == 0 {
		return examples.Validation
	}
	return examples.Test
}

// scored is what is answered of it: of conversations as many as the goal says.
func (j *job) scored() []examples.Example {
	set := j.sets[j.scoredSplit()]
	if g, ok := j.Goal.Goal.(*Instruction); ok {
		return spread(set, g.Scored)
	}
	return set
}

// answerUntrained lets the model answer conversations before it learns, and estimates numbers from
// its features: the baselines of what it learns.
func (j *job) answerUntrained(ctx context.Context) (err error) {
	switch j.Goal.Goal.(type) {
	case *Instruction:
		if !j.fromScratch() {
			j.untrained.Name = UntrainedName
			j.untrained.Answers, err = j.tuned.answer(ctx, j.scored())
		}
	case *Regression:
		j.untrained.Name = FrozenRidgeName
		j.untrained.Answers, err = frozenRidge(ctx, j.tuned, j.sets, j.scored())
	}
	return err
}

// untrainedBaseline is those of the answers that belong to a set.
func (j *job) untrainedBaseline(set []examples.Example) []Baseline {
	if j.untrained.Answers == nil {
		return nil
	}
	at := map[string]Prediction{}
	for _, a := range j.untrained.Answers {
		at[a.ID] = a
	}
	b := Baseline{Name: j.untrained.Name}
	for _, e := range set {
		b.Answers = append(b.Answers, at[e.ID])
	}
	return []Baseline{b}
}

// frozenBaseline is logistic regression on the features of the pretrained network,
// for a set of which all examples fit into it, and the network when it is asked.
func (j *job) frozenBaseline(set []examples.Example) []Baseline {
	if j.chosen.onScored == nil {
		return nil
	}
	at := map[string]int{}
	for i, e := range j.scored() {
		at[e.ID] = i
	}
	b := Baseline{Name: FrozenName}
	for _, e := range set {
		said := j.chosen.onScored[at[e.ID]]
		if said == nil {
			return nil // the n-grams that answer have no such limit
		}
		b.Answers = append(b.Answers, Prediction{ID: e.ID, Got: j.tuned.Classes[linear.Likeliest(said)]})
	}
	baselines := []Baseline{b}
	if said := j.chosen.onScoredPrompted; said != nil {
		b := Baseline{Name: fmt.Sprintf("%s, %d examples", PromptedName, j.Prompt.Shots)}
		for _, e := range set {
			b.Answers = append(b.Answers, Prediction{ID: e.ID, Got: j.tuned.Classes[linear.Likeliest(said[at[e.ID]])]})
		}
		baselines = append(baselines, b)
	}
	return baselines
}

// mostTranslations is how many translations a report shows.
const mostTranslations = 12

// compare scores answers and puts the baselines, and more of them, beside every headline figure.
func compare(g Judge, trained, set []examples.Example, answers []Prediction, classes []string, split string, more ...Baseline) (pipeline.Metrics, error) {
	m, err := g.Score(set, answers, classes, true)
	if err != nil {
		return m, err
	}
	baselines, err := g.Baselines(trained, set, classes)
	if err != nil {
		return m, err
	}
	baselines = append(baselines, more...)
	others := make([]pipeline.Metrics, len(baselines))
	for i, b := range baselines {
		if others[i], err = g.Score(set, b.Answers, classes, true); err != nil {
			return m, err
		}
	}
	figures := m.Figures
	m.Figures = nil
	for _, f := range figures {
		name := f.Name
		f.Note = note(split, f.Note)
		m.Figures = append(m.Figures, f)
		if !f.Headline {
			continue
		}
		for i, b := range baselines {
			for _, o := range others[i].Figures {
				if o.Name == name {
					o.Note = note(b.Name, o.Note)
					m.Figures = append(m.Figures, o)
				}
			}
		}
	}
	if classes == nil {
		last := baselines[len(baselines)-1].Answers
		for i := range min(mostTranslations, len(set)) {
			k := i * len(set) / min(mostTranslations, len(set))
			m.Translations = append(m.Translations, pipeline.Translation{Source: set[k].Text, Reference: set[k].Target, Output: answers[k].Got, Baseline: last[k].Got})
		}
	}
	return m, nil
}

// note says of whom a figure is, and then how it was computed.
func note(of, signature string) string {
	if signature == "" {
		return of
	}
	return of + " · " + signature
}

// counts are the training examples: those learned from, and those too long.
func (j *job) counts() pipeline.Counts {
	c := pipeline.Counts{Read: int64(len(j.sets[examples.Train])), Kept: int64(j.trainLengths.Whole + j.trainLengths.Cut)}
	if j.tuned.LM == nil {
		c.Kept = c.Read
	}
	for range j.trainLengths.Dropped {
		c.Drop("too_long")
	}
	c.Sum("cut", int64(j.trainLengths.Cut))
	c.Sum("learned_tokens", learned(j.rows))
	for _, s := range [...]string{examples.Validation, examples.Test} {
		c.Sum(s, int64(len(j.sets[s])))
	}
	return c
}

// summary is a line for each headline figure, its baselines behind it.
func summary(m pipeline.Metrics) []string {
	var lines []string
	at := map[string]int{}
	for _, f := range m.Figures {
		if !f.Headline {
			continue
		}
		text := fmt.Sprintf("%.4g", f.Value)
		if f.PlusMinus > 0 {
			text += fmt.Sprintf(" ± %.2g", f.PlusMinus)
		}
		note, _, _ := strings.Cut(f.Note, " · ")
		if i, ok := at[f.Name]; ok {
			lines[i] += fmt.Sprintf("; %s %s", note, text)
			continue
		}
		at[f.Name] = len(lines)
		lines = append(lines, fmt.Sprintf("%s %s (%s, n = %d)", f.Name, text, note, f.N))
	}
	return lines
}

func cardPath(dir string) string { return filepath.Join(dir, "MODEL_CARD.md") }

// lossUnit is what the loss is measured in.
func (j *job) lossUnit() string {
	if _, numbers := j.Goal.Goal.(*Regression); numbers {
		return "squared error, in variances of the training values"
	}
	if j.tuned.Classes != nil {
		return "loss, nats a text"
	}
	return "loss, nats a token"
}
