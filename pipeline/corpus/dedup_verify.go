package corpus

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

func setsFile(shard int) string  { return fmt.Sprintf("sets-%05d.bin", shard) }
func whereFile(shard int) string { return fmt.Sprintf("where-%05d.bin", shard) }

// within yields the records of a sorted file of each task of the phase group that are about a shard's documents.
func (n numbering) within(shard int) (from, to func(doc uint32) bool) {
	first, end := n.first[shard], n.first[shard+1]
	return func(doc uint32) bool { return int64(doc) >= first }, func(doc uint32) bool { return int64(doc) >= end }
}

// shingle writes the sets of shingles of the documents that stand in pairs, and where each lies.
func (s *Dedup) shingle(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return counts, err
	}
	n := numberDocuments(env)
	from, to := n.within(part.Number)
	suspect := make([]uint64, (part.Rows+63)/64) // a bit a row
	found := false
	same := map[int64]sameRecord{} // of suspects
	groups := env.Phase("group")
	for i, done := range groups {
		for d, err := range readRange(done.File(suspectsFile(i)), func(d docRecord) bool { return from(uint32(d)) }, func(d docRecord) bool { return to(uint32(d)) }) {
			if err != nil {
				return counts, err
			}
			row := int64(d) - n.first[part.Number]
			suspect[row/64] |= 1 << (row % 64)
			found = true
		}
	}
	if !found {
		return counts, nil
	}
	for i, done := range groups {
		for r, err := range readRange(done.File(sameFile(i)), func(r sameRecord) bool { return from(r.Doc) }, func(r sameRecord) bool { return to(r.Doc) }) {
			if err != nil {
				return counts, err
			}
			if row := int64(r.Doc) - n.first[part.Number]; suspect[row/64]>>(row%64)&1 == 1 {
				same[row] = r
			}
		}
	}
	env.Progress.Expect(part.Rows, "documents")
	near := s.Match.match.(nearMatch)
	signer := s.newSigner(near)
	where, err := newRecordWriter[setRecord](env, whereFile(part.Number))
	if err != nil {
		return counts, err
	}
	defer where.file.Abort()
	setsName := filepath.Join(env.Out, setsFile(part.Number))
	sets, err := store.Create(setsName)
	if err != nil {
		return counts, err
	}
	defer sets.Abort()
	w := bufio.NewWriterSize(sets, 1<<18)
	var b [8]byte
	row, offset := int64(0), uint64(0)
	for d, err := range readDocuments(env, name) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return counts, err
		}
		var r setRecord
		if suspect[row/64]>>(row%64)&1 == 1 {
			set := signer.scanner.Set(d.Text)
			r = setRecord{Offset: offset, Numbers: uint32(len(set)), Best: uint32(n.first[part.Number] + row)}
			if best, ok := same[row]; ok {
				r.Best, r.Order = best.Best, best.Order
			} else {
				r.Order = near.rank(signer, d)
			}
			for _, x := range set {
				binary.LittleEndian.PutUint64(b[:], x)
				if _, err := w.Write(b[:]); err != nil {
					return counts, store.DiskFull(setsName, err)
				}
			}
			offset += 8 * uint64(len(set))
		}
		if err := where.write(r); err != nil {
			return counts, err
		}
		row++
	}
	counts.Read, counts.Kept = row, row
	if err := where.close(&counts); err != nil {
		return counts, err
	}
	if err := w.Flush(); err != nil {
		return counts, store.DiskFull(setsName, err)
	}
	return counts, commitFile(sets, setsName, &counts)
}

