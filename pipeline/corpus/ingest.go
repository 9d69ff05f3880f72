package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// Ingest reads raw files as documents and carries each through steps.
type Ingest struct {
	Sources   []SourceChoice `yaml:"sources" doc:"What to read; each entry names a kind of source and its settings."`
	Steps     []StepChoice   `yaml:"steps" doc:"What happens to each document of every source, in this order."`
	Signals   bool           `yaml:"signals" doc:"Store every measure of the kept documents in the column signals, so that a filter stage can decide from them."`
	PartBytes int64          `yaml:"part_bytes" doc:"About how many bytes of raw files make one task and one shard."`
}

// NewIngest returns an Ingest with its defaults. Without steps it repairs.
func NewIngest() *Ingest {
	return &Ingest{PartBytes: 64 << 20, Steps: []StepChoice{UseStep("repair", NewRepair())}}
}

func (s *Ingest) Version() int             { return 14 }
func (s *Ingest) Inputs() []pipeline.Input { return nil }
func (s *Ingest) Makes() pipeline.Kind     { return pipeline.Documents }

// Check finds what types cannot show.
func (s *Ingest) Check() (faults []fault.Fault) {
	if len(s.Sources) == 0 {
		faults = missing("sources", "ingest reads nothing", `name a source: sources: [{books: {path: "books/*.txt"}}]`)
	}
	if s.PartBytes < 1 {
		faults = append(faults, fault.Fault{Path: "part_bytes", Err: "part_bytes must be at least 1", Hint: "leave it out for 64 MB"})
	}
	return faults
}

// Reads lists the raw files of all sources. Its error joins a *fault.Fault
// for each source at fault.
func (s *Ingest) Reads() ([]pipeline.RawFile, error) {
	type key struct{ source, name string }
	seen := map[key]string{}
	var all []pipeline.RawFile
	var faults []error
	for i, c := range s.Sources {
		where := fmt.Sprintf("sources[%d].%s", i, c.name)
		files, err := c.source.Files()
		if err != nil {
			missing := &fault.Fault{Path: where + ".path", Err: err.Error()}
			if hint := (*fault.Hint)(nil); errors.As(err, &hint) {
				missing.Hint = hint.Fix
			}
			faults = append(faults, missing)
			continue
		}
		for _, f := range files {
			k := key{c.source.Name(), f.Name}
			if other, ok := seen[k]; ok {
				faults = append(faults, &fault.Fault{Path: where,
					Err:  fmt.Sprintf("%s and %s are both %q of a source called %q, so their documents would have the same ids", other, f.Path, f.Name, k.source),
					Hint: fmt.Sprintf("give one of the two sources a name: %s: {name: …, path: …}", c.name)})
				break
			}
			seen[k] = f.Path
			all = append(all, pipeline.RawFile{Name: k.source + "/" + f.Name, Path: f.Path})
		}
	}
	for _, c := range s.Sources {
		all = append(all, stepFiles(c.source.Steps())...)
	}
	return append(all, stepFiles(s.Steps)...), errors.Join(faults...)
}

// ingestPart is the Part of a task.
type ingestPart struct {
	Number int   `json:"number"`
	Source int   `json:"source"`
	Limit  int64 `json:"limit,omitempty"`
	Part   Part  `json:"part"`
}

// Phases: one, with one task a Part. Under a limit each source is one task,
// which stops when it has read enough.
func (s *Ingest) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "read", Tasks: s.tasks, Do: s.do}}
}

func (s *Ingest) tasks(ctx context.Context, env *pipeline.Env) (tasks []pipeline.Task, err error) {
	for i, c := range s.Sources {
		parts, err := c.source.Parts(ctx, s.PartBytes)
		if err != nil {
			return nil, err
		}
		if env.Limit > 0 {
			var all Part
			for _, p := range parts {
				all = append(all, p...)
			}
			parts = []Part{all}
		}
		for _, p := range parts {
			n := len(tasks)
			t, err := pipeline.NewTask(fmt.Sprintf("%05d", n), ingestPart{Number: n, Source: i, Limit: env.Limit, Part: p})
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

func (s *Ingest) do(ctx context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
	var task ingestPart
	if err := json.Unmarshal(t.Part, &task); err != nil {
		return pipeline.Counts{}, err
	}
	if task.Source >= len(s.Sources) {
		return pipeline.Counts{}, fmt.Errorf("task %s reads source %d of %d", t.ID, task.Source, len(s.Sources))
	}
	source := s.Sources[task.Source].source
	p := newPass(env, "ingest", task.Number)
	p.signals = s.Signals
	env.Progress.Expect(task.Part.Bytes(), "bytes")
	docs := func(yield func(*Document, error) bool) {
		for _, r := range task.Part { // one after another, to tell how far we are
			left := r.Size
			advance := func(n int64) {
				n = min(n, left)
				left -= n
				env.Progress.Advance(n)
			}
			for d, err := range source.Read(store.WithProgress(ctx, advance), Part{r}) {
				if !yield(d, err) {
					return
				}
			}
			advance(left)
		}
	}
	return p.close(p.steps(ctx, unsplit, source.Name(), limited(docs, task.Limit), s.steps(source)))
}

// steps are those of the stage, and then those of the source.
func (s *Ingest) steps(source Source) []StepChoice { return slices.Concat(s.Steps, source.Steps()) }

// limited stops after limit documents and failures; limit 0 stops nothing.
func limited(docs iter.Seq2[*Document, error], limit int64) iter.Seq2[*Document, error] {
	if limit == 0 {
		return docs
	}
	return func(yield func(*Document, error) bool) {
		n := int64(0)
		for d, err := range docs {
			if n++; n > limit || !yield(d, err) {
				return
			}
		}
	}
}
