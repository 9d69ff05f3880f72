package pipeline

import "context"

// Single returns the Tasks of a phase that is one task, described by the
// settings alone.
func Single(id string) func(context.Context, *Env) ([]Task, error) {
	return func(context.Context, *Env) ([]Task, error) {
		t, err := NewTask(id, struct{}{})
		return []Task{t}, err
	}
}
