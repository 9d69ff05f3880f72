package corpus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/minhash"
	"fragua/pipeline/shard"
)

// A leak is a text that training sees though a model is judged by it: what stands in validation or test, or in an
// evaluation set. A document leaks an item if it has at least the share Overlap of the item's n-grams of words. Of a
// held-out document 16 n-grams are sampled, those with the least hashes; of an item of an evaluation set all count.

// Leaks says what becomes of training documents that repeat held-out ones.
type Leaks string

// Values of Leaks.
const (
	LeaksReport Leaks = "report"
	LeaksDrop   Leaks = "drop"
	LeaksOff    Leaks = "off"
)

// Values lists what a Leaks can be.
func (Leaks) Values() []string {
	return []string{string(LeaksReport), string(LeaksDrop), string(LeaksOff)}
}

// sampledShingles is how many n-grams stand for a held-out document: with half of them found, 8, it leaks.
const sampledShingles = 16

// A leakRecord is an n-gram of an item.
type leakRecord struct {
	ID      idRecord
	Shingle uint64
}

func (leakRecord) Size() int { return 24 }
func (r leakRecord) Put(b []byte) {
	copy(b, r.ID[:])
	binary.LittleEndian.PutUint64(b[16:], r.Shingle)
}
func (leakRecord) Get(b []byte) leakRecord {
	return leakRecord{idRecord(b[:16]), binary.LittleEndian.Uint64(b[16:])}
}
func (leakRecord) Compare(leakRecord) int { return 0 } // they stay in their order

// A leak is a row of the files leaks/NNNNN.parquet.
type leak struct {
	ID      string  `parquet:"id"`          // of the training document
	HeldOut string  `parquet:"held_out"`    // id of the document in validation or test
	Share   float64 `parquet:"share"`       // of the held-out document's sampled n-grams
	Source  string  `parquet:"source,dict"` // of the training document
	Path    string  `parquet:"path,dict"`
}

func heldOutFile(shard int) string { return fmt.Sprintf("held-out-%05d.bin", shard) }

const evaluationFile = "evaluation.bin"

// checkLeaks finds what types cannot show.
func (s *Mix) checkLeaks() (faults []fault.Fault) {
	if s.Ngram < 1 || s.Ngram > 100 {
		faults = append(faults, fault.Fault{Path: "ngram", Err: "ngram must lie between 1 and 100", Hint: "ngram: 13"})
	}
	if !(s.Overlap > 0 && s.Overlap <= 1) {
		faults = append(faults, fault.Fault{Path: "overlap", Err: "overlap must lie between 0 and 1", Hint: "overlap: 0.5"})
	}
	return faults
}

// Reads lists the files of the evaluation sets.
func (s *Mix) Reads() (all []pipeline.RawFile, err error) {
	var faults []error
	for i, c := range s.Decontaminate {
		files, err := c.source.Files()
		if err != nil {
			missing := &fault.Fault{Path: fmt.Sprintf("decontaminate[%d].%s.path", i, c.name), Err: err.Error()}
			if hint := (*fault.Hint)(nil); errors.As(err, &hint) {
				missing.Hint = hint.Fix
			}
			faults = append(faults, missing)
		}
		for _, f := range files {
			all = append(all, pipeline.RawFile{Name: fmt.Sprintf("%d/%s/%s", i, c.source.Name(), f.Name), Path: f.Path})
		}
	}
	return all, errors.Join(faults...)
}

// evaluation writes the n-grams of the evaluation sets' items.
func (s *Mix) evaluation(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (counts pipeline.Counts, err error) {
	w, err := newRecordWriter[leakRecord](env, evaluationFile)
	if err != nil {
		return counts, err
	}
	defer w.file.Abort()
	scanner := minhash.NewScanner(s.Ngram)
	short := 0
	for _, c := range s.Decontaminate {
		parts, err := c.source.Parts(ctx, 1<<62)
		if err != nil {
			return counts, err
		}
		for _, part := range parts {
			for d, err := range c.source.Read(ctx, part) {
				if err != nil { // an item that cannot be read cannot be looked for
					return counts, err
				}
				counts.Read++
				counts.Kept++
				set := scanner.Set(d.Text)
				if scanner.Words < s.Ngram {
					short++
					continue
				}
				id, err := parseID(d.ID)
				if err != nil {
					return counts, err
				}
				for _, x := range set {
					if err := w.write(leakRecord{id, x}); err != nil {
						return counts, err
					}
				}
			}
		}
	}
	if short > 0 {
		env.Progress.Say(fmt.Sprintf("%d of %d items of the evaluation sets have fewer than %d words and are not looked for; a smaller ngram finds them", short, counts.Read, s.Ngram))
	}
	return counts, w.close(&counts)
}

// heldOut writes the sampled n-grams of a shard's held-out documents.
func (s *Mix) heldOut(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	var task mixPart
	name, err := decodeShardTask(env, t, &task, &task.shardPart)
	if err != nil {
		return counts, err
	}
	j, err := readJoined(env)
	if err != nil {
		return counts, err
	}
	w, err := newRecordWriter[leakRecord](env, heldOutFile(task.Number))
	if err != nil {
		return counts, err
	}
	defer w.file.Abort()
	env.Progress.Expect(task.Rows, "documents")
	scanner := minhash.NewScanner(s.Ngram)
	for d, err := range readDocuments(env, name) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return counts, err
		}
		counts.Read++
		counts.Kept++
		if task.Cuts.split(j.draw(s.draws(env.Seed, d))) == Train {
			continue
		}
		set := scanner.Set(d.Text)
		if scanner.Words < s.Ngram {
			continue // nothing as short can be told from common phrases
		}
		id, err := parseID(d.ID)
		if err != nil {
			return counts, err
		}
		for _, x := range set[:min(len(set), sampledShingles)] {
			if err := w.write(leakRecord{id, x}); err != nil {
				return counts, err
			}
		}
	}
	return counts, w.close(&counts)
}

