package pipeline

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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
//	fingerprint.json              what the key was made of
//	scratch/                 of the stage, while tasks are listed
//	0-sign/tasks.json        the tasks of the phase
//	0-sign/run/TASK.ATTEMPT/ files of an attempt at a task: started again after a crash
//	0-sign/scratch/TASK/     survives a crash, until the task is done
//	0-sign/done/TASK/        files of a finished task, and its record
//	assembly.json, out/      see assemble.go
//
// Of a run in another store, what is done is kept there (see remote.go), and dir
// is a folder of this machine that can be lost.
type work struct {
	dir  string
	kept string // dir, or where the other store has what is done
}

const (
	recordName   = ".record.json"
	assemblyName = "assembly.json"
	tasksName    = "tasks.json"
)

func (s *stage) work() work {
	return s.run.workOf(s.Name + "." + s.key)
}

func (r *run) workOf(name string) work {
	return work{filepath.Join(r.local, stateDir, "work", name), store.Join(r.root, stateDir, "work", name)}
}

// works lists the folders of a stage in progress, whatever its key.
func (r *run) works(ctx context.Context, name string) ([]work, error) {
	var all []work
	base := store.Join(r.root, stateDir, "work")
	for f, err := range store.List(ctx, base, false) {
		if err != nil {
			return nil, err
		}
		folder := store.Rel(base, f.Name)
		if stage, _, _ := strings.Cut(folder, "."); stage == name || name == "" {
			all = append(all, r.workOf(folder))
		}
	}
	return all, nil
}

// phase returns the work folder of a phase of the stage.
func (w work) phase(i int, name string) work {
	folder := fmt.Sprintf("%d-%s", i, name)
	return work{filepath.Join(w.dir, folder), store.Join(w.kept, folder)}
}

// remove removes all that is done.
func (w work) remove(ctx context.Context) error {
	return errors.Join(os.RemoveAll(w.dir), store.Remove(ctx, w.kept))
}

// progress counts the finished tasks of the phase that was interrupted.
func (w work) progress(ctx context.Context) (done, tasks int) {
	last := "" // phases come in their order, and what a phase has done before its tasks.json
	for f, err := range store.List(ctx, w.kept, true) {
		if err != nil {
			return 0, 0 // nothing that can be read was interrupted
		}
		phase, name, _ := strings.Cut(store.Rel(w.kept, f.Name), "/")
		if phase != last && (strings.HasPrefix(name, "done/") || name == tasksName) {
			last, done, tasks = phase, 0, 0
		}
		var list taskList
		switch {
		case path.Base(name) == recordName && strings.Count(name, "/") == 2:
			done++
		case name == tasksName && readJSONFile(f.Name, &list) == nil:
			tasks = len(list.Tasks)
		}
	}
	return done, tasks
}

// begun reports whether something in the folder is worth going on with.
func (w work) begun(ctx context.Context) bool {
	for _, dir := range slices.Compact([]string{w.dir, w.kept}) {
		for f, err := range store.List(ctx, dir, true) {
			if err != nil {
				break
			}
			folders := strings.Split(store.Rel(dir, f.Name), "/")
			if name := folders[len(folders)-1]; name == recordName || name == assemblyName || slices.Contains(folders, "scratch") {
				return true
			}
		}
	}
	return false
}

// size is how many bytes its files have.
func (r *record) size() (n int64) {
	for _, f := range r.Files {
		n += f.Bytes
	}
	return n
}

// A taskList is tasks.json. It is written once, and whoever runs the tasks reads it.
type taskList struct {
	Tasks  []Task `json:"tasks"`
	Shards int    `json:"shards,omitempty"` // how many workers share them on a cluster; 0: there is none
}

// A record says that a task is finished, and what it left.
type record struct {
	Task    Task         `json:"task"`
	Files   []shard.File `json:"files"`
	Counts  Counts       `json:"counts"`
	Attempt string       `json:"attempt,omitempty"` // which one it was; in another store, the folder of its files
	XXH3    string       `json:"xxh3"`              // of the record without it: see seal
}

func (r *record) checksum() *string { return &r.XXH3 }

// taskDirs are the folders of one task, and of one attempt at it. kept is done, or its
// like in another store.
type taskDirs struct{ attempt, run, scratch, done, kept string }

func (w work) task(id string) taskDirs {
	attempt := rand.Text()[:12]
	return taskDirs{attempt, filepath.Join(w.dir, "run", id+"."+attempt), filepath.Join(w.dir, "scratch", id), filepath.Join(w.dir, "done", id), store.Join(w.kept, "done", id)}
}

// remote reports whether the task's files are kept in another store.
func (d taskDirs) remote() bool { return d.kept != d.done }

// files returns the folder in which a finished task's files are kept.
func (d taskDirs) files(rec *record) string {
	if d.remote() {
		return store.Join(d.kept, rec.Attempt)
	}
	return d.done
}

