package corpus

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"strings"

	"fragua/pipeline"
)

// DocumentShards are the patterns of the shards of documents, before and after
// the split: what Dir.Files takes.
var DocumentShards = []string{unsplit + "-*.parquet", Train + "-*.parquet", Validation + "-*.parquet", Test + "-*.parquet"}

// A shardPart is the Part of a task that carries one shard into another.
type shardPart struct {
	Number int    `json:"number"` // of the task, over all inputs
	Input  int    `json:"input"`  // which directory of the input
	Shard  string `json:"shard"`  // its name there
	Rows   int64  `json:"rows"`
}

// file returns where the shard lies.
func (p shardPart) file(env *pipeline.Env) (string, error) {
	dirs := env.In["documents"]
	if p.Input < 0 || p.Input >= len(dirs) {
		return "", fmt.Errorf("task %05d reads input %d of %d", p.Number, p.Input, len(dirs))
	}
	return dirs[p.Input].File(p.Shard), nil
}

// prefix returns the part of the shard's name before its number.
func (p shardPart) prefix() string {
	prefix, _, _ := strings.Cut(p.Shard, "-")
	return prefix
}

// stage returns the name of the stage that wrote the shard.
func (p shardPart) stage(env *pipeline.Env) string {
	if d := env.In["documents"][p.Input]; d.Manifest != nil {
		return d.Manifest.Stage
	}
	return ""
}

// shardParts lists the shards of all inputs in the order of `from`, and of their
// names within an input: the declared order of all documents.
func shardParts(env *pipeline.Env) (parts []shardPart) {
	for i, dir := range env.In["documents"] {
		if dir.Manifest == nil {
			continue
		}
		for _, s := range dir.Manifest.Shards {
			if isDocumentShard(s.Name) {
				parts = append(parts, shardPart{Number: len(parts), Input: i, Shard: s.Name, Rows: s.Rows})
			}
		}
	}
	return parts
}

// shardTasks makes a task of each shard.
func shardTasks(_ context.Context, env *pipeline.Env) (tasks []pipeline.Task, err error) {
	for _, p := range shardParts(env) {
		t, err := pipeline.NewTask(fmt.Sprintf("%05d", p.Number), p)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// documentInput is the input of the stages that read documents.
func documentInput() []pipeline.Input {
	return []pipeline.Input{{Name: "documents", Kind: pipeline.Documents, Many: true}}
}

// readDocuments yields the rows of a shard, and tells the progress of each.
func readDocuments(env *pipeline.Env, name string) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for d, err := range readShard(name) {
			if !yield(d, err) {
				return
			}
			env.Progress.Advance(1)
		}
	}
}

// isDocumentShard reports whether a file of a documents directory is one of its
// shards, and no reject.
func isDocumentShard(name string) bool {
	for _, pattern := range DocumentShards {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// shardOf decodes a task's part, and returns where its shard lies.
func shardOf(env *pipeline.Env, t pipeline.Task) (part shardPart, name string, err error) {
	if err = json.Unmarshal(t.Part, &part); err == nil {
		name, err = part.file(env)
	}
	return part, name, err
}

// decodeShardTask decodes the part of a task that holds more than its shard.
func decodeShardTask(env *pipeline.Env, t pipeline.Task, into any, part *shardPart) (string, error) {
	if err := json.Unmarshal(t.Part, into); err != nil {
		return "", err
	}
	return part.file(env)
}
