package corpus

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/minhash"
)

// The splits of a corpus: names of shards and values of the column.
const (
	Train      = "train"
	Validation = "validation"
	Test       = "test"
)

// Mix weighs the documents of several inputs against each other, gives each its split, and tells what training repeats
// of what it is judged by.
//
// A document's split depends on the seed and on its group alone, so that it stays
// the same when other documents come or go. Documents that dedup put into one
// cluster, and editions of one book, are one group. Only where no group at all would
// fall into a split with a share, the nearest one is taken, so that there is
// something to validate on in the smallest corpus.
//
//	link        a task a shard: groups that hang together
//	join        one task
//	survey      a task a shard: draws of groups, words of languages
//	evaluation  one task: n-grams of the evaluation sets         } only if asked for
//	held-out    a task a shard: n-grams of held-out documents    }
//	mix         a task a shard, and a level of the curriculum
//
// Memory, beside a shard's page: 28 bytes a group that hangs together with another, 288 a held-out document (16 n-grams),
// 18 an n-gram of the evaluation sets.
type Mix struct {
	Weights    map[string]float64 `yaml:"weights" doc:"How often the documents of a source, or of a stage in from, are taken: 0.5 every other one, 3 three times (training only); 1 if not named."`
	Validation float64            `yaml:"validation" doc:"Share of the groups that becomes the split validation."`
	Test       float64            `yaml:"test" doc:"Share of the groups that becomes the split test."`
	GroupBy    GroupBy            `yaml:"group_by" doc:"What stays together: book (a book's chapters and its editions; any other document alone), path, url, each with what stands in one cluster of dedup; id: nothing."`

	Temperature   float64            `yaml:"temperature" doc:"Brings the shares of languages nearer to each other: a language with the share p gets one in proportion to p^(1/temperature). 1 leaves them."`
	Rehydrate     map[string]float64 `yaml:"rehydrate" doc:"How often a document is taken by the size of its cluster: the entry of the greatest size that is not greater counts, as in {\"1\": 1, \"2\": 2, \"5\": 3, \"1000\": 1}."`
	Tokens        int64              `yaml:"tokens" doc:"About how many tokens of training text to take: documents are left out, or taken several times. 0: all, once."`
	TokensPerWord float64            `yaml:"tokens_per_word" doc:"How many tokens a word has, on the average of the corpus."`
	MaxCopies     float64            `yaml:"max_copies" doc:"How often temperature and tokens take a document at most."`
	Curriculum    Curriculum         `yaml:"curriculum" doc:"In which order training meets the documents; pack keeps it with order: stream."`

	Leaks         Leaks          `yaml:"leaks" doc:"What becomes of training documents that repeat held-out ones: report lists them in leaks/, drop leaves them out, off does not look."`
	Decontaminate []SourceChoice `yaml:"decontaminate" doc:"Evaluation sets, as sources; documents that hold an item of theirs are dropped."`
	Ngram         int            `yaml:"ngram" doc:"Words in a row that leaks and decontaminate compare."`
	Overlap       float64        `yaml:"overlap" doc:"Share of an item's n-grams from which a document is said to hold it."`

	once       sync.Once
	held, sets *leakIndex
	indexErr   error
}

// GroupBy is what stays together in one split.
type GroupBy string

// Values of GroupBy.
const (
	ByBook GroupBy = "book"
	ByPath GroupBy = "path"
	ByID   GroupBy = "id"
	ByURL  GroupBy = "url"
)

// Values lists what a GroupBy can be.
func (GroupBy) Values() []string {
	return []string{string(ByBook), string(ByPath), string(ByID), string(ByURL)}
}

// NewMix returns a Mix that takes all, and splits off 2 % for validation.
func NewMix() *Mix {
	return &Mix{Validation: .02, GroupBy: ByBook, Temperature: 1, TokensPerWord: 1.4, MaxCopies: 16, Curriculum: Curriculum{By: CurriculumNone, Levels: 8}, Leaks: LeaksReport, Ngram: 13, Overlap: .5}
}

func (s *Mix) Version() int             { return 2 }
func (s *Mix) Inputs() []pipeline.Input { return documentInput() }
func (s *Mix) Makes() pipeline.Kind     { return pipeline.Documents }

// Check finds what types cannot show.
func (s *Mix) Check() (faults []fault.Fault) {
	for _, v := range []struct {
		key   string
		share float64
	}{{"validation", s.Validation}, {"test", s.Test}} {
		if !(v.share >= 0 && v.share < 1) {
			faults = append(faults, fault.Fault{Path: v.key, Err: v.key + " is a share and must lie between 0 and 1", Hint: v.key + ": 0.02"})
		}
	}
	if faults == nil && s.Validation+s.Test >= 1 {
		faults = missing("test", "validation and test leave nothing to train on", "validation: 0.02")
	}
	faults = append(faults, s.checkRates()...)
	faults = append(faults, s.checkLeaks()...)
	faults = append(faults, s.Curriculum.check()...)
	slices.SortFunc(faults, func(a, b fault.Fault) int { return strings.Compare(a.Path, b.Path) })
	return faults
}