// A leakIndex finds items in documents. Memory: 18 bytes an n-gram, 16 n-grams a held-out document.
type leakIndex struct {
	minhash.Index
	ids []idRecord
}

func readLeaks(names ...string) (*leakIndex, error) {
	x := new(leakIndex)
	var id idRecord
	var own []uint64
	end := func() {
		if len(own) > 0 {
			x.Add(own)
			x.ids = append(x.ids, id)
			own = own[:0]
		}
	}
	for _, name := range names {
		for r, err := range readRecords[leakRecord](name) {
			if err != nil {
				return nil, err
			}
			if r.ID != id {
				end()
				id = r.ID
			}
			own = append(own, r.Shingle)
		}
	}
	end()
	x.Freeze()
	return x, nil
}

// leakIndexes returns the index of the held-out documents and that of the evaluation sets; all tasks of a process
// share them.
func (s *Mix) leakIndexes(env *pipeline.Env) (held, sets *leakIndex, err error) {
	s.once.Do(func() {
		var names []string
		for i, done := range env.Phase("held-out") {
			names = append(names, done.File(heldOutFile(i)))
		}
		if s.held, s.indexErr = readLeaks(names...); s.indexErr != nil {
			return
		}
		names = nil
		for _, done := range env.Phase("evaluation") {
			names = append(names, done.File(evaluationFile))
		}
		s.sets, s.indexErr = readLeaks(names...)
	})
	return s.held, s.sets, s.indexErr
}

// contaminated says why a document with items of the evaluation sets is dropped.
func (s *Mix) contaminated(sets *leakIndex, scanner *minhash.Scanner, d *Document) Drop {
	if item, share := sets.Best(scanner, d.Text); item >= 0 && share >= s.Overlap {
		return Drop{Rule: "mix.decontaminate", Value: share, Limit: s.Overlap, Note: "holds item " + sets.ids[item].String() + " of the evaluation sets"}
	}
	return Drop{}
}

// leaks collects a task's leaks from held-out documents.
type leaks struct {
	found []leak
}

// find says whether a training document repeats a held-out one, and why it is dropped if it is to be.
func (l *leaks) find(s *Mix, held *leakIndex, scanner *minhash.Scanner, d *Document) Drop {
	item, share := held.Best(scanner, d.Text)
	if item < 0 || share < s.Overlap {
		return Drop{}
	}
	id := held.ids[item].String()
	l.found = append(l.found, leak{d.ID, id, share, d.Source, d.Path})
	if s.Leaks == LeaksDrop {
		return Drop{Rule: "mix.leaks", Value: share, Limit: s.Overlap, Note: "repeats held-out document " + id}
	}
	return Drop{}
}

// write tells of the leaks, and lists them in a file.
func (l *leaks) write(env *pipeline.Env, number int, counts *pipeline.Counts) error {
	if len(l.found) == 0 {
		return nil
	}
	counts.Sum("leaks", int64(len(l.found)))
	first := l.found[0]
	env.Progress.Say(fmt.Sprintf("%d training documents repeat held-out ones; document %s holds %.0f %% of what was sampled of %s (all of them: leaks/%05d.parquet)", len(l.found), first.ID, 100*first.Share, first.HeldOut, number))
	file, err := shard.Write(filepath.Join(env.Out, "leaks", fmt.Sprintf("%05d.parquet", number)), func(yield func(leak, error) bool) {
		for r := range slices.Values(l.found) {
			if !yield(r, nil) {
				return
			}
		}
	})
	if err == nil {
		counts.Shards = append(counts.Shards, file)
	}
	return err
}