// verify compares the pairs whose lesser document lies in a shard.
func (s *Dedup) verify(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	part, _, err := shardOf(env, t)
	if err != nil {
		return counts, err
	}
	n := numberDocuments(env)
	from, to := n.within(part.Number)
	pairs, err := sorter[pairRecord](env, "pairs", sortedLinks)
	if err != nil {
		return counts, err
	}
	all := int64(0)
	for i, done := range env.Phase("group") {
		for p, err := range readRange(done.File(pairsFile(i)), func(p pairRecord) bool { return from(p.A) }, func(p pairRecord) bool { return to(p.A) }) {
			if err == nil {
				err = pairs.Add(p)
			}
			if err != nil {
				return counts, err
			}
			all++
		}
	}
	if all == 0 {
		return counts, nil
	}
	env.Progress.Expect(all, "pairs")
	links, err := sorter[linkRecord](env, "links", sortedLinks)
	if err != nil {
		return counts, err
	}
	near := s.Match.match.(nearMatch)
	files := newFiles(env.Phase("shingle"))
	defer files.close()
	var a, b shingleSet
	for p, err := range merged(pairs.All()) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil && (!a.read || a.doc != p.A) {
			if err = files.find(n, p.A, &a); err == nil {
				err = files.load(n, &a)
			}
		}
		if err == nil {
			err = files.find(n, p.B, &b)
		}
		if err != nil {
			return counts, err
		}
		counts.Read++
		env.Progress.Advance(int64(p.Count))
		small, large := min(a.Numbers, b.Numbers), max(a.Numbers, b.Numbers)
		similarity := 0.
		if near.possible(p.Count, int(small), int(large)) {
			if err := files.load(n, &b); err != nil {
				return counts, err
			}
			similarity = near.compare(a.set, b.set)
		}
		if similarity < near.limit() {
			counts.Drop("not similar enough")
			continue
		}
		counts.Kept++
		worse, better := a.setRecord, b.setRecord
		if cmp.Or(cmp.Compare(worse.Order, better.Order), cmp.Compare(worse.Best, better.Best)) < 0 {
			worse, better = better, worse
		}
		if err := links.Add(linkRecord{Order: worse.Order, Worse: worse.Best, Better: better.Best, Similarity: float32(similarity)}); err != nil {
			return counts, err
		}
	}
	return counts, writeRecords(env, &counts, linksFile(part.Number), links.All())
}

// A shingleSet is a document's set of shingles.
type shingleSet struct {
	setRecord
	doc  uint32
	read bool
	set  []uint64
	buf  []byte
}

// files holds files of the tasks of a phase open, and a bounded number of them.
type files struct {
	tasks []pipeline.Done
	open  map[string]store.Reader
	order []string
}

func newFiles(tasks []pipeline.Done) *files {
	return &files{tasks: tasks, open: map[string]store.Reader{}}
}

// get opens a file of a task.
func (f *files) get(task int, name string) (store.Reader, error) {
	const most = 64
	name = f.tasks[task].File(name)
	if file := f.open[name]; file != nil {
		return file, nil
	}
	if len(f.order) == most {
		f.open[f.order[0]].Close()
		delete(f.open, f.order[0])
		f.order = f.order[1:]
	}
	file, err := store.Open(context.Background(), name)
	if err == nil {
		f.open[name] = file
		f.order = append(f.order, name)
	}
	return file, err
}

func (f *files) close() {
	for _, file := range f.open {
		file.Close()
	}
}

// find reads where a document's set lies.
func (f *files) find(n numbering, doc uint32, set *shingleSet) error {
	shard, row := n.find(doc)
	file, err := f.get(shard, whereFile(shard))
	if err != nil {
		return err
	}
	var b [24]byte
	if _, err := file.ReadAt(b[:], row*int64(len(b))); err != nil {
		return &fault.RowError{File: file.Info().Name, Row: row, Err: err}
	}
	set.setRecord, set.doc, set.read = setRecord{}.Get(b[:]), doc, false
	return nil
}

// load reads the set itself.
func (f *files) load(n numbering, set *shingleSet) error {
	shard, row := n.find(set.doc)
	file, err := f.get(shard, setsFile(shard))
	if err != nil {
		return err
	}
	size := 8 * int(set.Numbers)
	if cap(set.buf) < size {
		set.buf, set.set = make([]byte, size+size/4), make([]uint64, 0, int(set.Numbers)+int(set.Numbers)/4)
	}
	b := set.buf[:size]
	if _, err := file.ReadAt(b, int64(set.Offset)); err != nil {
		return &fault.RowError{File: file.Info().Name, Row: row, Err: err}
	}
	set.set = set.set[:set.Numbers]
	for i := range set.set {
		set.set[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	set.read = true
	return nil
}
