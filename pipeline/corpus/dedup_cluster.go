package corpus

import (
	"context"
	"fmt"
	"math"

	"fragua/pipeline"
	"fragua/pipeline/minhash"
	"fragua/pipeline/store"
)

func clustersFile(shard int) string { return fmt.Sprintf("clusters-%05d.bin", shard) }

// oneTask is the list of a phase of one task.
func oneTask(context.Context, *pipeline.Env) ([]pipeline.Task, error) {
	t, err := pipeline.NewTask("all", nil)
	return []pipeline.Task{t}, err
}

// clusters is what is known of each document: 16.125 bytes.
type clusters struct {
	union      *minhash.Union
	members    []uint32
	neighbor   []uint32
	similarity []float32
	dropped    []uint64 // a bit a document
}

const nobody = math.MaxUint32

func newClusters(n int) *clusters {
	c := &clusters{union: minhash.NewUnion(n), members: make([]uint32, n), neighbor: make([]uint32, n), similarity: make([]float32, n), dropped: make([]uint64, (n+63)/64)}
	for i := range c.neighbor {
		c.neighbor[i] = nobody
	}
	return c
}

func (c *clusters) gone(doc uint32) bool { return c.dropped[doc/64]>>(doc%64)&1 == 1 }

// near notes a neighbor, if it is nearer than the one known. Of two as near, the lesser number is.
func (c *clusters) near(doc, other uint32, similarity float32) {
	switch known := c.neighbor[doc]; {
	case known == nobody, similarity > c.similarity[doc], similarity == c.similarity[doc] && other < known:
		c.neighbor[doc], c.similarity[doc] = other, similarity
	}
}

// decide takes in all links of one document to better ones, which are all decided: it goes if one of them
// stays, and the nearest of those becomes its neighbor.
func (c *clusters) decide(links []linkRecord) {
	doc := links[0].Worse
	stays := linkRecord{Better: nobody}
	for _, l := range links {
		c.union.Join(doc, l.Better)
		if l.Similarity == proven {
			l.Similarity = 1
			if c.gone(l.Better) { // what it matches, its copies match
				l.Better, l.Similarity = c.neighbor[l.Better], c.similarity[l.Better]
			}
		}
		if !c.gone(l.Better) && (stays.Better == nobody || l.Similarity > stays.Similarity || l.Similarity == stays.Similarity && l.Better < stays.Better) {
			stays = l
		}
	}
	if stays.Better != nobody {
		c.dropped[doc/64] |= 1 << (doc % 64)
		c.neighbor[doc], c.similarity[doc] = stays.Better, stays.Similarity
	}
	for _, l := range links {
		s := min(l.Similarity, 1)
		if stays.Better == nobody {
			c.near(doc, l.Better, s)
		}
		if !c.gone(l.Better) {
			c.near(l.Better, doc, s)
		}
	}
}

// cluster decides on all documents that match others, in the declared order.
func (s *Dedup) cluster(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (counts pipeline.Counts, err error) {
	n := numberDocuments(env)
	total := int(n.total())
	links, err := sorter[linkRecord](env, "links", 4*sortedLinks)
	if err != nil {
		return counts, err
	}
	for _, phase := range []string{"group", "verify"} {
		for i, done := range env.Phase(phase) {
			name := done.File(linksFile(i))
			if !store.Exists(name) {
				continue // no pairs
			}
			for l, err := range readRecords[linkRecord](name) {
				if err == nil {
					err = links.Add(l)
				}
				if err != nil {
					return counts, err
				}
			}
		}
		if ctx.Err() != nil {
			return counts, context.Cause(ctx)
		}
	}
	c := newClusters(total)
	var own []linkRecord
	for l, err := range links.All() {
		if err != nil {
			return counts, err
		}
		if len(own) > 0 && own[0].Worse != l.Worse {
			c.decide(own)
			own = own[:0]
		}
		own = append(own, l)
	}
	if len(own) > 0 {
		c.decide(own)
	}
	for doc := range uint32(total) {
		c.members[c.union.Find(doc)]++
	}
	for _, p := range n.parts {
		if err := c.write(env, &counts, n, p); err != nil {
			return counts, err
		}
	}
	counts.Read, counts.Kept = int64(total), int64(total)
	return counts, nil
}

// write writes what becomes of a shard's documents.
func (c *clusters) write(env *pipeline.Env, counts *pipeline.Counts, n numbering, p shardPart) error {
	return writeRecords(env, counts, clustersFile(p.Number), func(yield func(clusterRecord, error) bool) {
		first := uint32(n.first[p.Number])
		for row := range uint32(p.Rows) {
			doc := first + row
			root := c.union.Find(doc)
			if c.members[root] < 2 {
				continue
			}
			if !yield(clusterRecord{row, root, c.members[root], c.neighbor[doc], c.similarity[doc], c.gone(doc)}, nil) {
				return
			}
		}
	})
}
