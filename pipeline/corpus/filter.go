package corpus

import (
	"context"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// Filter carries documents that were read before through more steps.
type Filter struct {
	Steps []StepChoice `yaml:"steps" doc:"What happens to each document, in this order."`
}

// NewFilter returns a Filter without steps.
func NewFilter() *Filter { return &Filter{} }

func (s *Filter) Version() int             { return 3 }
func (s *Filter) Inputs() []pipeline.Input { return documentInput() }
func (s *Filter) Makes() pipeline.Kind     { return pipeline.Documents }

// Check finds what types cannot show.
func (s *Filter) Check() []fault.Fault {
	if len(s.Steps) == 0 {
		return missing("steps", "filter does nothing", "steps: [gopher_quality]")
	}
	return nil
}

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
	p := newPass(env, "filter", part.Number)
	return p.close(p.steps(ctx, part.prefix(), "", readDocuments(env, name), s.Steps))
}
