package finetune

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"fragua/pipeline"
)

// judge answers the test set (without one, validation), and sets the baselines
// beside the model.
func (j *job) judge(ctx context.Context) (pipeline.Metrics, error) {
	var m pipeline.Metrics
	split := Test
	if len(j.sets[Test]) == 0 {
		split = Validation
	}
	if set := j.sets[split]; len(set) > 0 {
		answers, err := j.Goal.Answer(ctx, j.tuned, set)
		if err != nil {
			return m, err
		}
		var counts pipeline.Counts
		if set, answers, counts = answered(set, answers); len(set) > 0 {
			if m, err = compare(j.Goal, j.sets[Train], set, answers, j.tuned.Classes, split); err != nil {
				return m, err
			}
		}
		if n := counts.Dropped["too_long"]; n > 0 {
			m.Figures = append(m.Figures, pipeline.Figure{Name: "examples not answered", Value: float64(n), N: counts.Read, Unit: "examples", Note: split + ": too long for the context"})
		}
	}
	unit := "loss, nats a token"
	if j.tuned.Classes != nil {
		unit = "loss, nats a text"
	}
	m.Curves = append(m.Curves, pipeline.Curve{Name: Train, X: "step", Y: unit, Points: j.seen.Train})
	if len(j.seen.Validation) > 0 {
		m.Curves = append(m.Curves, pipeline.Curve{Name: Validation, X: "step", Y: unit, Points: j.seen.Validation})
		if j.metric() != "loss" {
			m.Curves = append(m.Curves, pipeline.Curve{Name: Validation, X: "step", Y: j.metric(), Points: j.seen.Metric})
		}
		score, step := j.loop.Best()
		if j.metric() == "loss" {
			score = -score
		}
		m.Figures = append(m.Figures, pipeline.Figure{Name: "best " + j.metric(), Value: score, N: int64(len(j.watched)), Note: fmt.Sprintf("%s, after step %d; these weights were kept", Validation, step)})
	}
	l := j.trainLengths
	m.Figures = append(m.Figures, pipeline.Figure{Name: "examples too long for the context", Value: float64(l.Cut + l.Dropped), Unit: "examples",
		Note: fmt.Sprintf("of %d for training; too_long: %s; the longest has %d tokens, the context %d", l.Whole+l.Cut+l.Dropped, j.Goal.Long(), l.Longest, j.tuned.LM.Context())})
	m.Samples = append(m.Samples, pipeline.Sample{Title: "what is learned of the first training example (in brackets: predicted)",
		Text: j.preview(j.rows[0].row)})
	return m, nil
}

// mostTranslations is how many translations a report shows.
const mostTranslations = 12

// compare scores answers and sets baselines beside every figure.
func compare(g Goal, trained, set []Example, answers []Prediction, classes []string, note string) (pipeline.Metrics, error) {
	m, err := g.Score(set, answers, classes, note, false)
	if err != nil {
		return m, err
	}
	baselines, err := g.Baselines(trained, set, classes)
	if err != nil {
		return m, err
	}
	headline := map[string]bool{}
	for _, name := range g.Metrics() {
		headline[name] = true
	}
	figures := m.Figures
	m.Figures = nil
	others := make([]pipeline.Metrics, len(baselines))
	for i, b := range baselines {
		if others[i], err = g.Score(set, b.Answers, classes, "", false); err != nil {
			return m, err
		}
	}
	for k, f := range figures {
		m.Figures = append(m.Figures, f)
		if !headline[f.Name] {
			continue
		}
		for i, b := range baselines {
			o := others[i].Figures[k]
			o.Note = b.Name
			m.Figures = append(m.Figures, o)
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

// counts are the training examples: those learned from, and those too long.
func (j *job) counts() pipeline.Counts {
	c := pipeline.Counts{Read: int64(len(j.sets[Train])), Kept: int64(len(j.rows))}
	for range j.trainLengths.Dropped {
		c.Drop("too_long")
	}
	c.Sum("cut", int64(j.trainLengths.Cut))
	c.Sum("learned_tokens", learned(j.rows))
	for _, s := range [...]string{Validation, Test} {
		c.Sum(s, int64(len(j.sets[s])))
	}
	return c
}

// summary is a line for each headline figure, baselines behind it.
func summary(m pipeline.Metrics) []string {
	var lines []string
	at := map[string]int{}
	for _, f := range m.Figures {
		if f.Better == "" || strings.Contains(f.Name, " of ") {
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