// Phases: see Mix.
func (s *Mix) Phases() []pipeline.Phase {
	list := []pipeline.Phase{
		{Name: "link", Tasks: shardTasks, Do: s.link},
		{Name: "join", Exclusive: true, Tasks: oneTask, Do: s.join},
		{Name: "survey", Tasks: shardTasks, Do: s.survey},
	}
	if len(s.Decontaminate) > 0 {
		list = append(list, pipeline.Phase{Name: "evaluation", Exclusive: true, Tasks: oneTask, Do: s.evaluation})
	}
	if s.looksForLeaks() {
		list = append(list, pipeline.Phase{Name: "held-out", Tasks: s.tasks, Do: s.heldOut})
	}
	return append(list, pipeline.Phase{Name: "mix", Tasks: s.levelTasks, Do: s.do})
}

// looksForLeaks reports whether there are splits that training could repeat.
func (s *Mix) looksForLeaks() bool { return s.Leaks != LeaksOff && s.Validation+s.Test > 0 }

// draw returns a number that depends on the seed, on what it is for, and on a key.
func draw(seed uint64, what, key string) uint64 { return xxh3.HashStringSeed(what+"\x00"+key, seed) }

// threshold returns the number below which a share of all draws lies.
func threshold(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(share * (1 << 64))
}

// mixPart is the Part of a task.
type mixPart struct {
	shardPart
	Cuts  cuts               `json:"cuts"`
	Rates map[string]float64 `json:"rates,omitempty"`  // by language; absent: 1
	Level int                `json:"level"`            // of the curriculum
	Words []int64            `json:"bounds,omitempty"` // of levels by words
}

// tasks makes a task of each shard.
func (s *Mix) tasks(_ context.Context, env *pipeline.Env) (tasks []pipeline.Task, err error) {
	return s.mixTasks(env, 1)
}

// levelTasks makes a task of each shard and level.
func (s *Mix) levelTasks(_ context.Context, env *pipeline.Env) (tasks []pipeline.Task, err error) {
	return s.mixTasks(env, s.Curriculum.levels())
}

func (s *Mix) mixTasks(env *pipeline.Env, levels int) (tasks []pipeline.Task, err error) {
	all, err := s.surveys(env)
	if err != nil {
		return nil, err
	}
	c, err := s.place(all)
	if err != nil {
		return nil, err
	}
	rates, bounds := s.rates(env, all.Words), s.Curriculum.bounds(all.Lengths)
	for level := range levels {
		for _, p := range shardParts(env) {
			t, err := pipeline.NewTask(fmt.Sprintf("%02d-%05d", level, p.Number), mixPart{p, c, rates, level, bounds})
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

func (s *Mix) do(ctx context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
	var task mixPart
	name, err := decodeShardTask(env, t, &task, &task.shardPart)
	if err != nil {
		return pipeline.Counts{}, err
	}
	j, err := readJoined(env)
	if err != nil {
		return pipeline.Counts{}, err
	}
	env.Progress.Expect(task.Rows, "documents")
	number := task.Number + task.Level*len(shardParts(env)) // levels follow each other by the names of their shards
	p, err := passOver(env, "mix", number, name)
	if err != nil {
		return pipeline.Counts{}, err
	}
	return p.close(s.mix(ctx, env, p, readDocuments(env, name), task, j))
}

// mix writes a shard's documents of one level into their splits.
func (s *Mix) mix(ctx context.Context, env *pipeline.Env, p *pass, docs iter.Seq2[*Document, error], task mixPart, j joined) error {
	held, sets, err := s.leakIndexes(env)
	if err != nil {
		return err
	}
	scanner := minhash.NewScanner(s.Ngram)
	stage := task.stage(env)
	var found leaks
	for d, err := range docs {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		d.Split = task.Cuts.split(j.draw(s.draws(env.Seed, d)))
		if s.Curriculum.level(d, task.Words) != task.Level {
			continue // another task's
		}
		p.counts.Read++
		rate, ok := task.Rates[d.Language]
		if !ok {
			rate = 1
		}
		if d.Split != Train {
			rate = 1
		}
		copies, drop := s.copies(env.Seed, s.weight(stage, d), rate, d.ID)
		if drop.Rule == "" {
			drop = s.contaminated(sets, scanner, d)
		}
		if drop.Rule == "" && d.Split == Train {
			drop = found.find(s, held, scanner, d)
		}
		if drop.Rule != "" {
			if err := p.drop(d, drop); err != nil {
				return err
			}
			continue
		}
		if d.Split != Train {
			copies = 1
		}
		original := d.ID
		for k := range copies {
			if k > 0 {
				p.counts.Split++
				d.ID = DocumentID(original, "copy", int64(k))
			}
			if err := p.keepSplit(d); err != nil {
				return err
			}
		}
	}
	return found.write(env, p.number, &p.counts)
}
