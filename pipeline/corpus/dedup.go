package corpus

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
	"golang.org/x/text/unicode/norm"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/textstat"
)

// Dedup keeps the first of the documents with the same text: first in the order
// of `from`, then of the shards, then of the rows. Each dropped one names the
// document that it repeats.
//
// Three phases, with what meets hash-partitioned into files between:
//
//	sign    one task a shard: the fingerprint of each document → a file a bucket
//	group   one task a bucket: equal fingerprints → the rows to drop, a file a shard
//	filter  one task a shard
//
// Memory of a task, in bytes: sign and filter a page of documents; group 40 for
// each document of its bucket, of which there are about 4 million; filter 32 for
// each document to drop from its shard.
type Dedup struct {
	Match Match `yaml:"match" doc:"When two documents are the same. text: the same characters; words: the same words, whatever the case, accents, punctuation and spaces."`
}

// Match is what must be equal in two documents.
type Match string

// Values of Match.
const (
	MatchText  Match = "text"
	MatchWords Match = "words"
)

// Values lists what a Match can be.
func (Match) Values() []string { return []string{string(MatchText), string(MatchWords)} }

// NewDedup returns a Dedup that compares characters.
func NewDedup() *Dedup { return &Dedup{Match: MatchText} }

func (s *Dedup) Version() int             { return 1 }
func (s *Dedup) Inputs() []pipeline.Input { return documentInput() }
func (s *Dedup) Makes() pipeline.Kind     { return pipeline.Documents }

// Phases: sign, group, filter.
func (s *Dedup) Phases() []pipeline.Phase {
	return []pipeline.Phase{
		{Name: "sign", Tasks: shardTasks, Do: s.sign},
		{Name: "group", Tasks: groupTasks, Do: group},
		{Name: "filter", Tasks: shardTasks, Do: s.filter},
	}
}

// RuleDuplicate is why Dedup drops: value is the copy's number, from 2 on.
const RuleDuplicate = "dedup.match"

// bucketRows is about how many documents share a bucket.
const bucketRows = 4 << 20

// buckets returns how many buckets the fingerprints of the inputs fall into.
func buckets(env *pipeline.Env) uint64 {
	var rows int64
	for _, p := range shardParts(env) {
		rows += p.Rows
	}
	return uint64(1 + rows/bucketRows)
}

// A signature is the fingerprint of a document, and where the document is.
type signature struct {
	High     uint64   `parquet:"high"`
	Low      uint64   `parquet:"low"`
	Row      int64    `parquet:"row"`
	Document [16]byte `parquet:"document"` // its id
}

// A duplicate is a row to drop.
type duplicate struct {
	Row  int64    `parquet:"row"`
	Copy int64    `parquet:"copy"` // 2: the first repetition
	Of   [16]byte `parquet:"of"`   // id of the document that stays
}

func (s *Dedup) sign(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return counts, err
	}
	env.Progress.Expect(part.Rows, "documents")
	n := buckets(env)
	files := make([]*shard.Writer[signature], n)
	defer func() {
		for _, w := range files {
			if w != nil {
				w.Abort()
			}
		}
	}()
	row := int64(0)
	for d, err := range readDocuments(env, name) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return counts, err
		}
		sig := signature{Row: row}
		sig.High, sig.Low = s.fingerprint(d.Text)
		if k, err := hex.Decode(sig.Document[:], []byte(d.ID[:min(len(d.ID), 32)])); err != nil || k != 16 {
			return counts, &fault.RowError{File: name, Row: row, Err: fmt.Errorf("id %q is not 32 hex digits", d.ID)}
		}
		b := sig.High % n
		if files[b] == nil {
			if files[b], err = shard.Create[signature](filepath.Join(env.Out, bucketFile(part.Number, b))); err != nil {
				return counts, err
			}
		}
		if err := files[b].Write(sig); err != nil {
			return counts, err
		}
		row++
	}
	counts.Read, counts.Kept = row, row
	for _, w := range files {
		if w == nil {
			continue
		}
		written, err := w.Close()
		if err != nil {
			return counts, err
		}
		counts.Shards = append(counts.Shards, written)
	}
	return counts, nil
}

func bucketFile(shard int, bucket uint64) string {
	return fmt.Sprintf("sign-%05d-%04d.parquet", shard, bucket)
}

