package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// assembly is the last act of a stage: which finished tasks' files make its
// result. Once it is on disk the tasks are not asked again; each further step
// can be repeated, so a crash between two of them is made good by doing them
// all again.
//
//	1 assembly.json is written
//	2 the files move from done/TASK/ into out/
//	3 out/manifest.json is written
//	4 an older result moves to .fragua/old/
//	5 out/ becomes STAGE/
//	6 the older result and the work folder go
type assembly struct {
	Manifest *Manifest         `json:"manifest"`
	From     map[string]string `json:"from"` // file → folder below the work folder
}

// add takes in the files of a phase's tasks.
func (a *assembly) add(w, phase work, records []*record) error {
	a.From = map[string]string{}
	owner := map[string]string{} // file → task
	for _, rec := range records {
		dir := store.Rel(w.kept, phase.task(rec.Task.ID).files(rec))
		for _, f := range rec.Files {
			if other, ok := owner[f.Name]; ok {
				return fmt.Errorf("two tasks wrote %s: %s and %s", f.Name, other, rec.Task.ID)
			}
			owner[f.Name] = rec.Task.ID
			a.From[f.Name] = dir
			a.Manifest.Shards = append(a.Manifest.Shards, f)
		}
	}
	slices.SortFunc(a.Manifest.Shards, func(x, y shard.File) int { return strings.Compare(x.Name, y.Name) })
	return nil
}

// loadAssembly returns the assembly that was begun, nil if there is none or if
// its files are damaged: then the tasks whose files are missing run again. Trust looks
// at their sizes alone.
func (w work) loadAssembly(ctx context.Context, final string, trust bool) (*assembly, error) {
	a := new(assembly)
	name := store.Join(w.kept, assemblyName)
	if err := readJSONFile(name, a); err != nil || a.Manifest == nil || checkSeal(a.Manifest) != nil {
		return nil, nil // absent, or cut by a crash of the disk itself
	}
	if w.kept != w.dir {
		return w.complete(ctx, a, final)
	}
	verify := verify
	if trust {
		verify = verifySizes
	}
	for _, f := range a.Manifest.Shards {
		if verify(filepath.Join(w.dir, "out"), []shard.File{f}) != nil && verify(filepath.Join(w.dir, filepath.FromSlash(a.From[f.Name])), []shard.File{f}) != nil {
			return nil, errors.Join(os.Remove(name), os.RemoveAll(filepath.Join(w.dir, "out")))
		}
	}
	return a, nil
}

// finish takes steps 2 to 6.
func (r *run) finish(ctx context.Context, w work, a *assembly, name string) error {
	if err := r.breakAt("assembly written"); err != nil {
		return err
	}
	if w.kept != w.dir {
		return r.finishRemote(ctx, w, a, name)
	}
	if err := r.assemble(w, a); err != nil {
		return err
	}
	return r.install(ctx, w, name)
}

// assemble takes steps 2 and 3.
func (r *run) assemble(w work, a *assembly) error {
	out := filepath.Join(w.dir, "out")
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	folders := map[string]bool{out: true}
	for _, f := range a.Manifest.Shards {
		name := filepath.FromSlash(f.Name)
		to := filepath.Join(out, name)
		for dir := filepath.Dir(to); dir != out; dir = filepath.Dir(dir) {
			folders[dir] = true
		}
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(w.dir, filepath.FromSlash(a.From[f.Name]), name), to); err != nil {
			return err
		}
		if err := r.breakAt("file moved"); err != nil {
			return err
		}
	}
	for dir := range folders {
		if err := store.SyncDir(dir); err != nil {
			return err
		}
	}
	if err := writeJSONFile(filepath.Join(out, ManifestName), a.Manifest); err != nil {
		return err
	}
	return r.breakAt("manifest written")
}

// install takes steps 4 to 6.
func (r *run) install(ctx context.Context, w work, name string) error {
	final := filepath.Join(r.root, name)
	old := filepath.Join(r.root, stateDir, "old", name)
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if _, err := os.Lstat(final); err == nil {
		if err := os.MkdirAll(filepath.Dir(old), 0o777); err != nil {
			return err
		}
		if err := os.Rename(final, old); err != nil {
			return err
		}
	}
	if err := r.breakAt("old result moved away"); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(w.dir, "out"), final); err != nil {
		return err
	}
	if err := store.SyncDir(r.root); err != nil {
		return err
	}
	if err := r.breakAt("result in place"); err != nil {
		return err
	}
	return r.tidy(ctx, w, name)
}

// tidy takes step 6: it keeps the fingerprint and removes what a finished stage no
// longer needs, also the work begun with other settings.
func (r *run) tidy(ctx context.Context, w work, name string) error {
	if err := store.Move(ctx, store.Join(w.kept, "fingerprint.json"), store.Join(r.root, stateDir, "fingerprints", name+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := r.breakAt("fingerprint kept"); err != nil {
		return err
	}
	works, err := r.works(ctx, name)
	if err != nil {
		return err
	}
	for _, w := range append(works, w) {
		if err := w.remove(ctx); err != nil {
			return err
		}
	}
	return store.Remove(ctx, store.Join(r.root, stateDir, "old", name))
}

// recover makes good what a crash broke off in steps 4 to 6, before anybody
// looks at what is on disk.
func (r *run) recover(ctx context.Context) error {
	works, err := r.works(ctx, "")
	if err != nil {
		return err
	}
	if r.local != r.root {
		return r.recoverRemote(ctx, works)
	}
	for _, w := range works {
		name, key, _ := strings.Cut(filepath.Base(w.dir), ".")
		out := filepath.Join(w.dir, "out")
		if keyOf(out) == key {
			// The new manifest exists: the new result counts.
			if err := r.install(ctx, w, name); err != nil {
				return err
			}
			continue
		}
		assembled := fileExists(filepath.Join(w.dir, assemblyName)) && !fileExists(out)
		if assembled && keyOf(filepath.Join(r.root, name)) == key {
			if err := r.tidy(ctx, w, name); err != nil {
				return err
			}
		}
	}
	old, err := os.ReadDir(filepath.Join(r.root, stateDir, "old"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range old {
		from, to := filepath.Join(r.root, stateDir, "old", e.Name()), filepath.Join(r.root, e.Name())
		if fileExists(to) {
			err = os.RemoveAll(from)
		} else {
			err = os.Rename(from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keyOf returns the key of a finished stage's folder, or "".
func keyOf(dir string) string {
	m, err := ReadManifest(dir)
	if err != nil {
		return ""
	}
	return m.Key
}

func fileExists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
