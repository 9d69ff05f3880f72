package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"fragua/finetune/document"
	"fragua/finetune/examples"
	"fragua/pipeline"
	"fragua/pipeline/corpus"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// Translate is the stage that makes training pairs with a translator: a shard in, a shard out.
//
//   - writes: target   the model translates the sources of examples, and a smaller one learns from
//     that (sequence-level distillation, Kim and Rush 2016)
//   - writes: source   a model of the other direction translates sentences of the target language,
//     which stay as they were written (back-translation, Sennrich et al. 2016)
//
// Of examples only train is translated; validation and test pass as they are, so that what is
// trained on the result is judged by what people wrote.
type Translate struct {
	Writes   Writes  `yaml:"writes" doc:"Which side of the new pairs the model writes: target, to teach another model what it knows; source, to use text of the target language for which there is no translation."`
	Tag      string  `yaml:"tag" doc:"Put before each source, such as <BT>: the model then tells what was written by a model (Caswell et al. 2019). Empty: nothing."`
	Beams    int     `yaml:"beams" doc:"How many hypotheses the search follows; 0: as many as the model was made with."`
	MinScore float64 `yaml:"min_score" doc:"Leave out translations of a lower score, which is 0 or less; 0: none."`
	MinWords int     `yaml:"min_words" doc:"Of documents: fewest words of a sentence."`
	MaxWords int     `yaml:"max_words" doc:"Of documents: most words of a sentence."`
}

// Writes is the side of a pair that a model writes.
type Writes string

// The sides.
const (
	WritesTarget Writes = "target"
	WritesSource Writes = "source"
)

// Values lists the sides.
func (Writes) Values() []string { return []string{string(WritesTarget), string(WritesSource)} }

// NewTranslate returns the stage with its defaults.
func NewTranslate() *Translate { return &Translate{Writes: WritesTarget, MinWords: 3, MaxWords: 60} }

// Version is raised when the same settings and inputs give other bytes.
func (t *Translate) Version() int { return 2 }

// Inputs are a translator, and examples or documents.
func (t *Translate) Inputs() []pipeline.Input { return NewPredict().Inputs() }

// Makes examples.
func (t *Translate) Makes() pipeline.Kind { return pipeline.Examples }

// Precision of weights and sums.
func (t *Translate) Precision() string { return "f32" }

// Check finds faults that types cannot show.
func (t *Translate) Check() (faults []fault.Fault) {
	if t.MinScore > 0 {
		faults = append(faults, fault.Fault{Path: "min_score", Err: "scores are 0 or less", Hint: "-1 drops what the model itself finds unlikely"})
	}
	if t.Beams < 0 || t.MinWords < 0 || t.MaxWords < t.MinWords {
		faults = append(faults, fault.Fault{Err: "beams and min_words are not below 0, nor max_words below min_words"})
	}
	return faults
}

// Phases is one: a task a shard.
func (t *Translate) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "translate", Exclusive: true, Tasks: NewPredict().tasks, Do: t.do}}
}

