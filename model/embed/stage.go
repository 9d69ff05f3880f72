package embed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fragua/model/kernel"
	"fragua/model/kernel/par"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// Embeddings is the stage that makes vectors of words from documents.
type Embeddings struct {
	Width    int             `yaml:"width" doc:"Numbers in a vector; fewer where the corpus has fewer words."`
	Window   int             `yaml:"window" doc:"Words to each side that count as near; the nearest count most."`
	MinCount int             `yaml:"min_count" doc:"Rarer words have no vector."`
	MaxWords int             `yaml:"max_words" doc:"Vectors are made of this many words, the most frequent ones."`
	Triplets []settings.Path `yaml:"triplets" doc:"Files of three words a line, of which the second should be nearer to the first than the third; the share that is right is measured."`
	Ratings  []settings.Path `yaml:"ratings" doc:"Files of word similarities, two words and a number a line; the rank correlation with them is measured."`
	Map      int             `yaml:"map" doc:"This many words are drawn in two dimensions in the report; 0: no map."`
}

// NewEmbeddings returns the stage with its defaults.
func NewEmbeddings() *Embeddings {
	return &Embeddings{Width: 150, Window: 3, MinCount: 5, MaxWords: 50_000, Map: 150}
}

// Version implements pipeline.Stage.
func (*Embeddings) Version() int { return 1 }

// Inputs implements pipeline.Stage.
func (*Embeddings) Inputs() []pipeline.Input {
	return []pipeline.Input{{Name: "documents", Kind: pipeline.Documents, Many: true}}
}

// Makes implements pipeline.Stage.
func (*Embeddings) Makes() pipeline.Kind { return pipeline.Vectors }

// Precision implements pipeline.FloatStage.
func (*Embeddings) Precision() string { return "f32" }

// Reads implements pipeline.RawInputs.
func (e *Embeddings) Reads() (files []pipeline.RawFile, err error) {
	for _, p := range append(append([]settings.Path(nil), e.Triplets...), e.Ratings...) {
		if _, err := store.Stat(p.Abs); err != nil {
			return nil, err
		}
		files = append(files, pipeline.RawFile{Name: filepath.ToSlash(p.Written), Path: p.Abs})
	}
	return files, nil
}

// Check implements settings.Checker.
func (e *Embeddings) Check() (f []fault.Fault) {
	in := func(path string, v, lo, hi int) {
		if v < lo || v > hi {
			f = append(f, fault.Fault{Path: path, Err: fmt.Sprintf("%d is not in %d … %d", v, lo, hi), Hint: "the default suits most corpora"})
		}
	}
	in("width", e.Width, 2, 4096)
	in("window", e.Window, 1, mostWindow)
	in("min_count", e.MinCount, 1, 1<<30)
	in("max_words", e.MaxWords, 2, mostWords)
	in("map", e.Map, 0, 2000)
	return f
}

// Phases implements pipeline.Stage.
func (e *Embeddings) Phases() []pipeline.Phase {
	return []pipeline.Phase{
		{Name: "count", Tasks: shardTasks, Do: e.count},
		{Name: "vocabulary", Exclusive: true, Tasks: pipeline.Single("vocabulary"), Do: e.vocabulary},
		{Name: "pairs", Tasks: shardTasks, Do: e.pairs},
		{Name: "vectors", Exclusive: true, Tasks: pipeline.Single("vectors"), Do: e.vectors},
	}
}

// documentRow is what is read of a document here.
type documentRow struct {
	Text string `parquet:"text"`
}

type shardPart struct {
	Input int    // which directory of documents
	Shard string // its shard
}

// shardTasks is one task for each shard of the train split, or of all documents where there is no split.
func shardTasks(_ context.Context, env *pipeline.Env) (tasks []pipeline.Task, err error) {
	for i, d := range env.In["documents"] {
		names := d.Files("train-*.parquet")
		if len(names) == 0 {
			names = d.Files("part-*.parquet")
		}
		for _, name := range names {
			t, err := pipeline.NewTask(fmt.Sprintf("shard-%05d", len(tasks)), shardPart{i, filepath.Base(name)})
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 0 {
		return nil, fault.Hintf(errors.New("there are no documents to learn from: neither train-*.parquet nor part-*.parquet"), "look at what the stages before this one dropped")
	}
	return tasks, nil
}

// eachText calls f with the texts of a task's shard.
func eachText(ctx context.Context, env *pipeline.Env, task pipeline.Task, f func(string)) (c pipeline.Counts, err error) {
	var part shardPart
	if err := json.Unmarshal(task.Part, &part); err != nil {
		return c, err
	}
	for row, err := range shard.Read[documentRow](env.In["documents"][part.Input].File(part.Shard)) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return c, err
		}
		f(row.Text)
		c.Read++
		c.Kept++
		env.Progress.Advance(1)
	}
	return c, nil
}

