package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A run in another store is worked on here, and kept there. Files go up when a
// task is done, and what is put last says that they count:
//
//	…/0-sign/done/TASK/ATTEMPT/…      the task's files
//	…/0-sign/done/TASK/.record.json   put on the condition that there is none: of
//	                                  several attempts the first counts
//	…/assembly.json                   the stage's result is decided
//	STAGE/manifest.json               removed, while the files move to STAGE/
//	STAGE/manifest.json               put: the stage is done
//
// Such a store cannot rename a folder, so an older result goes shortly before the
// new one is complete; from the assembly on, the new one is what counts.

// publish uploads a finished task's files and its record, and returns the record
// that counts: its own, or that of another attempt which was first.
func (d taskDirs) publish(ctx context.Context, rec *record) (*record, error) {
	for _, f := range rec.Files {
		from := store.Join(d.run, f.Name)
		size, sum, err := store.Copy(ctx, from, store.Join(d.kept, rec.Attempt, f.Name))
		if err == nil && (size != f.Bytes || sum != f.XXH3) {
			err = &fault.RowError{File: from, Row: -1, Err: errors.New("it changed while it was uploaded")}
		}
		if err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	name := store.Join(d.kept, recordName)
	err = store.PutNew(ctx, name, b)
	if !errors.Is(err, fs.ErrExist) {
		return rec, err
	}
	if first, err := d.trust(ctx, rec.Task); err != nil {
		return nil, err
	} else if first != nil {
		return first, errors.Join(first.same(rec), store.Remove(ctx, store.Join(d.kept, rec.Attempt)))
	}
	return rec, writeJSONFile(name, rec) // it was of no use: another task's, or without its files
}

// keep leaves the files of an attempt that this process has just published where
// fetch would bring them.
func (d taskDirs) keep() error {
	if err := os.RemoveAll(d.done); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(d.done), 0o777); err != nil {
		return store.DiskFull(d.done, err)
	}
	return store.DiskFull(d.done, os.Rename(d.run, d.done))
}

// fetch brings the files of a finished task here. It returns nil if the store has
// lost one: then the task is to be done again.
func (d taskDirs) fetch(ctx context.Context, rec *record) (*record, error) {
	if ok, err := rec.complete(ctx, d.files(rec)); !ok {
		return nil, err
	}
	for _, f := range rec.Files {
		if err := store.Fetch(ctx, store.Join(d.kept, rec.Attempt, f.Name), store.Join(d.done, f.Name), f.Bytes, f.XXH3); err != nil {
			return nil, err
		}
	}
	return rec, os.MkdirAll(d.done, 0o777)
}

// rename gives work in progress another name, here and in the store.
func (w work) rename(ctx context.Context, to work) error {
	if w.kept != w.dir {
		for f, err := range store.List(ctx, w.kept, true) {
			if err == nil {
				err = store.Move(ctx, f.Name, store.Join(to.kept, store.Rel(w.kept, f.Name)))
			}
			if err != nil {
				return err
			}
		}
		if _, err := os.Lstat(w.dir); err != nil {
			return nil // it was begun on another machine
		}
	}
	return os.Rename(w.dir, to.dir)
}

// complete returns an assembly if each of its files is where it was or where it
// goes to. If not, it is forgotten, and the tasks whose files are missing run again.
func (w work) complete(ctx context.Context, a *assembly, final string) (*assembly, error) {
	here, err := sizesOf(ctx, w.kept)
	if err != nil {
		return nil, err
	}
	there, err := sizesOf(ctx, final)
	if err != nil {
		return nil, err
	}
	for _, f := range a.Manifest.Shards {
		was, waiting := here[a.From[f.Name]+"/"+f.Name]
		is, moved := there[f.Name]
		if !(waiting && was == f.Bytes) && !(moved && is == f.Bytes) {
			return nil, store.Remove(ctx, store.Join(w.kept, assemblyName))
		}
	}
	return a, nil
}

// finishRemote moves the files of an assembly to their place, and writes the
// manifest last. After a crash it is done again from the beginning.
func (r *run) finishRemote(ctx context.Context, w work, a *assembly, name string) error {
	final := store.Join(r.root, name)
	if err := store.Remove(ctx, store.Join(final, ManifestName)); err != nil {
		return err
	}
	if err := r.breakAt("old result moved away"); err != nil {
		return err
	}
	waiting, err := sizesOf(ctx, w.kept)
	if err != nil {
		return err
	}
	belongs := map[string]bool{}
	for _, f := range a.Manifest.Shards {
		belongs[f.Name] = true
	}
	const uploads = 8 // requests at a time
	err = pool(ctx, uploads, len(a.Manifest.Shards), func(ctx context.Context, i int) error {
		f := a.Manifest.Shards[i]
		from := a.From[f.Name] + "/" + f.Name
		if _, ok := waiting[from]; !ok {
			return nil // moved before a crash
		}
		if err := store.Move(ctx, store.Join(w.kept, from), store.Join(final, f.Name)); err != nil {
			return err
		}
		return r.breakAt("file moved")
	})
	if err != nil {
		return err
	}
	for f, err := range store.List(ctx, final, true) {
		if err == nil && !belongs[store.Rel(final, f.Name)] {
			err = store.Remove(ctx, f.Name) // of the older result
		}
		if err != nil {
			return err
		}
	}
	if err := writeJSONFile(store.Join(final, ManifestName), a.Manifest); err != nil {
		return err
	}
	if err := r.breakAt("manifest written"); err != nil {
		return err
	}
	return r.tidy(ctx, w, name)
}

// recoverRemote finishes the stages whose results were decided when a crash came.
func (r *run) recoverRemote(ctx context.Context, works []work) error {
	for _, w := range works {
		name, _, _ := strings.Cut(filepath.Base(w.dir), ".")
		a, err := w.loadAssembly(ctx, store.Join(r.root, name), r.cluster != nil)
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		if err := r.finishRemote(ctx, w, a, name); err != nil {
			return err
		}
	}
	return nil
}

// streamed are the kinds whose files are read in order, wherever they lie. Others
// are mapped into memory or opened by path.
var streamed = map[Kind]bool{Documents: true, Examples: true, Predictions: true}

// fetchInputs makes local copies of finished inputs in other stores, unless their
// files can be read there. A copy is found again by the manifest, which has all
// checksums in it.
func (s *stage) fetchInputs(ctx context.Context) error {
	for _, dirs := range s.inputs {
		for i, d := range dirs {
			if d.Manifest == nil || !store.IsRemote(d.Path) || streamed[d.Manifest.Kind] {
				continue
			}
			b, err := json.Marshal(d.Manifest)
			if err != nil {
				return err
			}
			to, err := store.CacheDir("artifacts", store.CacheName(string(b)))
			if err != nil {
				return err
			}
			for _, f := range d.Manifest.Shards {
				if err := store.Fetch(ctx, d.File(f.Name), store.Join(to, f.Name), f.Bytes, f.XXH3); err != nil {
					return fmt.Errorf("stage %s: its input: %w", s.Name, err)
				}
			}
			if err := writeJSONFile(filepath.Join(to, ManifestName), d.Manifest); err != nil {
				return err
			}
			dirs[i].Path = to
		}
	}
	return nil
}
