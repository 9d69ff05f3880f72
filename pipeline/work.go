package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// work is the folder of a stage in progress. Its name holds the stage's key, so
// that work begun with other settings is never mixed in.
//
//	recipe.json              what the key was made of
//	scratch/                 of the stage, while tasks are listed
//	0-sign/tasks.json        how many tasks the phase has
//	0-sign/run/TASK/         files of a task in flight: begun anew after a crash
//	0-sign/scratch/TASK/     survives a crash, until the task is done
//	0-sign/done/TASK/        files of a finished task, and its record
//	assembly.json, out/      see assemble.go
type work struct{ dir string }

const (
	recordName   = ".record.json"
	assemblyName = "assembly.json"
)

func (s *stage) work() work {
	return work{filepath.Join(s.run.root, stateDir, "work", s.Name+"."+s.key)}
}

// works lists the folders of a stage in progress, whatever its key.
func (r *run) works(name string) ([]work, error) {
	base := filepath.Join(r.root, stateDir, "work")
	entries, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []work
	for _, e := range entries {
		if stage, _, _ := strings.Cut(e.Name(), "."); stage == name || name == "" {
			all = append(all, work{filepath.Join(base, e.Name())})
		}
	}
	return all, err
}

func (w work) phase(i int, name string) string {
	return filepath.Join(w.dir, fmt.Sprintf("%d-%s", i, name))
}

// progress counts the finished tasks of the phase that was interrupted.
func (w work) progress() (done, tasks int) {
	phases, _ := os.ReadDir(w.dir) // no folder: nothing was interrupted
	for _, e := range phases {     // in order; the last phase listed is the one
		phase := filepath.Join(w.dir, e.Name())
		var listed struct{ Tasks int }
		if readJSONFile(filepath.Join(phase, "tasks.json"), &listed) != nil {
			continue
		}
		done, tasks = 0, listed.Tasks
		finished, _ := os.ReadDir(filepath.Join(phase, "done"))
		for _, t := range finished {
			if fileExists(filepath.Join(phase, "done", t.Name(), recordName)) {
				done++
			}
		}
	}
	return done, tasks
}

// begun reports whether something in the folder is worth going on with.
func (w work) begun() bool {
	found := false
	filepath.WalkDir(w.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		folders := strings.Split(filepath.ToSlash(strings.TrimPrefix(path, w.dir)), "/")
		if e.Name() == recordName || e.Name() == assemblyName || slices.Contains(folders, "scratch") {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// A record says that a task is finished, and what it left.
type record struct {
	Task   Task         `json:"task"`
	Files  []shard.File `json:"files"`
	Counts Counts       `json:"counts"`
}

// taskDirs are the three folders of one task.
type taskDirs struct{ run, scratch, done string }

func dirsOf(phase, id string) taskDirs {
	return taskDirs{filepath.Join(phase, "run", id), filepath.Join(phase, "scratch", id), filepath.Join(phase, "done", id)}
}

// load returns the record of a finished task; nil if it has none, if its task
// is another, or if a file is not what the record says.
func (d taskDirs) load(t Task) *record {
	rec := new(record)
	if err := readJSONFile(filepath.Join(d.done, recordName), rec); err != nil {
		return nil
	}
	if rec.Task.ID != t.ID || !sameJSON(rec.Task.Part, t.Part) || verify(d.done, rec.Files) != nil {
		return nil
	}
	return rec
}

func sameJSON(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b) || string(a) == "null" || string(b) == "null"
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// commit turns what a task left in its run folder into a finished task: it
// checks the counts, makes every file durable, writes the record, and renames
// the folder, which is the moment at which the task is done.
func (d taskDirs) commit(t Task, counts Counts) (*record, error) {
	if err := counts.Check(); err != nil {
		return nil, err
	}
	files, err := collect(d.run, counts.Shards)
	if err != nil {
		return nil, err
	}
	rec := &record{Task: t, Files: files, Counts: counts}
	if err := writeJSONFile(filepath.Join(d.run, recordName), rec); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(d.done); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(d.done), 0o777); err != nil {
		return nil, store.DiskFull(d.done, err)
	}
	if err := os.Rename(d.run, d.done); err != nil {
		return nil, store.DiskFull(d.done, err)
	}
	if err := store.SyncDir(filepath.Dir(d.done)); err != nil {
		return nil, err
	}
	return rec, os.RemoveAll(d.scratch)
}

// collect lists the files below dir, sorted by name, with their checksums;
// those of known shards are not read again. Hidden files are leftovers.
func collect(dir string, known []shard.File) ([]shard.File, error) {
	shards := map[string]shard.File{}
	for _, s := range known {
		name, err := filepath.Rel(dir, s.Name)
		if err != nil || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("shard %s was written outside the task's folder", s.Name)
		}
		s.Name = filepath.ToSlash(name)
		shards[s.Name] = s
	}
	var files []shard.File
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(e.Name(), ".") && path != dir {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return store.SyncDir(path)
		}
		if !e.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file: a task may leave nothing else", path)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if name == ManifestName {
			return fmt.Errorf("a task wrote %s, which only the engine may", ManifestName)
		}
		s, ok := shards[name]
		delete(shards, name)
		if !ok || s.Bytes != info.Size() {
			if s, err = newFile(path, name); err != nil {
				return err
			}
		}
		files = append(files, s)
		return nil
	})
	if err != nil {
		return nil, store.DiskFull(dir, err)
	}
	for name := range shards {
		return nil, fmt.Errorf("shard %s was counted, but it is not there", name)
	}
	slices.SortFunc(files, func(a, b shard.File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// newFile makes a file durable that a task wrote by itself, and describes it.
func newFile(path, name string) (shard.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return shard.File{}, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return shard.File{}, err
	}
	s := shard.File{Name: name}
	if s.Bytes, s.XXH3, err = store.HashFile(path); err != nil {
		return shard.File{}, err
	}
	if strings.HasSuffix(name, ".parquet") {
		s.Rows, err = shard.Rows(path)
	}
	return s, err
}

// verify compares files with their sizes and checksums.
func verify(dir string, files []shard.File) error {
	var faults []error
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		switch size, sum, err := store.HashFile(path); {
		case err != nil:
			faults = append(faults, err)
		case size != f.Bytes:
			faults = append(faults, &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("it has %d bytes, but %d were written", size, f.Bytes)})
		case sum != f.XXH3:
			faults = append(faults, &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("its content changed: checksum %s, was %s", sum, f.XXH3)})
		}
	}
	return errors.Join(faults...)
}

// Verify reads every file of a finished stage and compares it with the
// manifest; the error names all that differ.
func (d Dir) Verify() error {
	if d.Manifest == nil {
		return fmt.Errorf("%s has no manifest", d.Path)
	}
	return verify(d.Path, d.Manifest.Shards)
}
