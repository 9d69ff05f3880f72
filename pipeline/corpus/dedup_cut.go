package corpus

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"

	"fragua/pipeline"
	"fragua/pipeline/minhash"
)

// cutPhases are those of matches that compare parts of documents.
//
//	sign     a task a shard: the keys of each part → one file, by partition
//	group    a task a partition: the parts to cut
//	filter   a task a shard
func (s *Dedup) cutPhases() []pipeline.Phase {
	return []pipeline.Phase{
		{Name: "sign", Tasks: s.signTasks, Do: s.signParts},
		{Name: "group", Tasks: s.partGroupTasks, Do: s.groupParts},
		{Name: "filter", Tasks: shardTasks, Do: s.cutParts},
	}
}

// A partRecord is a part to cut.
type partRecord struct {
	Doc, Part uint32
	Of        uint32 // a document in which it stays, or the first in which it stood
}

func (partRecord) Size() int { return 12 }
func (r partRecord) Put(b []byte) {
	binary.LittleEndian.PutUint32(b, r.Doc)
	binary.LittleEndian.PutUint32(b[4:], r.Part)
	binary.LittleEndian.PutUint32(b[8:], r.Of)
}
func (partRecord) Get(b []byte) partRecord {
	le := binary.LittleEndian
	return partRecord{le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])}
}
func (r partRecord) Compare(o partRecord) int {
	return cmp.Or(cmp.Compare(r.Doc, o.Doc), cmp.Compare(r.Part, o.Part), cmp.Compare(r.Of, o.Of))
}

func partsFile(task int) string { return fmt.Sprintf("parts-%05d.bin", task) }

func (s *Dedup) partGroupTasks(_ context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	return partitionTasks(s.partitions(env, s.Match.match.(cutter)))
}

// signParts writes the keys of the parts of a shard's documents.
func (s *Dedup) signParts(ctx context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
	m := s.Match.match.(cutter)
	signer := &signer{order: s.order, scanner: minhash.NewScanner(1)}
	return s.writeKeys(ctx, env, t, s.partitions(env, m), func(d *Document, doc uint32, add func(keyRecord) error) (err error) {
		order := s.order(d, int(d.Words))
		m.parts(signer, d, func(key minhash.Key, part uint32) {
			if err == nil {
				err = add(keyRecord{Key: key, Order: order, Doc: doc, Extra: part})
			}
		})
		return err
	})
}

// groupParts finds the parts of a partition that stand in enough documents.
func (s *Dedup) groupParts(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	var part [2]int
	if err := json.Unmarshal(t.Part, &part); err != nil {
		return counts, err
	}
	parts, err := sorter[partRecord](env, "parts", sortedLinks)
	if err != nil {
		return counts, err
	}
	least, keepFirst := s.Match.match.(cutter).documents()
	var first, last keyRecord
	var waiting []partRecord // until there are enough documents
	documents := 0
	add := func(r keyRecord) error {
		switch {
		case documents == 0 || r.Key != first.Key:
			first, documents, waiting = r, 1, waiting[:0]
		case r.Doc != last.Doc:
			documents++
		}
		last = r
		if keepFirst && r.Doc == first.Doc {
			return nil
		}
		waiting = append(waiting, partRecord{r.Doc, r.Extra, first.Doc})
		if documents < least {
			return nil
		}
		for _, p := range waiting {
			if err := parts.Add(p); err != nil {
				return err
			}
		}
		waiting = waiting[:0]
		return nil
	}
	for r, err := range sortedKeys(ctx, env, part[0], part[1]) {
		if err == nil {
			err = add(r)
		}
		if err != nil {
			return counts, err
		}
		counts.Read++
		counts.Kept++
	}
	return counts, writeRecords(env, &counts, partsFile(part[0]), parts.All())
}

// cutParts carries a shard's documents without the parts to cut. What has no words left is dropped.
func (s *Dedup) cutParts(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return counts, err
	}
	n := numberDocuments(env)
	from, to := n.within(part.Number)
	parts, err := sorter[partRecord](env, "parts", sortedLinks)
	if err != nil {
		return counts, err
	}
	for i, done := range env.Phase("group") {
		for p, err := range readRange(done.File(partsFile(i)), func(p partRecord) bool { return from(p.Doc) }, func(p partRecord) bool { return to(p.Doc) }) {
			if err == nil {
				err = parts.Add(p)
			}
			if err != nil {
				return counts, err
			}
		}
	}
	next, stop := iter.Pull2(parts.All())
	defer stop()
	ids := &idReader{n: n, files: newFiles(env.Phase("sign"))}
	defer ids.files.close()
	env.Progress.Expect(part.Rows, "documents")
	p, err := passOver(env, "dedup", part.Number, name)
	if err != nil {
		return pipeline.Counts{}, err
	}
	return p.close(p.cut(ctx, part.prefix(), readDocuments(env, name), s, uint32(n.first[part.Number]), ids, next))
}

// cut carries documents; doc is the number of the first, next returns the next part to cut.
func (p *pass) cut(ctx context.Context, prefix string, docs iter.Seq2[*Document, error], s *Dedup, doc uint32, ids *idReader, next func() (partRecord, error, bool)) error {
	if _, err := p.shard(prefix); err != nil {
		return err
	}
	m := s.Match.match.(cutter)
	r, err, more := next()
	var parts []uint32
	for d, bad := range docs {
		if err == nil {
			err = bad
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		p.counts.Read++
		parts = parts[:0]
		of := uint32(0)
		for more && r.Doc == doc && err == nil {
			if of = r.Of; len(parts) == 0 || parts[len(parts)-1] != r.Part {
				parts = append(parts, r.Part)
			}
			r, err, more = next()
		}
		if len(parts) > 0 && s.Drop {
			text := m.cut(d.Text, parts)
			if len(minhash.Words(text)) == 0 {
				id, err := ids.id(of)
				if err == nil {
					err = p.drop(d, Drop{Rule: RuleDuplicate + s.Match.name, Value: 1, Limit: 1, Note: "all of it stands in other documents, such as " + id})
				}
				if err != nil {
					return err
				}
				doc++
				continue
			}
			p.counts.Sum("bytes cut", int64(len(d.Text)-len(text)))
			p.counts.Sum("documents cut", 1)
			d.Text = text
			d.Words = countWords(d)
		}
		if err := p.keepSplit(d); err != nil {
			return err
		}
		doc++
	}
	return err
}
