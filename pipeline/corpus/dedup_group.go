package corpus

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"fragua/pipeline"
	"fragua/pipeline/minhash"
)

// window is how many of the documents before it, of those that share a key, a document is compared with; and with the
// first of them. What is similar without having met here meets by another key.
const window = 16

// proven is the similarity of a link by equal words. What such a link's better document matches, the worse one does too.
const proven = 2

func linksFile(task int) string    { return fmt.Sprintf("links-%05d.bin", task) }
func pairsFile(task int) string    { return fmt.Sprintf("pairs-%05d.bin", task) }
func sameFile(task int) string     { return fmt.Sprintf("same-%05d.bin", task) }
func suspectsFile(task int) string { return fmt.Sprintf("suspects-%05d.bin", task) }

// groupTasks makes a task of each partition.
func (s *Dedup) groupTasks(_ context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	return partitionTasks(s.partitions(env, s.Match.match.(comparer)))
}

func partitionTasks(n int) (tasks []pipeline.Task, err error) {
	for i := range n {
		t, err := pipeline.NewTask(fmt.Sprintf("%05d", i), [2]int{i, n})
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// sortedKeys yields the keys of a partition in order.
func sortedKeys(ctx context.Context, env *pipeline.Env, partition, partitions int) iter.Seq2[keyRecord, error] {
	return func(yield func(keyRecord, error) bool) {
		keys, err := sorter[keyRecord](env, "keys", partitionKeys)
		for i, done := range env.Phase("sign") {
			if err == nil {
				err = readKeys(done.File(keysFile(i)), partition, partitions, keys.Add)
			}
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
		}
		if err != nil {
			yield(keyRecord{}, err)
			return
		}
		for r, err := range keys.All() {
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// group finds the documents that share a key of a partition.
func (s *Dedup) group(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	var part [2]int
	if err := json.Unmarshal(t.Part, &part); err != nil {
		return counts, err
	}
	g, err := newGrouper(env)
	if err != nil {
		return counts, err
	}
	for r, err := range sortedKeys(ctx, env, part[0], part[1]) {
		if err == nil {
			err = g.add(r)
		}
		if err != nil {
			return counts, err
		}
		counts.Read++
		counts.Kept++
	}
	err = writeRecords(env, &counts, linksFile(part[0]), g.links.All())
	if err == nil {
		err = writeRecords(env, &counts, pairsFile(part[0]), merged(g.pairs.All()))
	}
	if err == nil {
		err = writeRecords(env, &counts, sameFile(part[0]), g.same.All())
	}
	if err == nil {
		err = writeRecords(env, &counts, suspectsFile(part[0]), once(g.suspects.All()))
	}
	return counts, err
}

// once yields each of equal records that follow each other once.
func once(docs iter.Seq2[docRecord, error]) iter.Seq2[docRecord, error] {
	return func(yield func(docRecord, error) bool) {
		last, any := docRecord(0), false
		for d, err := range docs {
			if err == nil && any && d == last {
				continue
			}
			if last, any = d, true; !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// A grouper sees sorted keys.
type grouper struct {
	links    *minhash.Sorter[linkRecord]
	pairs    *minhash.Sorter[pairRecord]
	same     *minhash.Sorter[sameRecord]
	suspects *minhash.Sorter[docRecord]

	first  keyRecord // of the key
	begun  bool
	last   keyRecord
	recent []uint32 // the documents before, at most window; a ring
	seen   int      // how many there were
}

func newGrouper(env *pipeline.Env) (g *grouper, err error) {
	g = new(grouper)
	if g.links, err = sorter[linkRecord](env, "links", sortedLinks); err != nil {
		return nil, err
	}
	if g.pairs, err = sorter[pairRecord](env, "pairs", sortedLinks); err != nil {
		return nil, err
	}
	if g.same, err = sorter[sameRecord](env, "same", sortedLinks); err != nil {
		return nil, err
	}
	g.suspects, err = sorter[docRecord](env, "suspects", sortedLinks)
	return g, err
}

func (g *grouper) add(r keyRecord) error {
	if !g.begun || r.Key != g.first.Key {
		g.first, g.begun, g.seen, g.recent = r, true, 0, g.recent[:0]
		if r.Key.High&1 == 0 {
			return g.meet(r)
		}
		return nil
	}
	if r.Key.High&1 == 0 {
		return g.meet(r)
	}
	if r.Extra != 0 && r.Extra == g.first.Extra { // another chapter of the edition that stays
		return nil
	}
	if err := g.same.Add(sameRecord{Order: g.first.Order, Doc: r.Doc, Best: g.first.Doc}); err != nil {
		return err
	}
	return g.links.Add(linkRecord{Order: r.Order, Worse: r.Doc, Better: g.first.Doc, Similarity: proven})
}

// meet pairs a document with those that had the same key.
func (g *grouper) meet(r keyRecord) error {
	if g.seen > 0 && r.Order == g.last.Order { // the same words: the first speaks for all
		return nil
	}
	g.last = r
	if r.Extra == queried && g.seen > 0 {
		for _, other := range g.recent {
			if err := g.pair(r.Doc, other); err != nil {
				return err
			}
		}
		if g.seen > window {
			if err := g.pair(r.Doc, g.first.Doc); err != nil {
				return err
			}
		}
	}
	if len(g.recent) < window {
		g.recent = append(g.recent, r.Doc)
	} else {
		g.recent[g.seen%window] = r.Doc
	}
	g.seen++
	return nil
}

// pair notes two documents to be compared. The lesser number comes first.
func (g *grouper) pair(a, b uint32) error {
	if err := g.pairs.Add(pairRecord{min(a, b), max(a, b), 1}); err != nil {
		return err
	}
	if err := g.suspects.Add(docRecord(a)); err != nil {
		return err
	}
	return g.suspects.Add(docRecord(b))
}