const (
	countsFile = "counts.tsv"
	vocabFile  = "vocabulary.tsv"
	pairsFile  = "pairs.bin"
)

// count counts the words of a shard.
func (e *Embeddings) count(ctx context.Context, env *pipeline.Env, task pipeline.Task) (pipeline.Counts, error) {
	counts := map[string]int64{}
	c, err := eachText(ctx, env, task, func(text string) {
		for w := range Words(text) {
			counts[w]++
		}
	})
	if err != nil {
		return c, err
	}
	return c, store.WriteFile(filepath.Join(env.Out, countsFile), newVocabulary(counts, 1, len(counts)).write)
}

// vocabulary adds the counts up and keeps the words that get a vector.
func (e *Embeddings) vocabulary(_ context.Context, env *pipeline.Env, _ pipeline.Task) (c pipeline.Counts, err error) {
	counts := map[string]int64{}
	for _, done := range env.Phase("count") {
		v, err := readVocabulary(filepath.Join(done.Dir, countsFile))
		if err != nil {
			return c, err
		}
		for i, w := range v.words {
			counts[w] += v.counts[i]
		}
	}
	v := newVocabulary(counts, int64(e.MinCount), e.MaxWords)
	if len(v.words) < 2 {
		return c, fault.Hintf(fmt.Errorf("%d of %d words occur %d times or more", len(v.words), len(counts), e.MinCount), "lower min_count, or give more text")
	}
	return c, store.WriteFile(filepath.Join(env.Out, vocabFile), v.write)
}

func readChosen(env *pipeline.Env) (*vocabulary, error) {
	return readVocabulary(filepath.Join(env.Phase("vocabulary")[0].Dir, vocabFile))
}

// pairs counts which words stand near each other in a shard.
func (e *Embeddings) pairs(ctx context.Context, env *pipeline.Env, task pipeline.Task) (pipeline.Counts, error) {
	v, err := readChosen(env)
	if err != nil {
		return pipeline.Counts{}, err
	}
	counter := &pairCounter{window: e.Window}
	var ids []int32
	c, err := eachText(ctx, env, task, func(text string) {
		ids = ids[:0]
		for w := range Words(text) {
			id := int32(-1)
			if i, ok := v.index[w]; ok {
				id = int32(i)
			}
			ids = append(ids, id)
		}
		counter.add(ids)
	})
	if err != nil {
		return c, err
	}
	f, err := store.Create(filepath.Join(env.Out, pairsFile))
	if err != nil {
		return c, err
	}
	defer f.Abort()
	if err := writePairs(f, counter.pairs()); err != nil {
		return c, err
	}
	return c, f.Commit()
}

// vectors makes the matrix of all pairs and takes it apart.
func (e *Embeddings) vectors(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (c pipeline.Counts, err error) {
	if env.CPU != "" && env.CPU != kernel.Level() {
		return c, fmt.Errorf("the run says that its kernels are for %s, but they are for %s", env.CPU, kernel.Level())
	}
	par.SetWorkers(env.Workers)
	v, err := readChosen(env)
	if err != nil {
		return c, err
	}
	var all pairCounter
	for _, done := range env.Phase("pairs") {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		f, err := os.Open(filepath.Join(done.Dir, pairsFile))
		if err != nil {
			return c, err
		}
		run, err := readPairs(f)
		f.Close()
		if err != nil {
			return c, &fault.RowError{File: f.Name(), Row: -1, Err: err}
		}
		all.push(run)
		c.Read += done.Counts.Read
		c.Kept += done.Counts.Kept
	}
	pairs := all.pairs()
	c.Sum("words", int64(len(v.words)))
	c.Sum("pairs", int64(len(pairs)))
	vectors := e.learn(v, pairs, env.Seed)
	written, err := shard.Write(filepath.Join(env.Out, File), vectors.rows())
	if err != nil {
		return c, err
	}
	c.Shards = append(c.Shards, written)
	m, err := e.measure(env, vectors)
	if err != nil {
		return c, err
	}
	return c, pipeline.WriteMetrics(env.Out, m)
}

// learn makes the vectors: the leading singular vectors of the mutual information, each times the
// root of its singular value (Levy, Goldberg and Dagan 2015, section 3.3).
func (e *Embeddings) learn(v *vocabulary, pairs []pair, seed uint64) *Vectors {
	u, s := leading(mutual(pairs, len(v.words)), e.Width, seed)
	out := &Vectors{Words: v.words, Counts: v.counts, Width: len(s), Rows: u}
	for i := range out.Rows {
		out.Rows[i] *= root(s[i%out.Width])
	}
	out.prepare()
	return out
}
