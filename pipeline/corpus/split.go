package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// cuts part the range of draws: validation below the first, test below the
// second, train from there on.
type cuts struct {
	Validation uint64 `json:"validation"`
	Test       uint64 `json:"test"`
}

func (c cuts) split(u uint64) string {
	switch {
	case u < c.Validation:
		return Validation
	case u < c.Test:
		return Test
	}
	return Train
}

// A survey is what a shard says of the draws of its groups.
type survey struct {
	Sources []string `json:"sources"`
	Low     []uint64 `json:"low"`   // the two lowest draws, ascending and different
	Above   []uint64 `json:"above"` // the lowest from the share of validation on
	High    []uint64 `json:"high"`  // the highest

	Words   map[string]float64 `json:"words"`             // of each language, weighed
	Lengths []int64            `json:"lengths,omitempty"` // how many documents have so many words; see lengthClass
}

// add takes in a draw.
func (v *survey) add(u, validation uint64) {
	if !slices.Contains(v.Low, u) {
		v.Low = append(v.Low, u)
		slices.Sort(v.Low)
		v.Low = v.Low[:min(len(v.Low), 2)]
	}
	if u >= validation && (len(v.Above) == 0 || u < v.Above[0]) {
		v.Above = []uint64{u}
	}
	if len(v.High) == 0 || u > v.High[0] {
		v.High = []uint64{u}
	}
}

func (s *Mix) survey(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return counts, err
	}
	j, err := readJoined(env)
	if err != nil {
		return counts, err
	}
	env.Progress.Expect(part.Rows, "documents")
	v := survey{Sources: []string{}, Words: map[string]float64{}, Lengths: make([]int64, lengthClasses)}
	stage := part.stage(env)
	validation := threshold(s.Validation)
	for row, err := range shard.Read[groupRow](name) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return counts, err
		}
		d := row.document()
		v.add(j.draw(s.draws(env.Seed, d)), validation)
		v.Words[d.Language] += float64(d.Words) * s.weight(stage, d)
		v.Lengths[lengthClass(d.Words)]++
		if !slices.Contains(v.Sources, d.Source) {
			v.Sources = append(v.Sources, d.Source)
		}
		counts.Read++
		counts.Kept++
		env.Progress.Advance(1)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return counts, err
	}
	return counts, os.WriteFile(filepath.Join(env.Out, surveyFile(part.Number)), b, 0o666)
}

func surveyFile(shard int) string { return fmt.Sprintf("survey-%05d.json", shard) }

// surveys puts those of all shards together.
func (s *Mix) surveys(env *pipeline.Env) (survey, error) {
	all := survey{Words: map[string]float64{}, Lengths: make([]int64, lengthClasses)}
	validation := threshold(s.Validation)
	for i, done := range env.Phase("survey") {
		name := done.File(surveyFile(i))
		b, err := store.ReadFile(name)
		if err != nil {
			return all, err
		}
		var v survey
		if err := json.Unmarshal(b, &v); err != nil {
			return all, &fault.RowError{File: name, Row: -1, Err: err}
		}
		for _, list := range [][]uint64{v.Low, v.Above, v.High} {
			for _, u := range list {
				all.add(u, validation)
			}
		}
		all.Sources = append(all.Sources, v.Sources...)
		for l, n := range v.Words {
			all.Words[l] += n // shard after shard: the same sum each time
		}
		for i, n := range v.Lengths[:min(len(v.Lengths), lengthClasses)] {
			all.Lengths[i] += n
		}
	}
	return all, errors.Join(s.unknownWeights(env, all.Sources), s.Curriculum.unknown(env, all.Sources))
}

// place turns shares into cuts, so that every split with a share has a group.
func (s *Mix) place(v survey) (cuts, error) {
	if len(v.Low) == 0 { // no documents
		return cuts{}, nil
	}
	c := cuts{Validation: threshold(s.Validation)}
	next := v.Above // the lowest draw that is not validation
	if s.Validation > 0 && v.Low[0] >= c.Validation {
		c.Validation = v.Low[0] + 1
		next = v.Low[1:]
	}
	c.Test = c.Validation
	if s.Test > 0 {
		if c.Test = threshold(s.Validation + s.Test); c.Test < c.Validation {
			c.Test = c.Validation
		}
		if len(next) > 0 && next[0] >= c.Test {
			c.Test = next[0] + 1
		}
	}
	if v.High[0] < c.Test {
		err := errors.New("there are too few groups of documents: none is left to train on")
		return c, fault.Hintf(err, "lower validation and test, read more files, or write group_by: id, which lets chapters of one book fall into different splits")
	}
	return c, nil
}

// unknownWeights returns an error if a weight names nothing. Under a limit, where
// a source may have nothing left, it is only said.
func (s *Mix) unknownWeights(env *pipeline.Env, sources []string) error {
	names := sources
	for _, dir := range env.In["documents"] {
		if dir.Manifest != nil {
			names = append(names, dir.Manifest.Stage)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range slices.Sorted(maps.Keys(s.Weights)) {
		if slices.Contains(names, name) {
			continue
		}
		err := fmt.Errorf("weights: no document comes from a source or a stage called %q", name)
		if env.Limit == 0 {
			return fault.Hintf(err, "there are %s", strings.Join(names, ", "))
		}
		env.Progress.Say(err.Error())
	}
	return nil
}
