package corpus

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/minhash"
)

// Dedup keeps one of the documents that match, by the order that Keep declares. Each dropped one names the document
// that stays and how similar it is. What matched stands in the columns cluster, cluster_size, neighbor, similarity.
//
// A document is dropped only if it was compared with one that stays: similarity is not handed on, from a over b to c.
//
//	sign      a task a shard: the keys of each document → one file, by partition
//	group     a task a partition: equal keys → links (proven) and pairs (to be verified)
//	shingle   a task a shard: the sets of shingles of the documents in pairs        } near duplicates
//	verify    a task a shard: the true similarity of each pair → links              } alone
//	cluster   one task: links in the declared order → what becomes of each document
//	filter    a task a shard
//
// Memory, beside a shard's page and the longest document: cluster 16.2 bytes for each document of all inputs; the other
// phases have bounds that do not grow with the corpus: 48 MB a task for sorting, beyond which it goes on on disk.
type Dedup struct {
	Match  MatchChoice `yaml:"match" doc:"What makes two documents the same."`
	Keep   Survivor    `yaml:"keep" doc:"Which of the documents that match stays: first in the order of from, shards and rows; longest, newest or oldest (ties: the first). With contained it is always the longest."`
	Prefer []string    `yaml:"prefer" doc:"Sources whose documents stay rather than those of sources behind them or not named, before keep is asked."`
	Drop   bool        `yaml:"drop" doc:"Drop all but one of the documents that match; false only fills in the columns cluster, cluster_size, neighbor and similarity."`
}

// Survivor is a declared order of documents: the first in it stays.
type Survivor string

// Values of Survivor.
const (
	SurvivorFirst   Survivor = "first"
	SurvivorLongest Survivor = "longest"
	SurvivorNewest  Survivor = "newest"
	SurvivorOldest  Survivor = "oldest"
)

// Values lists what a Survivor can be.
func (Survivor) Values() []string {
	return []string{string(SurvivorFirst), string(SurvivorLongest), string(SurvivorNewest), string(SurvivorOldest)}
}

// NewDedup returns a Dedup that compares characters.
func NewDedup() *Dedup {
	s := &Dedup{Keep: SurvivorFirst, Drop: true}
	s.Match.Choose("text", matches["text"]())
	return s
}

func (s *Dedup) Version() int             { return 2 }
func (s *Dedup) Inputs() []pipeline.Input { return documentInput() }
func (s *Dedup) Makes() pipeline.Kind     { return pipeline.Documents }

// Check finds what types cannot show.
func (s *Dedup) Check() (faults []fault.Fault) {
	if len(s.Prefer) > 200 {
		faults = missing("prefer", fmt.Sprintf("prefer names %d sources, more than 200", len(s.Prefer)), "prefer: [books, web]")
	}
	if faults == nil {
		faults = s.Match.match.check(s)
	}
	return faults
}

// Phases: see Dedup.
func (s *Dedup) Phases() []pipeline.Phase { return s.Match.match.phases(s) }

// clusterPhases are those of matches that compare whole documents.
func (s *Dedup) clusterPhases(near bool) []pipeline.Phase {
	list := []pipeline.Phase{
		{Name: "sign", Tasks: s.signTasks, Do: s.sign},
		{Name: "group", Tasks: s.groupTasks, Do: s.group},
	}
	if near {
		list = append(list,
			pipeline.Phase{Name: "shingle", Tasks: shardTasks, Do: s.shingle},
			pipeline.Phase{Name: "verify", Tasks: shardTasks, Do: s.verify})
	}
	return append(list,
		pipeline.Phase{Name: "cluster", Exclusive: true, Tasks: oneTask, Do: s.cluster},
		pipeline.Phase{Name: "filter", Tasks: shardTasks, Do: s.filter})
}

// signTasks refuses what cannot be numbered.
func (s *Dedup) signTasks(ctx context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	if n := numberDocuments(env).total(); n >= math.MaxUint32 {
		return nil, fmt.Errorf("dedup: %d documents are more than the %d that it can number", n, uint32(math.MaxUint32)-1)
	}
	return shardTasks(ctx, env)
}

// order returns what a document is kept by: the least stays. Ties are broken by the documents' numbers.
func (s *Dedup) order(d *Document, words int) uint64 {
	const most = 1<<56 - 1
	rank := slices.Index(s.Prefer, d.Source)
	if rank < 0 {
		rank = len(s.Prefer)
	}
	var key uint64
	switch s.Keep {
	case SurvivorLongest:
		key = most - uint64(words)
	case SurvivorNewest:
		key = most - dateNumber(d.Date)
	case SurvivorOldest:
		if key = dateNumber(d.Date); key == 0 {
			key = most
		}
	}
	return uint64(rank)<<56 | key
}

// dateNumber returns an ISO date as yyyymmdd; 0 if there is none.
func dateNumber(date string) uint64 {
	digits := make([]byte, 0, 8)
	for i := 0; i < len(date) && len(digits) < 8; i++ {
		if c := date[i]; '0' <= c && c <= '9' {
			digits = append(digits, c)
		} else if c != '-' {
			break
		}
	}
	for len(digits) > 0 && len(digits) < 8 {
		digits = append(digits, '0')
	}
	n, _ := strconv.ParseUint(string(digits), 10, 64) // digits, or "" and then 0
	return n
}

// numbering gives each document of all inputs a number: first[i] is that of shard i's first row.
type numbering struct {
	parts []shardPart
	first []int64
}

func numberDocuments(env *pipeline.Env) numbering {
	n := numbering{parts: shardParts(env), first: []int64{0}}
	for _, p := range n.parts {
		n.first = append(n.first, n.first[len(n.first)-1]+p.Rows)
	}
	return n
}

func (n numbering) total() int64 { return n.first[len(n.first)-1] }

// find returns a document's shard and row.
func (n numbering) find(doc uint32) (shard int, row int64) {
	shard = sort.Search(len(n.parts), func(i int) bool { return n.first[i+1] > int64(doc) })
	return shard, int64(doc) - n.first[shard]
}

// sorter returns a Sorter that spills into the task's scratch.
func sorter[T minhash.Record[T]](env *pipeline.Env, name string, limit int) (*minhash.Sorter[T], error) {
	dir, err := scratchDir(env, name)
	return &minhash.Sorter[T]{Dir: dir, Limit: limit}, err
}
