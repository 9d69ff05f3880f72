package finetune

import "fragua/tokenize"

// A Goal is the settings of one thing that a model can be fitted to do. Each part
// of a run asks for the small interface that it needs, defined beside its user:
// Sequencer in sequence.go, Batcher in batches.go, Header and Answerer in
// tuned.go, Judge in score.go.
type Goal interface {
	Sequencer
	Batcher
	Header
	Answerer
	Judge
}

const (
	sentimentGoal   = "sentiment"
	labelsGoal      = "labels"
	regressionGoal  = "regression"
	translationGoal = "translation" // the one that models with encoder and decoder can have
)

// goals is the table of goals: a new one is a file, and a line here.
func goals() map[string]func() any {
	return map[string]func() any{
		sentimentGoal:   func() any { return NewSentiment() },
		labelsGoal:      func() any { return NewLabels() },
		regressionGoal:  func() any { return NewRegression() },
		"instruction":   func() any { return NewInstruction() },
		translationGoal: func() any { return NewTranslation() },
	}
}

// A templated goal reads more of a model's folder than its weights before it writes sequences.
type templated interface {
	open(dir string, tok *tokenize.Tokenizer) error
}

// openGoal lets a goal read what it needs of a model's folder.
func openGoal(g Goal, dir string, tok *tokenize.Tokenizer) error {
	if t, ok := g.(templated); ok {
		return t.open(dir, tok)
	}
	return nil
}

// GoalChoice is the setting `goal: {sentiment: {…}}`. Name is the goal's name in
// YAML and in a model's config.json.
type GoalChoice struct {
	Name string
	Goal
}

// Variants, Choose and Chosen make the choice a setting with one key.
func (g *GoalChoice) Variants() map[string]func() any { return goals() }

// Choose sets the goal.
func (g *GoalChoice) Choose(name string, settings any) {
	g.Name = name
	g.Goal, _ = settings.(Goal)
}

// Chosen returns the goal.
func (g *GoalChoice) Chosen() (string, any) {
	if g.Goal == nil {
		return "", nil
	}
	return g.Name, g.Goal
}
