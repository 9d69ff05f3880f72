package blocks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// packFile is one task of shuffle: the rows of some runs whose keys lie in a
// range.
type packFile struct {
	Name  string     `json:"name"`
	Split string     `json:"split"`
	Width int        `json:"width"` // bytes of an id
	Pad   int32      `json:"pad"`   // what fills a row behind its length
	Runs  []runRange `json:"runs"`
}

type runRange struct {
	Task   string `json:"task"`
	Lo, Hi uint64 // keys, both included
}

// summary is the ID of the task that writes what is not blocks.
const summary = "summary"

func (p *Pack) files(_ context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	tok, err := p.tokenizer(env)
	if err != nil {
		return nil, err
	}
	width, pad := idWidth(tok.VocabSize()), int32(0)
	if p.EndOfText {
		pad = tok.EndOfText()
	}
	var tasks []pipeline.Task
	for _, split := range splits {
		for i, runs := range p.ranges(env.Phase("encode"), split, width) {
			id := fmt.Sprintf("%s-%05d", split, i)
			t, err := pipeline.NewTask(id, packFile{Name: id + ".arrow", Split: split, Width: width, Pad: pad, Runs: runs})
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		}
	}
	return append(tasks, pipeline.Task{ID: summary}), nil
}

// ranges says which rows of which runs make each file of a split. What keeps its
// order is cut where a file is full; a shuffle at equal distances of the random keys.
func (p *Pack) ranges(done []pipeline.Done, split string, width int) [][]runRange {
	perFile := int64(p.FileRows)
	if perFile == 0 {
		perFile = max(1, 32<<20/int64((p.Context+1)*width))
	}
	var files [][]runRange
	if !p.shuffles(split) {
		room := int64(0)
		for _, d := range done {
			rows := d.Counts.Sums[split+".blocks"]
			for at := int64(0); at < rows; {
				if room == 0 {
					files, room = append(files, nil), perFile
				}
				n := min(room, rows-at)
				files[len(files)-1] = append(files[len(files)-1], runRange{d.Task.ID, uint64(at), uint64(at + n - 1)})
				at, room = at+n, room-n
			}
		}
		return files
	}
	var rows int64
	for _, d := range done {
		rows += d.Counts.Sums[split+".blocks"]
	}
	n := uint64((rows + perFile - 1) / perFile)
	for i := range n {
		step := math.MaxUint64 / n
		lo, hi := i*step, (i+1)*step-1
		if i == n-1 {
			hi = math.MaxUint64
		}
		var runs []runRange
		for _, d := range done {
			if d.Counts.Sums[split+".blocks"] > 0 {
				runs = append(runs, runRange{d.Task.ID, lo, hi})
			}
		}
		files = append(files, runs)
	}
	return files
}

func (p *Pack) write(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	if t.ID == summary {
		return p.summarize(env)
	}
	var part packFile
	if err := json.Unmarshal(t.Part, &part); err != nil {
		return counts, err
	}
	encoded := map[string]pipeline.Done{}
	for _, d := range env.Phase("encode") {
		encoded[d.Task.ID] = d
	}
	var rows []keyed
	for _, r := range part.Runs {
		if err := ctx.Err(); err != nil {
			return counts, err
		}
		if rows, err = readRun(encoded[r.Task].File(part.Split+".run"), part.Width, r.Lo, r.Hi, rows); err != nil {
			return counts, err
		}
	}
	if p.shuffles(part.Split) {
		slices.SortStableFunc(rows, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	}
	written, err := writeBlocks(filepath.Join(env.Out, part.Name), p.Context+1, part.Width, part.Pad, func(write func(block) error) error {
		for _, r := range rows {
			if err := write(r.block); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return counts, err
	}
	counts.Sum("blocks", written.Rows)
	counts.Shards = []shard.File{written}
	return counts, nil
}

// summarize leaves the tokenizer and the figures beside the blocks. Its counts
// are the documents', so that the stage's funnel is in documents.
func (p *Pack) summarize(env *pipeline.Env) (counts pipeline.Counts, err error) {
	var all pipeline.Counts
	for _, d := range env.Phase("encode") {
		all.Add(d.Counts)
	}
	counts.Read, counts.Kept = all.Read, all.Kept
	var m pipeline.Metrics
	for _, split := range splits {
		get := func(name string) int64 { return all.Sums[split+"."+name] }
		tokens, bytes, blocks := get("tokens"), get("bytes"), get("blocks")
		counts.Sum("tokens", tokens)
		counts.Sum("bytes", bytes)
		if blocks == 0 {
			continue
		}
		m.Figures = append(m.Figures,
			pipeline.Figure{Name: "documents", Value: float64(get("documents")), Note: split},
			pipeline.Figure{Name: "text", Value: float64(bytes), Unit: "bytes", Note: split},
			pipeline.Figure{Name: "tokens", Value: float64(tokens), Note: split},
			pipeline.Figure{Name: "blocks", Value: float64(blocks), Note: split},
			pipeline.Figure{Name: "bytes per token", Value: float64(bytes) / float64(max(tokens, 1)), N: tokens, Unit: "bytes", Better: "higher", Note: split},
			pipeline.Figure{Name: "padding", Value: 1 - float64(get("ids"))/float64(blocks*int64(p.Context+1)), N: blocks, Unit: "share of ids", Better: "lower", Note: split},
		)
	}
	if err := pipeline.WriteMetrics(env.Out, m); err != nil {
		return counts, err
	}
	src, err := os.Open(env.One("tokenizer").File("tokenizer.json"))
	if err != nil {
		return counts, err
	}
	defer src.Close()
	return counts, store.WriteFile(filepath.Join(env.Out, "tokenizer.json"), func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
}
