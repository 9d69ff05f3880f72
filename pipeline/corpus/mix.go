package corpus

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// The splits of a corpus: names of shards and values of the column.
const (
	Train      = "train"
	Validation = "validation"
	Test       = "test"
)

// Mix weighs the documents of several inputs against each other and gives each
// its split.
//
// A document's split hangs on the seed and on its group alone, so that it stays
// the same when other documents come or go. Only where no group at all would
// fall into a split with a share, the nearest one is taken, so that there is
// something to validate on in the smallest corpus.
//
// Two phases: survey looks at the groups, and mix writes.
type Mix struct {
	Weights    map[string]float64 `yaml:"weights" doc:"How often the documents of a source, or of a stage in from, are taken: 0.5 every other one, 3 three times (training only); 1 if not named."`
	Validation float64            `yaml:"validation" doc:"Share of the groups that becomes the split validation."`
	Test       float64            `yaml:"test" doc:"Share of the groups that becomes the split test."`
	GroupBy    GroupBy            `yaml:"group_by" doc:"What stays together: book (a book's chapters; any other document alone), path, id, url."`
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
func NewMix() *Mix { return &Mix{Validation: .02, GroupBy: ByBook} }

func (s *Mix) Version() int             { return 1 }
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
	for name, w := range s.Weights {
		if !(w >= 0 && w <= 1000) {
			faults = append(faults, fault.Fault{Path: "weights." + name, Err: fmt.Sprintf("weight %v must lie between 0 and 1000", w)})
		}
	}
	slices.SortFunc(faults, func(a, b fault.Fault) int { return strings.Compare(a.Path, b.Path) })
	return faults
}

// Phases: survey, mix.
func (s *Mix) Phases() []pipeline.Phase {
	return []pipeline.Phase{
		{Name: "survey", Tasks: shardTasks, Do: s.survey},
		{Name: "mix", Tasks: s.tasks, Do: s.do},
	}
}

// group returns what a document is grouped by.
func (s *Mix) group(d *Document) string {
	switch {
	case s.GroupBy == ByPath, s.GroupBy == ByBook && isChapter(d):
		return "path\x00" + d.Source + "\x00" + d.Path
	case s.GroupBy == ByURL && d.URL != "":
		return "url\x00" + d.URL
	}
	return "id\x00" + d.ID
}

// isChapter reports whether a document is a part of a book.
func isChapter(d *Document) bool { return strings.Contains(d.Metadata, `"chapter":`) }

// draw returns a number that hangs on the seed, on what it is for, and on a key.
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
	Cuts cuts `json:"cuts"`
}

func (s *Mix) tasks(_ context.Context, env *pipeline.Env) (tasks []pipeline.Task, err error) {
	c, err := s.cuts(env)
	if err != nil {
		return nil, err
	}
	for _, p := range shardParts(env) {
		t, err := pipeline.NewTask(fmt.Sprintf("%05d", p.Number), mixPart{p, c})
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

func (s *Mix) do(ctx context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
	var task mixPart
	name, err := decodeShardTask(env, t, &task, &task.shardPart)
	if err != nil {
		return pipeline.Counts{}, err
	}
	env.Progress.Expect(task.Rows, "documents")
	p := newPass(env, "mix", task.Number)
	return p.close(s.mix(ctx, p, readDocuments(env, name), env.Seed, task.stage(env), task.Cuts))
}

// mix writes a shard's documents into their splits.
func (s *Mix) mix(ctx context.Context, p *pass, docs iter.Seq2[*Document, error], seed uint64, stage string, c cuts) error {
	for d, err := range docs {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		p.counts.Read++
		copies, drop := s.copies(seed, stage, d)
		if drop.Rule != "" {
			if err := p.drop(d, drop); err != nil {
				return err
			}
			continue
		}
		d.Split = c.split(draw(seed, "split", s.group(d)))
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
	return nil
}

// copies returns how often a document is taken, or why not at all.
func (s *Mix) copies(seed uint64, stage string, d *Document) (int, Drop) {
	w, ok := s.Weights[d.Source]
	if !ok {
		if w, ok = s.Weights[stage]; !ok {
			return 1, Drop{}
		}
	}
	whole, part := math.Modf(w)
	u := draw(seed, "weight", d.ID)
	n := int(whole)
	if u < threshold(part) {
		n++
	}
	if n == 0 {
		return 0, Drop{Rule: "mix.weights", Value: float64(u) / (1 << 64), Limit: w}
	}
	return n, Drop{}
}