func duplicatesFile(shard int, bucket uint64) string {
	return fmt.Sprintf("duplicates-%05d-%04d.parquet", shard, bucket)
}

// fingerprint returns the 128-bit hash of what must be equal.
func (s *Dedup) fingerprint(text string) (high, low uint64) {
	if s.Match == MatchWords {
		var words strings.Builder
		for w := range textstat.Words(fold(text)) {
			words.WriteString(w)
			words.WriteByte(' ')
		}
		text = words.String()
	}
	h := xxh3.HashString128(text)
	return h.Hi, h.Lo
}

// fold gives text lower case and takes its accents away.
func fold(text string) string {
	text = norm.NFD.String(strings.ToLower(text))
	return strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, text)
}

// groupTasks makes a task of each bucket.
func groupTasks(_ context.Context, env *pipeline.Env) (tasks []pipeline.Task, err error) {
	for b := range buckets(env) {
		t, err := pipeline.NewTask(fmt.Sprintf("%04d", b), b)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// group sorts the fingerprints of a bucket, and lists all but the first of each.
func group(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	var bucket uint64
	if err := json.Unmarshal(t.Part, &bucket); err != nil {
		return counts, err
	}
	type entry struct {
		signature
		shard int32
	}
	var all []entry
	for i, done := range env.Phase("sign") {
		for name := range existing(done.Dir, bucketFile(i, bucket)) {
			for sig, err := range shard.Read[signature](name) {
				if err != nil {
					return counts, err
				}
				all = append(all, entry{sig, int32(i)})
			}
		}
		if ctx.Err() != nil {
			return counts, context.Cause(ctx)
		}
	}
	env.Progress.Expect(int64(len(all)), "documents")
	// Entries came in order, and a stable sort leaves them so among equals.
	slices.SortStableFunc(all, func(a, b entry) int {
		if c := compare(a.High, b.High); c != 0 {
			return c
		}
		return compare(a.Low, b.Low)
	})
	drops := map[int32][]duplicate{}
	for i, first := 0, 0; i < len(all); i++ {
		if all[i].High != all[first].High || all[i].Low != all[first].Low {
			first = i
		}
		if i > first {
			shard := all[i].shard
			drops[shard] = append(drops[shard], duplicate{Row: all[i].Row, Copy: int64(i - first + 1), Of: all[first].Document})
		}
	}
	env.Progress.Advance(int64(len(all)))
	for i := range int32(len(env.Phase("sign"))) {
		if len(drops[i]) == 0 {
			continue
		}
		rows := func(yield func(duplicate, error) bool) {
			for _, d := range drops[i] {
				if !yield(d, nil) {
					return
				}
			}
		}
		file, err := shard.Write(filepath.Join(env.Out, duplicatesFile(int(i), bucket)), iter.Seq2[duplicate, error](rows))
		if err != nil {
			return counts, err
		}
		counts.Shards = append(counts.Shards, file)
	}
	counts.Read, counts.Kept = int64(len(all)), int64(len(all))
	return counts, nil
}

func (s *Dedup) filter(ctx context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return pipeline.Counts{}, err
	}
	drops := map[int64]duplicate{}
	for bucket, done := range env.Phase("group") {
		for file := range existing(done.Dir, duplicatesFile(part.Number, uint64(bucket))) {
			for d, err := range shard.Read[duplicate](file) {
				if err != nil {
					return pipeline.Counts{}, err
				}
				drops[d.Row] = d
			}
		}
	}
	env.Progress.Expect(part.Rows, "documents")
	p := newPass(env, "dedup", part.Number)
	return p.close(p.dedup(ctx, part.prefix(), readDocuments(env, name), drops))
}

// dedup carries a shard's documents, without the rows to drop.
func (p *pass) dedup(ctx context.Context, prefix string, docs iter.Seq2[*Document, error], drops map[int64]duplicate) error {
	if _, err := p.shard(prefix); err != nil {
		return err
	}
	row := int64(0)
	for d, err := range docs {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		p.counts.Read++
		if dup, ok := drops[row]; ok {
			err = p.drop(d, Drop{Rule: RuleDuplicate, Value: float64(dup.Copy), Limit: 1, Note: repeats + hex.EncodeToString(dup.Of[:])})
		} else {
			err = p.keepSplit(d)
		}
		if err != nil {
			return err
		}
		row++
	}
	return nil
}

// repeats opens the note of a duplicate; the id follows.
const repeats = "same text as document "

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
