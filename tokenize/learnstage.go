package tokenize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sort"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// Version implements pipeline.Stage.
func (l *Learn) Version() int { return 2 }

// Inputs implements pipeline.Stage.
func (l *Learn) Inputs() []pipeline.Input {
	return []pipeline.Input{
		{Name: "documents", Kind: pipeline.Documents, Many: true},
		{Name: "examples", Kind: pipeline.Examples, Many: true, Instead: "documents"},
	}
}

// learnDirs are the directories to learn from: documents, then examples.
func learnDirs(env *pipeline.Env) []pipeline.Dir {
	return append(slices.Clone(env.In["documents"]), env.In["examples"]...)
}

// Makes implements pipeline.Stage.
func (l *Learn) Makes() pipeline.Kind { return pipeline.Tokenizer }

// Reads implements pipeline.RawInputs.
func (l *Learn) Reads() ([]pipeline.RawFile, error) {
	if l.Extend.Abs == "" {
		return nil, nil
	}
	if _, err := store.Stat(l.Extend.Abs); err != nil {
		return nil, err
	}
	return []pipeline.RawFile{{Name: filepath.ToSlash(l.Extend.Written), Path: l.Extend.Abs}}, nil
}

// Phases implements pipeline.Stage: count the pieces of each shard, then learn.
func (l *Learn) Phases() []pipeline.Phase {
	return []pipeline.Phase{
		{Name: "count", Tasks: l.countTasks, Do: l.countShard},
		{Name: "learn", Exclusive: true, Tasks: func(context.Context, *pipeline.Env) ([]pipeline.Task, error) {
			return []pipeline.Task{{ID: "learn"}}, nil
		}, Do: l.learnShards},
	}
}

// documentRow is what is read of a document here, or of an example: of a pair of sentences both
// are learned from, which makes one vocabulary for two languages (Sennrich et al. 2016, section 3.2).
type documentRow struct {
	Text     string `parquet:"text"`
	Target   string `parquet:"target,optional"`
	Language string `parquet:"language,optional"`
}

// texts yields a row's texts.
func (r documentRow) texts() []string {
	if r.Target == "" {
		return []string{r.Text}
	}
	return []string{r.Text, r.Target}
}

// countFile is a task's output of the first phase.
const countFile = "words.bin"

type countPart struct {
	Input int    // which directory of documents
	Shard string // its shard
}

// learnFrom returns the shards to learn from: the train split, or all where
// there is no split.
func learnFrom(d pipeline.Dir) []string {
	if train := d.Files("train-*.parquet"); len(train) > 0 {
		return train
	}
	return d.Files("part-*.parquet")
}

// measureOn returns the shards that bytes per token are measured on, and what
// they are.
func measureOn(d pipeline.Dir) ([]string, string) {
	if validation := d.Files("validation-*.parquet"); len(validation) > 0 {
		return validation, "validation"
	}
	return learnFrom(d), "train"
}

func (l *Learn) countTasks(_ context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	var tasks []pipeline.Task
	for i, d := range learnDirs(env) {
		for _, name := range learnFrom(d) {
			t, err := pipeline.NewTask(fmt.Sprintf("count-%05d", len(tasks)), countPart{i, filepath.Base(name)})
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 0 {
		return nil, fault.Hintf(errors.New("there are no documents to learn from: neither train-*.parquet nor part-*.parquet"), "look at what the stages before this one dropped")
	}
	return tasks, nil
}

func (l *Learn) countShard(ctx context.Context, env *pipeline.Env, task pipeline.Task) (pipeline.Counts, error) {
	var c pipeline.Counts
	var part countPart
	if err := json.Unmarshal(task.Part, &part); err != nil {
		return c, err
	}
	p, _, err := PatternOf(l.Pattern)
	if err != nil {
		return c, err
	}
	counter := newWordCounter()
	for row, err := range shard.Read[documentRow](learnDirs(env)[part.Input].File(part.Shard)) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return c, err
		}
		for _, text := range row.texts() {
			if err := l.count(counter, p, text); err != nil {
				return c, fmt.Errorf("%s: row %d: %w", part.Shard, c.Read, err)
			}
			c.Sum("bytes", int64(len(text)))
		}
		if row.Target != "" {
			c.Sum("pairs", 1)
		}
		c.Read++
		c.Kept++
		env.Progress.Advance(1)
	}
	if l.MaxWords > 0 {
		if lost, times := counter.prune(l.MaxWords); lost > 0 {
			c.Sum("words pruned", lost)
			c.Sum("occurrences pruned", times)
		}
	}
	w := counter.words()
	c.Sum("distinct words", int64(len(w.n)))
	return c, w.save(filepath.Join(env.Out, countFile))
}

// vocabularyFor is how many tokens suit this many sentence pairs: about 1,000 for 30,000 pairs and
// 8,000 from half a million on (Gowda and May 2020, figure 3), a power of the pairs in between.
// It is rounded down to whole hundreds.
func vocabularyFor(pairs int64) int {
	const few, many = 30_000.0, 500_000.0
	n := min(max(float64(pairs), few), many)
	return int(1000*math.Pow(8, math.Log(n/few)/math.Log(many/few))) / 100 * 100
}

