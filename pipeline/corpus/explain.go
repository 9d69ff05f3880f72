package corpus

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// A Story is what became of one document in a run.
type Story struct {
	ID       string
	Document *Document // as it was last seen
	Verdicts []Verdict // in the order in which they fell
}

// Explain tells what became of a document, rule by rule. Reading and steps are
// done again, from the raw file and with the settings that were in force; what
// depends on all other documents, a repetition or the split, is looked up in the
// shards and rejects of the run.
func Explain(ctx context.Context, run *pipeline.RunDir, c *pipeline.Config, id string) (*Story, error) {
	story := &Story{ID: id}
	alive := map[string]bool{} // stages that kept the document
	for _, entry := range c.Stages {
		dir, finished := run.Stage(entry.Name)
		if !finished {
			continue
		}
		from := entry.From["documents"]
		if s, ok := entry.With.(*Ingest); ok {
			found, err := story.ingest(ctx, entry.Name, s, dir)
			if err != nil {
				return story, err
			}
			alive[entry.Name] = found
			continue
		}
		if story.Document == nil || !slices.ContainsFunc(from, func(name string) bool { return alive[name] }) {
			continue
		}
		var err error
		switch s := entry.With.(type) {
		case *Filter:
			alive[entry.Name] = story.replay(entry.Name, s.Steps)
		case *Dedup, *Mix:
			alive[entry.Name], err = story.lookUp(entry.Name, entry.Use, dir)
		}
		if err != nil {
			return story, err
		}
	}
	if story.Document == nil {
		err := fmt.Errorf("%s: no document has the id %s", run.Path, id)
		return story, fault.Hintf(err, "ids are 32 hex digits; `fragua inspect` shows those of a shard")
	}
	return story, nil
}

// ingest reads the document again, and says whether it was kept.
func (s *Story) ingest(ctx context.Context, stage string, in *Ingest, dir pipeline.Dir) (bool, error) {
	at, err := find(dir, s.ID)
	if err != nil || at == nil {
		return false, err
	}
	for _, c := range in.Sources {
		if c.source.Name() != at.Source {
			continue
		}
		parts, err := c.source.Parts(ctx, in.PartBytes)
		if err != nil {
			return false, err
		}
		for _, part := range parts {
			part = slices.DeleteFunc(part, func(r Range) bool { return r.File != at.Path })
			for d, err := range c.source.Read(ctx, part) {
				var bad *Failure
				var skipped *Skipped
				switch {
				case errors.As(err, &skipped):
					if skipped.Document.ID == s.ID {
						s.Document = skipped.Document
						s.Verdicts = append(s.Verdicts, Verdict{Stage: stage, Step: "read", Drop: skipped.Drop})
						return false, nil
					}
				case errors.As(err, &bad):
					if DocumentID(at.Source, bad.File, bad.Offset) == s.ID {
						s.Document = NewDocument(at.Source, bad.File, bad.Offset)
						s.Verdicts = append(s.Verdicts, Verdict{Stage: stage, Step: "read", Err: bad.Err})
						return false, nil
					}
				case err != nil:
					return false, err
				case d.ID == s.ID:
					s.Document = d
					s.Verdicts = append(s.Verdicts, Verdict{Stage: stage, Step: "read", Words: countWords(d)})
					return s.replay(stage, in.steps(c.source)), nil
				}
			}
		}
	}
	err = fmt.Errorf("document %s was read from %s of source %s, but is not there any more", s.ID, at.Path, at.Source)
	return false, fault.Hintf(err, "the file has changed since; run again")
}

// replay applies steps again.
func (s *Story) replay(stage string, steps []StepChoice) bool {
	drop, err := applySteps(s.Document, steps, func(v Verdict) {
		v.Stage = stage
		s.Verdicts = append(s.Verdicts, v)
	})
	if drop.Rule == RuleEmpty {
		s.Verdicts = append(s.Verdicts, Verdict{Stage: stage, Step: RuleEmpty, Drop: drop})
	}
	return err == nil && drop.Rule == ""
}

// lookUp takes the verdict of a stage from its shards and rejects.
func (s *Story) lookUp(stage, use string, dir pipeline.Dir) (bool, error) {
	at, err := find(dir, s.ID)
	if err != nil || at == nil {
		return false, err
	}
	v := Verdict{Stage: stage, Step: use, Drop: at.drop, Words: s.Document.Words, Neighbor: at.Neighbor, Similarity: at.Similarity}
	if s.Document.Split = at.Split; at.Split != "" {
		v.Split = at.Split
	}
	s.Verdicts = append(s.Verdicts, v)
	return at.drop.Rule == "", nil
}

// A place is where a row was found.
type place struct {
	keptRow
	drop Drop
}

// rejectRow and keptRow are what finding reads of a row.
type (
	keptRow struct {
		ID     string `parquet:"id"`
		Source string `parquet:"source,dict"`
		Path   string `parquet:"path,dict"`
		Split  string `parquet:"split,dict"`

		Neighbor   string  `parquet:"neighbor,optional"`
		Similarity float64 `parquet:"similarity,optional"`
	}
	rejectRow struct {
		keptRow
		Rule  string  `parquet:"rule,dict"`
		Value float64 `parquet:"value"`
		Limit float64 `parquet:"limit"`
		Error string  `parquet:"error"`
	}
)

// find looks for an id in a stage's shards and rejects; bloom filters spare the
// reading of nearly all files. It returns nil if the id is not there.
func find(dir pipeline.Dir, id string) (*place, error) {
	for _, name := range dir.Files(DocumentShards...) {
		if !mayHold(name, id) {
			continue
		}
		for row, err := range shard.Read[keptRow](name) {
			if err != nil {
				return nil, err
			}
			if row.ID == id {
				return &place{keptRow: row}, nil
			}
		}
	}
	for _, name := range dir.Files(path.Join("rejects", "*.parquet")) {
		if !mayHold(name, id) {
			continue
		}
		for row, err := range shard.Read[rejectRow](name) {
			if err != nil {
				return nil, err
			}
			if row.ID == id {
				return &place{row.keptRow, Drop{Rule: row.Rule, Value: row.Value, Limit: row.Limit, Note: row.Error}}, nil
			}
		}
	}
	return nil, nil
}

// mayHold asks the bloom filters of a file. A file without them, or damaged, may.
func mayHold(name, id string) (maybe bool) {
	defer func() {
		if recover() != nil { // the library panics on some damaged files; reading tells
			maybe = true
		}
	}()
	f, err := shard.OpenParquet(name, parquet.SkipBloomFilters(false))
	if err != nil {
		return true
	}
	defer f.Close()
	column, ok := f.Schema().Lookup("id")
	if !ok {
		return true
	}
	for _, g := range f.RowGroups() {
		filter := g.ColumnChunks()[column.ColumnIndex].BloomFilter()
		if filter == nil {
			return true
		}
		if yes, err := filter.Check(parquet.ValueOf(id)); yes || err != nil {
			return true
		}
	}
	return false
}
