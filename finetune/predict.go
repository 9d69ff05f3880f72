package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"fragua/finetune/examples"
	"fragua/pipeline"
	"fragua/pipeline/corpus"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// Predict is the stage that lets a fine-tuned model answer documents or
// examples: a shard in, a shard out.
type Predict struct{}

// NewPredict returns the stage.
func NewPredict() *Predict { return &Predict{} }

// Version is raised when the same settings and inputs give other bytes.
func (p *Predict) Version() int { return 5 }

// Inputs are a fine-tuned model, and what it is to answer.
func (p *Predict) Inputs() []pipeline.Input {
	return []pipeline.Input{
		{Name: "model", Kind: pipeline.Model},
		{Name: "documents", Kind: pipeline.Documents, Optional: true, Many: true},
		{Name: "examples", Kind: pipeline.Examples, Optional: true, Many: true},
	}
}

// Makes predictions.
func (p *Predict) Makes() pipeline.Kind { return pipeline.Predictions }

// Precision of weights and sums.
func (p *Predict) Precision() string { return "f32" }

// Phases is one: a task a shard.
func (p *Predict) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "predict", Exclusive: true, Tasks: p.tasks, Do: p.do}}
}

// A predictPart is one shard of one input.
type predictPart struct {
	Input string
	Dir   int
	Shard string
}

var inputShards = []string{"*.parquet"}

func (p *Predict) tasks(_ context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	var tasks []pipeline.Task
	for _, input := range []string{"documents", "examples"} {
		for i, d := range env.In[input] {
			for _, s := range d.Manifest.Shards {
				if len((pipeline.Dir{Manifest: &pipeline.Manifest{Shards: []shard.File{s}}}).Files(inputShards...)) == 0 {
					continue // rejects, metrics
				}
				t, err := pipeline.NewTask(fmt.Sprintf("predictions-%05d", len(tasks)), predictPart{input, i, s.Name})
				if err != nil {
					return nil, err
				}
				tasks = append(tasks, t)
			}
		}
	}
	if len(tasks) == 0 {
		return nil, fault.Hintf(errors.New("there is nothing to answer"), "from: {model: NAME, documents: NAME} or {model: NAME, examples: NAME}")
	}
	return tasks, nil
}

func (p *Predict) do(ctx context.Context, env *pipeline.Env, task pipeline.Task) (pipeline.Counts, error) {
	var counts pipeline.Counts
	var part predictPart
	if err := json.Unmarshal(task.Part, &part); err != nil {
		return counts, err
	}
	m, err := OpenTuned(env.One("model").Path)
	if err != nil {
		return counts, err
	}
	name := env.In[part.Input][part.Dir].File(part.Shard)
	rows := shard.Read[examples.Example](name)
	if part.Input == "documents" {
		rows = asExamples(name)
	}
	w, err := shard.Create[Prediction](filepath.Join(env.Out, task.ID+".parquet"))
	if err != nil {
		return counts, err
	}
	defer w.Abort()
	// A window of rows at a time, so that memory does not grow with the shard.
	window := make([]examples.Example, 0, answersAtOnce)
	flush := func() error {
		got, err := m.answer(ctx, window)
		if err != nil {
			return err
		}
		_, got, c := answered(window, got)
		counts.Add(c)
		env.Progress.Advance(int64(len(window)))
		window = window[:0]
		for _, g := range got {
			if err := w.Write(g); err != nil {
				return err
			}
		}
		return nil
	}
	for row, err := range rows {
		if err != nil {
			return counts, err
		}
		if g, ok := m.Goal.Goal.(*Translation); ok && g.Reverse && part.Input == "examples" {
			row.Text, row.Target = row.Target, row.Text
		}
		if window = append(window, row); len(window) == cap(window) {
			if err := flush(); err != nil {
				return counts, err
			}
		}
	}
	if err := flush(); err != nil {
		return counts, err
	}
	written, err := w.Close()
	counts.Shards = []shard.File{written}
	return counts, err
}

// asExamples reads documents as texts without labels.
func asExamples(name string) iter.Seq2[examples.Example, error] {
	return func(yield func(examples.Example, error) bool) {
		for d, err := range shard.Read[corpus.Document](name) {
			if !yield(examples.Example{ID: d.ID, Text: d.Text}, err) || err != nil {
				return
			}
		}
	}
}
