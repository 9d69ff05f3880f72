package corpus

import (
	"context"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// Filter carries documents that were read before through more steps.
type Filter struct {
	Steps   []StepChoice `yaml:"steps" doc:"What happens to each document, in this order."`
	Signals bool         `yaml:"signals" doc:"Store every measure of the kept documents in the column signals; where it is there already it stays."`
}

// NewFilter returns a Filter without steps.
func NewFilter() *Filter { return &Filter{} }

func (s *Filter) Version() int             { return 4 }
func (s *Filter) Inputs() []pipeline.Input { return documentInput() }
func (s *Filter) Makes() pipeline.Kind     { return pipeline.Documents }

// Check finds what types cannot show.
func (s *Filter) Check() []fault.Fault {
	if len(s.Steps) == 0 {
		return missing("steps", "filter does nothing", "steps: [gopher_quality]")
	}
	return nil
}

// Reads lists the files of its steps.
func (s *Filter) Reads() ([]pipeline.RawFile, error) { return stepFiles(s.Steps), nil }

// Phases: one, with one task a shard.
func (s *Filter) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "filter", Tasks: shardTasks, Do: s.do}}
}

func (s *Filter) do(ctx context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return pipeline.Counts{}, err
	}
	env.Progress.Expect(part.Rows, "documents")
	p, err := passOver(env, "filter", part.Number, name)
	if err != nil {
		return pipeline.Counts{}, err
	}
	p.signals = p.signals || s.Signals
	return p.close(p.steps(ctx, part.prefix(), "", readDocuments(env, name), s.Steps))
}