// read returns the record of a finished task; nil if it has none, or if its task is
// another.
func (d taskDirs) read(t Task) (*record, error) {
	rec := new(record)
	err := readJSONFile(store.Join(d.kept, recordName), rec)
	var damaged *fault.RowError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &damaged) || err == nil && checkSeal(rec) != nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if rec.Task.ID != t.ID || !sameJSON(rec.Task.Part, t.Part) {
		return nil, nil
	}
	return rec, nil
}

// load is read, and nil if a file is not what the record says. Its files are then at
// hand in done.
func (d taskDirs) load(ctx context.Context, t Task) (*record, error) {
	rec, err := d.read(t)
	if rec == nil || err != nil {
		return nil, err
	}
	if d.remote() {
		return d.fetch(ctx, rec)
	}
	if verify(d.done, rec.Files) != nil {
		return nil, nil
	}
	return rec, nil
}

// trust is read, and nil if a file has another size than the record says. It reads no
// file, for on a cluster a phase's files are more than one machine should read.
func (d taskDirs) trust(ctx context.Context, t Task) (*record, error) {
	rec, err := d.read(t)
	if rec == nil || err != nil {
		return nil, err
	}
	if ok, err := rec.complete(ctx, d.files(rec)); !ok {
		return nil, err
	}
	return rec, nil
}

// complete reports whether the files of a record are there, with their sizes.
func (rec *record) complete(ctx context.Context, dir string) (bool, error) {
	sizes, err := sizesOf(ctx, dir)
	if err != nil {
		return false, err
	}
	for _, f := range rec.Files {
		if size, ok := sizes[f.Name]; !ok || size != f.Bytes {
			return false, nil
		}
	}
	return true, nil
}

func sameJSON(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b) || string(a) == "null" || string(b) == "null"
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// commit turns what an attempt left in its folder into a finished task: it checks the
// counts, makes every file durable and writes the record, which counts from the moment
// at which it has its place. Of several attempts the first counts, and the others take
// its record for theirs. What counts may be another attempt's, so the record is returned.
func (d taskDirs) commit(ctx context.Context, t Task, counts Counts) (*record, error) {
	if err := counts.Check(); err != nil {
		return nil, err
	}
	files, err := collect(d.run, counts.Shards)
	if err != nil {
		return nil, err
	}
	rec := &record{Task: t, Files: files, Counts: counts, Attempt: d.attempt}
	seal(rec)
	if d.remote() {
		return d.publish(ctx, rec)
	}
	if err := writeJSONFile(filepath.Join(d.run, recordName), rec); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(d.done), 0o777); err != nil {
		return nil, store.DiskFull(d.done, err)
	}
	return d.place(rec)
}

// place gives an attempt's folder its place. A folder cannot be renamed to one that has
// files in it, so the first attempt wins.
func (d taskDirs) place(rec *record) (*record, error) {
	const tries = 3 // a folder that was of no use is put aside, and another attempt may do so too
	var err error
	for range tries {
		if err = os.Rename(d.run, d.done); err == nil {
			return rec, store.SyncDir(filepath.Dir(d.done))
		}
		first, e := d.read(rec.Task)
		if e != nil {
			return nil, e
		}
		if first != nil && first.Attempt == rec.Attempt {
			return rec, nil // a server of files did it, its answer was lost, and it was asked again
		}
		if first != nil && sizesMatch(d.done, first) {
			return first, errors.Join(first.same(rec), os.RemoveAll(d.run))
		}
		if !fileExists(d.done) {
			return nil, store.DiskFull(d.done, err)
		}
		aside := d.run + ".aside" // damaged, or another task's
		if e := os.Rename(d.done, aside); e != nil {
			continue
		}
		moved := taskDirs{done: aside, kept: aside}
		if other, _ := moved.read(rec.Task); other != nil && sizesMatch(aside, other) {
			os.Rename(aside, d.done) // another attempt has just put it there; if a third was quicker, that one counts
			continue
		}
		if e := os.RemoveAll(aside); e != nil {
			return nil, e
		}
	}
	return nil, store.DiskFull(d.done, err)
}

func sizesMatch(dir string, rec *record) bool {
	ok, err := rec.complete(context.Background(), dir)
	return ok && err == nil
}

// same returns an error if another attempt at the task made other bytes.
func (rec *record) same(other *record) error {
	for i := range max(len(rec.Files), len(other.Files)) {
		var a, b shard.File
		if i < len(rec.Files) {
			a = rec.Files[i]
		}
		if i < len(other.Files) {
			b = other.Files[i]
		}
		if a.Name != b.Name || a.Bytes != b.Bytes || a.XXH3 != b.XXH3 {
			return fault.Hintf(fmt.Errorf("two attempts at task %s made different bytes: %s (%d bytes, %s) and %s (%d bytes, %s)", rec.Task.ID, a.Name, a.Bytes, a.XXH3, b.Name, b.Bytes, b.XXH3),
				"are there two versions of fragua, or machines whose floats differ (--cpu makes them agree)? Otherwise this is a defect of fragua: please report it")
		}
	}
	return nil
}
