package finetune

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/tokenize/blocks"
)

// Evaluate is the stage that lets a fine-tuned model answer a split of
// examples, and sets baselines fitted on their training split beside it. Several
// sets of examples are scored one by one: a test out of the domain beside the one in it. Given
// blocks, it also measures how well the model still predicts running text.
type Evaluate struct {
	Split examples.Split `yaml:"split" doc:"Which split is answered: test, validation or train."`
}

// NewEvaluate returns the stage with its defaults.
func NewEvaluate() *Evaluate { return &Evaluate{Split: examples.Test} }

// Version is raised when the same settings and inputs give other bytes.
func (e *Evaluate) Version() int { return 8 }

// Inputs are a fine-tuned model, examples, and blocks made with its tokenizer.
func (e *Evaluate) Inputs() []pipeline.Input {
	return []pipeline.Input{
		{Name: "model", Kind: pipeline.Model},
		{Name: "examples", Kind: pipeline.Examples, Many: true},
		{Name: "blocks", Kind: pipeline.Blocks, Optional: true},
	}
}

// Makes predictions.
func (e *Evaluate) Makes() pipeline.Kind { return pipeline.Predictions }

// Precision of weights and sums.
func (e *Evaluate) Precision() string { return "f32" }

// Check finds faults that types cannot show.
func (e *Evaluate) Check() []fault.Fault {
	if e.Split == "" {
		return []fault.Fault{{Path: "split", Err: "no split", Hint: "test"}}
	}
	return nil
}

// Phases is one.
func (e *Evaluate) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "evaluate", Exclusive: true, Tasks: pipeline.Single("evaluate"), Do: e.do}}
}

func (e *Evaluate) do(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (pipeline.Counts, error) {
	var counts pipeline.Counts
	m, err := OpenTuned(env.One("model").Path)
	if err != nil {
		return counts, err
	}
	sets, err := read(env.In["examples"], m.Goal.Goal)
	if err != nil {
		return counts, err
	}
	var metrics pipeline.Metrics
	var all []Prediction
	for _, t := range e.testSets(env.In["examples"]) {
		one, err := read([]pipeline.Dir{t.dir}, m.Goal.Goal)
		if err != nil {
			return counts, err
		}
		set := one[string(e.Split)]
		if len(set) == 0 {
			return counts, fault.Hintf(fmt.Errorf("the examples in %s have no %s split", t.dir.Path, e.Split), "label splits them: split: {%s: 0.1}", e.Split)
		}
		answers, err := answerAll(ctx, env, m, set)
		if err != nil {
			return counts, err
		}
		set, answers, c := answered(set, answers)
		if counts.Add(c); len(set) == 0 {
			return counts, errors.New("all examples are too long for the model's context")
		}
		measured, err := compare(m.Goal, sets[examples.Train], set, answers, m.Classes, t.name)
		if err != nil {
			return counts, err
		}
		metrics.Figures = append(metrics.Figures, measured.Figures...)
		metrics.Samples = append(metrics.Samples, measured.Samples...)
		metrics.Translations = append(metrics.Translations, measured.Translations...)
		if metrics.Confusion == nil {
			metrics.Confusion = measured.Confusion
		}
		all = append(all, answers...)
	}
	if dir := env.One("blocks"); dir.Path != "" {
		f, err := runningText(ctx, m, dir)
		if err != nil {
			return counts, err
		}
		metrics.Figures = append(metrics.Figures, f)
	}
	for _, line := range summary(metrics) {
		env.Progress.Say(line)
	}
	written, err := writePredictions(env, "predictions-00000.parquet", all)
	if err != nil {
		return counts, err
	}
	counts.Shards = []shard.File{written}
	return counts, pipeline.WriteMetrics(env.Out, metrics)
}

// A testSet is examples that are scored by themselves.
type testSet struct {
	name string // the split, and where there are several sets the stage that made it
	dir  pipeline.Dir
}

// testSets are the inputs that hold the split, or all if none does.
func (e *Evaluate) testSets(dirs []pipeline.Dir) (sets []testSet) {
	for _, d := range dirs {
		if len(dirs) == 1 || len(d.Files(string(e.Split)+"-*.parquet")) > 0 {
			sets = append(sets, testSet{string(e.Split), d})
		}
	}
	if len(sets) == 0 {
		sets = append(sets, testSet{string(e.Split), dirs[0]})
	}
	if len(sets) > 1 {
		for i, s := range sets {
			sets[i].name += " of " + filepath.Base(s.dir.Path)
		}
	}
	return sets
}

// mostBlocks bounds what is scored of running text; they are spread evenly.
const mostBlocks = 500

// runningText is the model's bits per byte on the validation split of blocks:
// what fine-tuning has cost of what it knew.
func runningText(ctx context.Context, m *Tuned, dir pipeline.Dir) (pipeline.Figure, error) {
	rows, err := blocks.OpenSplit(dir, examples.Validation)
	if err != nil {
		return pipeline.Figure{}, err
	}
	defer rows.Close()
	lm, ok := m.LM.(model.LanguageModel)
	if !ok {
		return pipeline.Figure{}, fault.Hintf(errors.New("the model does not continue texts, so it cannot be scored on blocks"), "leave blocks out of from")
	}
	if err := rows.CheckIDs(lm.Vocab()); err != nil {
		return pipeline.Figure{}, err
	}
	e, err := train.BitsPerByte(ctx, model.Score(lm), rows, m.Tokenizer, mostBlocks)
	if err != nil {
		return pipeline.Figure{}, err
	}
	return pipeline.Figure{Name: "bits per byte", Value: e.BitsPerByte(), PlusMinus: e.PlusMinus(), N: e.Rows, Better: "lower", Headline: true,
		Note: "blocks, validation: running text after fine-tuning"}, nil
}

// answersAtOnce is how many examples are answered between two signs of progress.
const answersAtOnce = 512

func answerAll(ctx context.Context, env *pipeline.Env, m *Tuned, set []examples.Example) ([]Prediction, error) {
	env.Progress.Expect(int64(len(set)), "examples")
	var out []Prediction
	for from := 0; from < len(set); from += answersAtOnce {
		part := set[from:min(from+answersAtOnce, len(set))]
		got, err := m.answer(ctx, part)
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
		env.Progress.Advance(int64(len(part)))
	}
	return out, nil
}

// answered leaves out what was too long to be answered, and counts it.
func answered(set []examples.Example, answers []Prediction) ([]examples.Example, []Prediction, pipeline.Counts) {
	counts := pipeline.Counts{Read: int64(len(set))}
	var answeredSet []examples.Example
	var kept []Prediction
	for i, a := range answers {
		if a.TooLong {
			counts.Drop("too_long")
			continue
		}
		counts.Kept++
		answeredSet, kept = append(answeredSet, set[i]), append(kept, a)
	}
	return answeredSet, kept, counts
}

func writePredictions(env *pipeline.Env, name string, rows []Prediction) (shard.File, error) {
	return shard.Write(filepath.Join(env.Out, name), func(yield func(Prediction, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	})
}