// vocabularyForText is how many tokens suit this many bytes of text for a small language model: 2,048
// for a few megabytes, 4,096 for about 50, 16,384 for a gigabyte, and never more than 32,768. Each id
// must be seen often enough to be learned, and the output layer costs what a larger model could use.
func vocabularyForText(bytes int64) int {
	power := math.Round(.4*math.Log2(float64(max(bytes, 1))) + 1.8)
	return 1 << int(min(max(power, 10), 15))
}

// count counts the pieces of one document.
func (l *Learn) count(c *wordCounter, p *Pattern, text string) error {
	return c.count(p, asBytes(text), l.Unit == UnitLine)
}

func (l *Learn) learnShards(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (pipeline.Counts, error) {
	var c pipeline.Counts
	counter := newWordCounter()
	done := env.Phase("count")
	for _, d := range done {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		if err := counter.load(d.File(countFile)); err != nil {
			return c, err
		}
		c.Read += d.Counts.Read
		c.Kept += d.Counts.Kept
		for name, n := range d.Counts.Sums {
			c.Sum(name, n)
		}
		if l.MaxWords > 0 { // in the tasks' order, so that it is the same in every run
			if lost, times := counter.prune(2 * l.MaxWords); lost > 0 {
				c.Sum("words pruned", lost)
				c.Sum("occurrences pruned", times)
			}
		}
	}
	sized := *l
	switch pairs := c.Sums["pairs"]; {
	case l.VocabSize > 0:
	case pairs > 0:
		sized.VocabSize = vocabularyFor(pairs)
	default:
		sized.VocabSize = vocabularyForText(c.Sums["bytes"])
	}
	env.Progress.Expect(int64(sized.VocabSize), "tokens")
	last := 0
	tr, err := sized.train(ctx, counter.words(), func(n int) {
		env.Progress.Advance(int64(n - last))
		last = n
	})
	if err != nil {
		return c, err
	}
	tr.Pruned, tr.PrunedN = c.Sums["words pruned"], c.Sums["occurrences pruned"]
	if tr.Pruned > 0 {
		env.Progress.Say(fmt.Sprintf("%d distinct words, which occur %d times in all, were forgotten to save memory (max_words)", tr.Pruned, tr.PrunedN))
	}
	for _, w := range tr.Warnings {
		env.Progress.Say(w)
	}
	t, err := tr.Tokenizer(0)
	if err != nil {
		return c, err
	}
	for _, w := range t.Warnings() {
		env.Progress.Say(w)
	}
	if err := t.SaveAll(env.Out); err != nil {
		return c, err
	}
	c.Sums["distinct words"] = int64(tr.Words) // of all tasks together
	c.Sum("merges", int64(tr.Merges))
	m, err := l.measure(ctx, env, t, tr)
	if err != nil {
		return c, err
	}
	return c, pipeline.WriteMetrics(env.Out, m)
}

// measureMost is how much text of a language is encoded to measure.
const measureMost = 16 << 20

// measure encodes the validation split and tells bytes per token, per language.
func (l *Learn) measure(ctx context.Context, env *pipeline.Env, t *Tokenizer, tr *Trained) (pipeline.Metrics, error) {
	type sum struct{ bytes, tokens, documents int64 }
	sums := map[string]*sum{}
	var all sum
	split := ""
	var ids []int32
	for _, d := range learnDirs(env) {
		shards, name := measureOn(d)
		if split == "" {
			split = name
		} else if split != name {
			split = "validation and train"
		}
		for _, file := range shards {
			for row, err := range shard.Read[documentRow](file) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return pipeline.Metrics{}, err
				}
				s := sums[row.Language]
				if s == nil {
					s = new(sum)
					sums[row.Language] = s
				}
				if s.bytes >= measureMost {
					continue
				}
				for _, text := range row.texts() {
					if ids, err = t.AppendIDs(ids[:0], text); err != nil {
						return pipeline.Metrics{}, err
					}
					for _, s := range []*sum{s, &all} {
						s.bytes += int64(len(text))
						s.tokens += int64(len(ids))
					}
				}
				s.documents++
				all.documents++
			}
		}
	}
	m := pipeline.Metrics{Figures: []pipeline.Figure{
		{Name: "vocabulary", Value: float64(t.VocabSize()), Unit: "tokens"},
		{Name: "distinct words", Value: float64(tr.Words), N: tr.Pieces, Note: "pieces that merges were learned from"},
	}}
	if tr.Pruned > 0 {
		m.Figures = append(m.Figures, pipeline.Figure{Name: "words forgotten", Value: float64(tr.Pruned), N: tr.PrunedN, Note: "rarest first, to save memory"})
	}
	figure := func(s *sum, note string) {
		if s.tokens > 0 {
			m.Figures = append(m.Figures, pipeline.Figure{Name: "bytes per token", Value: float64(s.bytes) / float64(s.tokens), N: s.documents, Unit: "bytes", Better: "higher", Note: note})
		}
	}
	figure(&all, split)
	var languages []string
	for name := range sums {
		if name != "" {
			languages = append(languages, name)
		}
	}
	sort.Strings(languages)
	for _, name := range languages {
		figure(sums[name], split+", "+name)
	}
	return m, nil
}
