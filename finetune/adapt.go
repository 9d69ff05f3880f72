package finetune

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/model/train"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// AdaptChoice is the setting `adapt: full`, `adapt: head` or `adapt: {lora: {…}}`: which weights learn.
type AdaptChoice = train.Choice[any, adaptations]

type adaptations struct{}

// Entries is the table of ways to adapt a network.
func (adaptations) Entries() map[string]func() any {
	return map[string]func() any{
		"full": func() any { return &Full{} },
		"head": func() any { return &Head{} },
		"lora": func() any { return model.NewLoRA() },
	}
}

// Full lets all weights learn.
type Full struct{}

// Head lets the classification head learn alone.
type Head struct{}

// adapt makes the weights learn that the setting names. It comes after Build.
func (j *job) adapt() error {
	switch a := j.Adapt.Value.(type) {
	case *Head:
		if j.tuned.Classes == nil {
			return fmt.Errorf("adapt: head: the answers of %s are texts, for which there is no head", j.Goal.Name)
		}
		nn.Freeze(j.tuned.LM.Params(), func(nn.Param) bool { return true })
	case *model.LoRA:
		if _, err := a.Attach(j.tuned.LM, j.seed); err != nil {
			return fmt.Errorf("adapt.lora: %w", err)
		}
		if j.tuned.Classes == nil {
			j.tuned.Model = adapters{j.tuned.LM, j.tuned.Model}
		}
	}
	return nil
}

// adapters is a language model of which the adapters alone learn.
type adapters struct {
	lm  model.Model
	all train.Model
}

func (a adapters) Params() []nn.Param { return model.AdapterParams(a.lm) }

func (a adapters) Loss(tp *tensor.Tape, b *model.Batch) model.Loss { return a.all.Loss(tp, b) }

// adapterFolder is where a model directory keeps the adapter that was merged into its weights, as
// PEFT reads it.
const adapterFolder = "adapter"

// mergeAdapters writes the adapters to scratch and adds them to the weights.
func (j *job) mergeAdapters(scratch, base, home string) error {
	l, ok := j.Adapt.Value.(*model.LoRA)
	if !ok {
		return nil
	}
	dir := filepath.Join(scratch, adapterFolder)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	// The place of the model is relative to the finished adapter, so that the bytes do not depend on where the run lies.
	from, err := filepath.Rel(filepath.Join(home, adapterFolder), base)
	if err != nil {
		return err
	}
	task, heads := "CAUSAL_LM", []nn.Param(nil)
	if c, ok := j.tuned.Model.(*classifier); ok {
		task, heads = "SEQ_CLS", []nn.Param{c.headParam(0)}
	}
	if err := model.SaveAdapter(dir, j.tuned.LM, l, filepath.ToSlash(from), task, heads); err != nil {
		return err
	}
	model.MergeAdapters(j.tuned.LM)
	if a, ok := j.tuned.Model.(adapters); ok {
		j.tuned.Model = a.all
	}
	return nil
}

// saveAdapter puts the adapter that mergeAdapters wrote beside a model that answers with it.
func (j *job) saveAdapter(scratch, out string) error {
	if _, ok := j.Adapt.Value.(*model.LoRA); !ok || !j.trained || !j.answers.answers().strategy.uses(Finetuned) {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(out, adapterFolder), 0o777); err != nil {
		return err
	}
	config := j.answers.config()
	config.Answer = &answerConfig{Strategy: j.answers.answers().strategy, Pool: j.answers.answers().pool}
	b, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if err := store.WriteFile(filepath.Join(out, adapterFolder, adapterGoalFile), func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
		return err
	}
	for _, name := range []string{model.AdapterWeightsFile, model.AdapterConfigFile} {
		b, err := os.ReadFile(filepath.Join(scratch, adapterFolder, name))
		if err != nil {
			return err
		}
		if err := store.WriteFile(filepath.Join(out, adapterFolder, name), func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
			return err
		}
	}
	return nil
}

// adapterGoalFile says, beside an adapter of ours, what it was trained for.
const adapterGoalFile = "fragua.json"

// OpenAdapted reads a pretrained model and puts an adapter on it that a fine-tuning wrote, with its
// head. The weights are those of the model that the fine-tuning saved.
func OpenAdapted(base, adapter string) (*Tuned, error) {
	name := filepath.Join(adapter, adapterGoalFile)
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Hintf(fmt.Errorf("%s: nothing says what the adapter was trained for", adapter), "an adapter of fragua's lies in adapter/ of the model that it made; others can be used with generate and serve")
	} else if err != nil {
		return nil, err
	}
	var c goalConfig
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	goal, err := c.goal()
	if err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	t := &Tuned{Goal: GoalChoice{c.Goal, goal}, Classes: c.Labels}
	if c.Labels != nil {
		if c.Answer == nil || c.Answer.Strategy != Finetuned {
			return nil, fault.Hintf(fmt.Errorf("%s: the model answers together with n-grams, which are no part of the adapter", adapter), "predict with the folder above it")
		}
		if t.ensemble, err = c.Answer.open(adapter, len(c.Labels)); err != nil {
			return nil, err
		}
	}
	if t.LM, t.Tokenizer, err = openBase(base, c.Goal); err != nil {
		return nil, err
	}
	if err := openGoal(goal, base, t.Tokenizer); err != nil {
		return nil, err
	}
	if t.Model, err = goal.Build(t.LM, c.Labels, nil, 0); err != nil {
		return nil, err
	}
	_, heads, err := model.OpenAdapter(t.LM, adapter)
	if err != nil {
		return nil, err
	}
	if m, ok := t.Model.(*classifier); ok {
		if len(heads) != 1 || heads[0].Name != scoreName || len(heads[0].Data) != len(m.head.W.Data) {
			return nil, fmt.Errorf("%s: its head does not fit %d classes of %s", adapter, len(c.Labels), base)
		}
		copy(m.head.W.Data, heads[0].Data)
	}
	model.MergeAdapters(t.LM)
	return t, nil
}
