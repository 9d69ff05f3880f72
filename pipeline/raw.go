package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"path/filepath"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// On a cluster the raw files are hashed as a phase of their own, before the keys of the
// stages are known. Each task has the files whose names fall into its part, so that a
// worker finds a file's checksums without a list of all. A part whose files are as they
// were keeps its record from run to run. What lies in another store is not read: its
// server tells a tag of each version.

// rawStage is the name of the work; no stage of a configuration can have it.
const rawStage = "_raw"

// hashStage is the stage that hashes.
type hashStage struct {
	run   *run
	files []rawFile
}

// A rawFile is a file as it was listed.
type rawFile struct {
	Path string    `json:"path"`
	Size int64     `json:"size"`
	Time time.Time `json:"time"`
	Tag  string    `json:"tag,omitempty"`
}

// rawNote tells workers where the checksums are.
type rawNote struct {
	Attempts []string `json:"attempts"` // of each part
}

func (s *hashStage) Version() int    { return 1 }
func (s *hashStage) Inputs() []Input { return nil }
func (s *hashStage) Makes() Kind     { return "" }
func (s *hashStage) Phases() []Phase {
	return []Phase{{Name: "hash", Tasks: s.tasks, Do: s.do}}
}

func (r *run) rawEntry() *Entry {
	return &Entry{Name: rawStage, Use: rawStage, With: &hashStage{run: r}}
}

// rawParts is over how many tasks this many files are spread.
func rawParts(files int) int {
	const most = 1024
	return min(1<<bits.Len(uint(max(files, 1)-1)), most)
}

func rawPart(path string, parts int) int { return int(xxh3.HashString(path) % uint64(parts)) }

func rawTask(part int) string { return fmt.Sprintf("%04d", part) }

const rawSumsName = "sums.json"

func (s *hashStage) tasks(context.Context, *Env) (tasks []Task, err error) {
	parts := make([][]rawFile, rawParts(len(s.files)))
	for _, f := range s.files {
		i := rawPart(f.Path, len(parts))
		parts[i] = append(parts[i], f)
	}
	for i, files := range parts {
		t, err := NewTask(rawTask(i), files)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

func (s *hashStage) do(ctx context.Context, env *Env, t Task) (c Counts, err error) {
	var files []rawFile
	if err := json.Unmarshal(t.Part, &files); err != nil {
		return c, err
	}
	sums := store.OpenSums(filepath.Join(env.Scratch, "none"))
	var paths []string
	for _, f := range files {
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		if _, err := sums.Sum(f.Path); err != nil {
			return c, err
		}
		paths = append(paths, f.Path)
		env.Progress.Advance(f.Size)
	}
	c.Shards = make([]shard.File, 1)
	c.Shards[0], err = s.export(sums, filepath.Join(env.Out, rawSumsName), paths)
	return c, err
}

func (s *hashStage) export(sums *store.Sums, name string, paths []string) (f shard.File, err error) {
	f.Name = name
	f.Bytes, f.XXH3, err = sums.Export(name, paths)
	return f, err
}

// listRaw lists the raw files of all stages.
func (r *run) listRaw(ctx context.Context) (*hashStage, error) {
	seen := map[string]bool{}
	s := &hashStage{run: r}
	for _, e := range r.c.Stages {
		reader, ok := e.With.(RawInputs)
		if !ok {
			continue
		}
		files, err := reader.Reads()
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", e.Name, err)
		}
		for _, f := range files {
			if !seen[f.Path] {
				seen[f.Path] = true
				s.files = append(s.files, rawFile{Path: f.Path})
			}
		}
	}
	const requests = 32
	return s, pool(ctx, requests, len(s.files), func(_ context.Context, i int) error {
		info, err := store.Stat(s.files[i].Path)
		s.files[i].Size, s.files[i].Time, s.files[i].Tag = info.Size, info.Time.UTC(), info.Tag
		return err
	})
}

// hashRaw has the raw files of all stages hashed, and takes in their checksums.
func (r *run) hashRaw(ctx context.Context) error {
	s, err := r.listRaw(ctx)
	if err != nil || len(s.files) == 0 {
		return err
	}
	here := !slices.ContainsFunc(s.files, func(f rawFile) bool { return f.Tag == "" }) // none must be read
	e := &Entry{Name: rawStage, Use: rawStage, With: s}
	st := &stage{Entry: e, run: r, key: "0", inputs: map[string][]Dir{}}
	st.fingerprint = fingerprint{Use: rawStage, Version: s.Version(), Settings: settings.CanonicalJSON(s), Inputs: map[string][]string{}}
	w := st.work()
	if err := writeJSONFile(store.Join(w.kept, "fingerprint.json"), st.fingerprint); err != nil {
		return err
	}
	if err := st.noteForWorkers(w); err != nil {
		return err
	}
	event := func(e Event) { e.Stage, e.Use = "raw files", "hash"; r.observe(e) }
	records, env, err := st.phase(ctx, 0, s.Phases()[0], w, event, here)
	if err != nil {
		return err
	}
	var note rawNote
	for i, d := range env.done["hash"] {
		note.Attempts = append(note.Attempts, records[i].Attempt)
		if err := r.sums.Import(store.Join(d.Dir, rawSumsName)); err != nil {
			return err
		}
	}
	r.raw, err = json.Marshal(note)
	return err
}

// lookUpRaw lets raw files be held against the checksums that the tasks left.
func (r *run) lookUpRaw(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	var note rawNote
	if err := json.Unmarshal(raw, &note); err != nil {
		return err
	}
	folder := r.workOf(rawStage+".0").phase(0, "hash")
	r.sums.LookIn(func(path string) string {
		i := rawPart(path, len(note.Attempts))
		return store.Join(folder.task(rawTask(i)).files(&record{Attempt: note.Attempts[i]}), rawSumsName)
	})
	return nil
}
