package finetune

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"fragua/finetune/metric"
	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// A ChoiceScore is how often a model takes the right choice, as lm-evaluation-harness counts it.
type ChoiceScore struct {
	N         int64
	Right     int64 // the likeliest choice is right: acc
	RightNorm int64 // the likeliest for its length in characters is: acc_norm
	Cut       int   // prompts that lost their beginning
}

// Score asks a language model the questions of a task, at most this many (0: all), after this many
// examples: the first of theirs.
func (t *Task) Score(ctx context.Context, lm model.LanguageModel, tok *tokenize.Tokenizer, shots, most int) (s ChoiceScore, err error) {
	before, err := t.before(shots)
	if err != nil {
		return s, err
	}
	docs := t.Test
	if most > 0 && most < len(docs) {
		docs = docs[:most]
	}
	var questions []question
	for _, d := range docs {
		q := question{prompt: before + d.Text}
		for _, c := range d.Choices {
			q.choices = append(q.choices, t.targetDelimiter+c)
		}
		questions = append(questions, q)
	}
	rows, cut, err := likelihoods(ctx, lm, tok, questions)
	if err != nil {
		return s, fmt.Errorf("%s: %w", t.Name, err)
	}
	s = ChoiceScore{N: int64(len(docs)), Cut: cut}
	for i, row := range rows {
		best, bestNorm := 0, 0
		size := func(k int) float64 { return float64(max(utf8.RuneCountInString(docs[i].Choices[k]), 1)) }
		for k, logProb := range row {
			if logProb > row[best] {
				best = k
			}
			if logProb/size(k) > row[bestNorm]/size(bestNorm) {
				bestNorm = k
			}
		}
		if best == docs[i].Target {
			s.Right++
		}
		if bestNorm == docs[i].Target {
			s.RightNorm++
		}
	}
	return s, nil
}

// before is what stands before each question: the description and the examples.
func (t *Task) before(shots int) (string, error) {
	if shots > len(t.Examples) {
		return "", fault.Hintf(fmt.Errorf("%s: %d shots of %d examples", t.Name, shots, len(t.Examples)), "training_split or fewshot_split names the split that they are taken from, which is not the one that is scored")
	}
	var b strings.Builder
	b.WriteString(t.Description)
	for _, d := range t.Examples[:shots] {
		b.WriteString(d.Text)
		if d.Text != "" {
			b.WriteString(t.targetDelimiter)
		}
		b.WriteString(d.Choices[d.Target] + t.shotDelimiter)
	}
	return b.String(), nil
}

// Figures are acc and acc_norm.
func (s ChoiceScore) Figures() []pipeline.Figure {
	share := func(name string, right int64) pipeline.Figure {
		return pipeline.Figure{Name: name, Value: float64(right) / float64(max(s.N, 1)), PlusMinus: metric.Wilson(right, s.N), N: s.N, Unit: "share", Better: "higher"}
	}
	return []pipeline.Figure{share("acc", s.Right), share("acc_norm", s.RightNorm)}
}
