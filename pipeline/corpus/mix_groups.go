package corpus

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/minhash"
	"fragua/pipeline/shard"
)

// What stays together in one split: the documents of a group (a book, an address), the groups that share a cluster of
// dedup, and the editions of a book. Each group has a draw, a number that depends on the seed and on its name; groups that
// hang together take the draw of one of them.

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

// draws returns the draws of all that a document belongs to; its own group's is the first.
func (s *Mix) draws(seed uint64, d *Document) []uint64 {
	var own []uint64
	add := func(name string) { own = append(own, draw(seed, "split", name)) }
	group := s.group(d)
	// A document that stands for itself goes with its cluster.
	if alone := strings.HasPrefix(group, "id\x00"); !alone || d.Cluster == "" || s.GroupBy == ByID {
		add(group)
	}
	if s.GroupBy == ByID {
		return own
	}
	if d.Cluster != "" {
		add("cluster\x00" + d.Cluster)
	}
	if s.GroupBy == ByBook {
		if edition := editionKey(d); edition != "" && isChapter(d) {
			add("edition\x00" + edition)
		}
	}
	return own
}

// A joinRecord says that two groups hang together; or, in the file of all, that From takes the draw To.
type joinRecord struct{ From, To uint64 }

func (joinRecord) Size() int { return 16 }
func (r joinRecord) Put(b []byte) {
	binary.LittleEndian.PutUint64(b, r.From)
	binary.LittleEndian.PutUint64(b[8:], r.To)
}
func (joinRecord) Get(b []byte) joinRecord {
	return joinRecord{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}
func (r joinRecord) Compare(o joinRecord) int {
	return cmp.Or(cmp.Compare(r.From, o.From), cmp.Compare(r.To, o.To))
}

func joinFile(shard int) string { return fmt.Sprintf("join-%05d.bin", shard) }

const joinedFile = "joined.bin"

// groupRow is all of a document that grouping and weighing need to read.
type groupRow struct {
	ID          string `parquet:"id"`
	Source      string `parquet:"source,dict"`
	Path        string `parquet:"path,dict"`
	URL         string `parquet:"url"`
	Title       string `parquet:"title"`
	Author      string `parquet:"author,dict"`
	Language    string `parquet:"language,dict"`
	Metadata    string `parquet:"metadata"`
	Words       int64  `parquet:"words"`
	Cluster     string `parquet:"cluster,optional"`
	ClusterSize int64  `parquet:"cluster_size,optional"`
}

func (r *groupRow) document() *Document {
	return &Document{ID: r.ID, Source: r.Source, Path: r.Path, URL: r.URL, Title: r.Title, Author: r.Author, Language: r.Language,
		Metadata: r.Metadata, Words: r.Words, Cluster: r.Cluster, ClusterSize: r.ClusterSize}
}

// link lists the groups of a shard that hang together.
func (s *Mix) link(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return counts, err
	}
	joins, err := sorter[joinRecord](env, "joins", sortedLinks)
	if err != nil {
		return counts, err
	}
	var last joinRecord
	for row, err := range shard.Read[groupRow](name) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return counts, err
		}
		own := s.draws(env.Seed, row.document())
		for _, other := range own[1:] {
			if j := (joinRecord{own[0], other}); j != last { // chapters of a book say the same
				if last = j; joins.Add(j) != nil {
					return counts, joins.Add(j)
				}
			}
		}
		counts.Read++
		counts.Kept++
	}
	return counts, writeRecords(env, &counts, joinFile(part.Number), joins.All())
}

// join finds what hangs together over all shards. Memory: 28 bytes for each group that stands in a cluster or is an
// edition.
func (s *Mix) join(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (counts pipeline.Counts, err error) {
	var joins []joinRecord
	var all []uint64
	for i, done := range env.Phase("link") {
		for j, err := range readRecords[joinRecord](done.File(joinFile(i))) {
			if err != nil {
				return counts, err
			}
			joins = append(joins, j)
			all = append(all, j.From, j.To)
		}
		if ctx.Err() != nil {
			return counts, context.Cause(ctx)
		}
	}
	all = distinct(all)
	number := func(draw uint64) uint32 {
		i, _ := slices.BinarySearch(all, draw)
		return uint32(i)
	}
	u := minhash.NewUnion(len(all))
	for _, j := range joins {
		u.Join(number(j.From), number(j.To))
	}
	return counts, writeRecords(env, &counts, joinedFile, func(yield func(joinRecord, error) bool) {
		for i, from := range all {
			// The least of several draws is small more often than one: drawn again, it is not.
			least := all[u.Find(uint32(i))]
			if !yield(joinRecord{from, draw(least, "joined", "")}, nil) {
				return
			}
		}
	})
}

// joined holds what join found: 16 bytes a group.
type joined []joinRecord

func readJoined(env *pipeline.Env) (j joined, err error) {
	for r, err := range readRecords[joinRecord](env.Phase("join")[0].File(joinedFile)) {
		if err != nil {
			return nil, err
		}
		j = append(j, r)
	}
	return j, nil
}

// draw returns the draw that decides a document's split.
func (j joined) draw(own []uint64) uint64 {
	if i, ok := slices.BinarySearchFunc(j, own[0], func(r joinRecord, draw uint64) int { return cmp.Compare(r.From, draw) }); ok {
		return j[i].To
	}
	return own[0]
}
