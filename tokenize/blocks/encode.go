package blocks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/zeebo/xxh3"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// splits are the names that the column `split` may hold; "" is train.
var splits = []string{"train", "validation", "test"}

// packShard is one task of encode.
type packShard struct {
	Input int    `json:"input"` // number among the directories given
	Name  string `json:"name"`
}

func (p *Pack) shards(_ context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	var tasks []pipeline.Task
	for i, dir := range texts(env) {
		for _, s := range dir.Manifest.Shards {
			if ok, _ := filepath.Match("*.parquet", s.Name); !ok { // rejects lie deeper
				continue
			}
			t, err := pipeline.NewTask(fmt.Sprintf("%05d", len(tasks)), packShard{i, s.Name})
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// packDocument is what encode reads of a document or an example.
type packDocument struct {
	ID     string `parquet:"id"`
	Text   string `parquet:"text"`
	Target string `parquet:"target,optional"` // of a pair
	Split  string `parquet:"split"`
}

// unlabelled is the split of examples without a label, which nothing is judged by.
const unlabelled = "unlabelled"

func (p *Pack) encode(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	var part packShard
	if err := json.Unmarshal(t.Part, &part); err != nil {
		return counts, err
	}
	tok, err := p.tokenizer(env)
	if err != nil {
		return counts, err
	}
	outs := map[string]*splitRows{}
	defer func() {
		for _, o := range outs {
			err = errors.Join(err, o.close())
		}
	}()
	dir := texts(env)[part.Input]
	path := dir.File(part.Name)
	if rows := shardRows(dir, part.Name); rows > 0 {
		env.Progress.Expect(rows, "documents")
	}
	var ids []int32
	for doc, err := range shard.Read[packDocument](path) {
		if err != nil {
			return counts, err
		}
		if err := ctx.Err(); err != nil {
			return counts, err
		}
		if doc.Target != "" {
			return counts, fault.Hintf(&fault.RowError{File: path, Row: counts.Read, Err: fmt.Errorf("example %s is a pair or a conversation, not a text", doc.ID)},
				"pack documents or labelled texts")
		}
		split := doc.Split
		if split == "" || split == unlabelled {
			split = "train"
		}
		if !slices.Contains(splits, split) {
			return counts, fault.Hintf(&fault.RowError{File: path, Row: counts.Read, Err: fmt.Errorf("document %s: split is %q", doc.ID, doc.Split)},
				"splits are train, validation and test")
		}
		o := outs[split]
		if o == nil {
			if o, err = p.open(env, t, split, idWidth(tok.VocabSize())); err != nil {
				return counts, err
			}
			outs[split] = o
		}
		if ids, err = tok.AppendIDs(ids[:0], doc.Text); err != nil {
			return counts, &fault.RowError{File: path, Row: counts.Read, Err: fmt.Errorf("document %s: %w", doc.ID, err)}
		}
		if p.EndOfText {
			ids = append(ids, tok.EndOfText())
		}
		if err := o.packer.add(ids); err != nil {
			return counts, err
		}
		counts.Read++
		counts.Kept++
		counts.Sum(split+".documents", 1)
		counts.Sum(split+".tokens", int64(len(ids)))
		counts.Sum(split+".bytes", int64(len(doc.Text)))
		env.Progress.Advance(1)
	}
	for split, o := range outs {
		if err := o.packer.flush(); err != nil {
			return counts, err
		}
		counts.Sum(split+".blocks", o.rows)
		counts.Sum(split+".ids", o.ids)
	}
	return counts, nil
}

// splitRows packs the documents of one split of one shard.
type splitRows struct {
	packer packer
	close  func() error
	rows   int64
	ids    int64 // in all rows; those at which rows overlap are in both
}

// open returns where the documents of a split go. A row's key is random if the
// split is shuffled, else its place.
func (p *Pack) open(env *pipeline.Env, t pipeline.Task, split string, width int) (*splitRows, error) {
	run, done, err := createRun(filepath.Join(env.Out, split+".run"), width)
	if err != nil {
		return nil, err
	}
	o := &splitRows{close: done}
	state := xxh3.HashStringSeed(split+"/"+t.ID, env.Seed)
	emit := func(b block) error {
		key := uint64(o.rows)
		if p.shuffles(split) { // SplitMix64
			state += 0x9e3779b97f4a7c15
			key = mix64(state)
		}
		o.rows++
		o.ids += int64(len(b.ids))
		return run.add(key, b)
	}
	if p.Packing == BestFit {
		o.packer = &bestFitPacker{perRow: p.Context + 1, emit: emit}
	} else {
		o.packer = &cutPacker{perRow: p.Context + 1, emit: emit}
	}
	return o, nil
}

// shardRows returns how many rows the manifest says a shard has.
func shardRows(dir pipeline.Dir, name string) int64 {
	for _, s := range dir.Manifest.Shards {
		if s.Name == name {
			return s.Rows
		}
	}
	return 0
}
