package finetune

import (
	"context"

	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline"
)

// A Goal is what fine-tuning is for: how an example is read, what is learned
// of it, and how answers are judged. The rest of a run is the same for all.
type Goal interface {
	// Name is the goal's name in YAML and in a model's config.json.
	Name() string
	// Segments is an example as the model reads it, target included.
	Segments(Example) []Segment
	// Prompt is the part of it that is there before the answer.
	Prompt(Example) []Segment
	// Long is what to do with what does not fit into the context.
	Long() TooLong
	// Classes are the labels of a set of examples; nil if answers are texts.
	Classes([]Example) ([]string, error)
	// Build makes of a pretrained model one that can be trained for the goal;
	// classes as Classes gave them.
	Build(m model.LanguageModel, classes []string, train []Example, seed uint64) (train.Model, error)
	// Fill lays sequences out as a batch.
	Fill(b *model.Batch, rows []sequence, classes int)
	// Answer is what the model says of each example, in their order.
	Answer(context.Context, *Tuned, []Example) ([]Prediction, error)
	// Score judges answers, without baselines; quick leaves out intervals.
	Score(want []Example, got []Prediction, classes []string, note string, quick bool) (pipeline.Metrics, error)
	// Baselines answers the test set without the model, by the baseline's name.
	Baselines(train, test []Example, classes []string) ([]Baseline, error)
	// Metrics names the figures that training may be stopped by, the default first.
	Metrics() []string
}

// A Baseline is answers that a model must beat.
type Baseline struct {
	Name    string
	Answers []Prediction
}

// GoalChoice is the setting `goal: {sentiment: {…}}`.
type GoalChoice struct {
	name string
	Goal
}

// goals is the table of goals: a new one is a file, and a line here.
func goals() map[string]func() any {
	return map[string]func() any{
		"sentiment":   func() any { return NewSentiment() },
		"translation": func() any { return NewTranslation() },
	}
}

// Variants, Choose and Chosen make the choice a setting with one key.
func (g *GoalChoice) Variants() map[string]func() any { return goals() }

// Choose sets the goal.
func (g *GoalChoice) Choose(name string, settings any) {
	g.name = name
	g.Goal, _ = settings.(Goal)
}

// Chosen returns the goal.
func (g *GoalChoice) Chosen() (string, any) {
	if g.Goal == nil {
		return "", nil
	}
	return g.name, g.Goal
}