func (t *Translate) do(ctx context.Context, env *pipeline.Env, task pipeline.Task) (pipeline.Counts, error) {
	var counts pipeline.Counts
	var part predictPart
	if err := json.Unmarshal(task.Part, &part); err != nil {
		return counts, err
	}
	m, err := OpenTuned(env.One("model").Path)
	if err != nil {
		return counts, err
	}
	g, ok := m.Goal.Goal.(*Translation)
	if !ok {
		return counts, fault.Hintf(fmt.Errorf("the model was fine-tuned for %s", m.Goal.Name), "take a translator")
	}
	if t.Beams > 0 {
		g.Search.Beams = t.Beams
	}
	name := env.In[part.Input][part.Dir].File(part.Shard)
	rows, split := t.fromExamples(name), examples.Train
	if part.Input == "documents" {
		rows = t.fromDocuments(name)
	} else {
		for _, s := range examples.Splits {
			if strings.HasPrefix(filepath.Base(part.Shard), s+"-") {
				split = s
			}
		}
	}
	// The task's number keeps the names of shards apart.
	w, err := shard.Create[examples.Example](filepath.Join(env.Out, split+strings.TrimPrefix(task.ID, "predictions")+".parquet"))
	if err != nil {
		return counts, err
	}
	defer w.Abort()
	window := make([]examples.Example, 0, answersAtOnce)
	flush := func() error {
		pairs, err := t.translate(ctx, m, window, split, &counts)
		if err != nil {
			return err
		}
		env.Progress.Advance(int64(len(window)))
		window = window[:0]
		for _, p := range pairs {
			if err := w.Write(p); err != nil {
				return err
			}
		}
		return nil
	}
	for row, err := range rows {
		if err != nil {
			return counts, err
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
	if w.Rows() == 0 {
		return counts, nil
	}
	written, err := w.Close()
	counts.Shards = []shard.File{written}
	return counts, err
}

// translate makes pairs of rows, whose Text is what the model reads and whose Target is a person's
// translation of it, if there is one. Of validation and test they pass as they are.
func (t *Translate) translate(ctx context.Context, m *Tuned, rows []examples.Example, split string, counts *pipeline.Counts) (pairs []examples.Example, err error) {
	counts.Read += int64(len(rows))
	if split != examples.Train {
		for _, e := range rows {
			if t.Writes == WritesSource {
				e.Text, e.Target = e.Target, e.Text
			}
			pairs = append(pairs, e)
		}
		counts.Kept += int64(len(pairs))
		return pairs, nil
	}
	got, err := m.answer(ctx, rows)
	if err != nil {
		return nil, err
	}
	for i, p := range got {
		p.Got = oneLine(p.Got)
		switch e := rows[i]; {
		case p.TooLong:
			counts.Drop("too_long")
		case p.Got == "":
			counts.Drop("empty")
		case p.Got == e.Text:
			counts.Drop("identical")
		case t.MinScore < 0 && p.Hypotheses[0].Score < t.MinScore:
			counts.Drop("min_score")
		default:
			pair := examples.Example{ID: e.ID + "-translated", Text: e.Text, Target: p.Got, Split: split}
			if t.Writes == WritesSource {
				pair.Text, pair.Target = p.Got, e.Text
			}
			if t.Tag != "" {
				pair.Text = t.Tag + " " + pair.Text
			}
			pairs = append(pairs, pair)
			counts.Kept++
		}
	}
	return pairs, nil
}

// fromExamples reads pairs with the side first that the model reads.
func (t *Translate) fromExamples(name string) iter.Seq2[examples.Example, error] {
	return func(yield func(examples.Example, error) bool) {
		for e, err := range shard.Read[examples.Example](name) {
			if err == nil && e.Target == "" {
				err = errors.New("an example has no target: translation is of pairs")
			}
			if t.Writes == WritesSource {
				e.Text, e.Target = e.Target, e.Text
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// fromDocuments reads the sentences of documents, paragraph by paragraph.
func (t *Translate) fromDocuments(name string) iter.Seq2[examples.Example, error] {
	return func(yield func(examples.Example, error) bool) {
		for d, err := range shard.Read[corpus.Document](name) {
			if err != nil {
				yield(examples.Example{}, err)
				return
			}
			n := 0
			for paragraph := range strings.SplitSeq(d.Text, "\n\n") {
				sentences, _ := document.Sentences(strings.Join(strings.Fields(paragraph), " "))
				for _, s := range sentences {
					if words := len(strings.Fields(s)); words < t.MinWords || words > t.MaxWords {
						continue
					}
					n++
					if !yield(examples.Example{ID: fmt.Sprintf("%s-%d", d.ID, n), Text: s}, nil) {
						return
					}
				}
			}
		}
	}
}
