package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// A sealed value is written with a checksum of itself, so that a flipped bit in
// it is noticed.
type sealed interface{ checksum() *string }

// seal sets the checksum: XXH3 of the value's JSON with an empty checksum.
func seal(v sealed) { *v.checksum() = sealOf(v) }

func sealOf(v sealed) string {
	was := *v.checksum()
	*v.checksum() = ""
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data
	}
	*v.checksum() = was
	return fmt.Sprintf("%016x", xxh3.Hash(b))
}

// checkSeal compares a value with its checksum.
func checkSeal(v sealed) error {
	if sum := sealOf(v); sum != *v.checksum() {
		return fmt.Errorf("its content changed: checksum %s, was %s", sum, *v.checksum())
	}
	return nil
}

// verify compares files with their sizes and checksums; the error names all that
// differ.
func verify(dir string, files []shard.File) error {
	var faults []error
	for _, f := range files {
		faults = append(faults, VerifyFile(dir, f))
	}
	return errors.Join(faults...)
}

// verifySizes compares files with their sizes alone.
func verifySizes(dir string, files []shard.File) error {
	for _, f := range files {
		if info, err := store.Stat(store.Join(dir, f.Name)); err != nil || info.Size != f.Bytes {
			return fmt.Errorf("%s is missing, or has another size", f.Name)
		}
	}
	return nil
}

// VerifyFile reads a file of a finished stage and compares it with what the
// manifest says of it.
func VerifyFile(dir string, f shard.File) error {
	path := store.Join(dir, f.Name)
	switch size, sum, err := store.HashFile(path); {
	case err != nil:
		return err
	case size != f.Bytes:
		return &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("it has %d bytes, but %d were written", size, f.Bytes)}
	case sum != f.XXH3:
		return &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("its content changed: checksum %s, was %s", sum, f.XXH3)}
	}
	return nil
}

// Verify reads every file of a finished stage and compares it with the
// manifest; the error names all that differ.
func (d Dir) Verify() error {
	if d.Manifest == nil {
		return fmt.Errorf("%s has no manifest", d.Path)
	}
	return verify(d.Path, d.Manifest.Shards)
}

// damaged names a file of a stage's result that is not what its manifest says. A
// file is read only if its size or time changed since it was read last.
func (s *stage) damaged() string {
	if s.run.o.NoVerify || s.run.cluster != nil || store.IsRemote(s.dir()) { // what is fetched is held against its checksum then
		return ""
	}
	for _, f := range s.manifest.Shards {
		sum, err := s.run.sums.Sum(filepath.Join(s.dir(), filepath.FromSlash(f.Name)))
		if err != nil || sum != f.XXH3 {
			return f.Name
		}
	}
	return ""
}

// verifyInputs reads all files that a stage is about to read, once in a run, and
// compares them with their manifests. It costs what reading them costs: hashing
// runs at several GB/s.
func (s *stage) verifyInputs() error {
	if s.run.o.NoVerify || s.run.cluster != nil { // more than one machine should read; their stages verified them
		return nil
	}
	for _, input := range sortedKeys(s.inputs) {
		for _, d := range s.inputs[input] {
			if s.run.verified[d.Path] || store.IsRemote(d.Path) {
				continue
			}
			if err := d.Verify(); err != nil {
				return fault.Hintf(fmt.Errorf("stage %s: its input is damaged: %w", s.Name, err), "run the stage that made it again with --only %s --force", filepath.Base(d.Path))
			}
			s.run.verified[d.Path] = true
		}
	}
	return nil
}

// checksumsPhase reads what the tasks of a stage's last phase left on a cluster, and
// compares it with their records.
func (s *stage) checksumsPhase(last string) Phase {
	const bytes = 4 << 30 // that a task reads, or little more
	find := func(done Done) (taskDirs, *record, error) {
		dirs := s.work().phase(len(s.With.Phases())-1, last).task(done.Task.ID)
		rec, err := dirs.read(done.Task)
		if err == nil && rec == nil {
			err = fmt.Errorf("task %s has no record", done.Task.ID)
		}
		return dirs, rec, err
	}
	return Phase{Name: "checksums",
		Tasks: func(_ context.Context, env *Env) (tasks []Task, err error) {
			all := env.Phase(last)
			for from := 0; from < len(all); {
				to, size := from, int64(0)
				for ; to < len(all) && size < bytes; to++ {
					size += all[to].bytes
				}
				t, err := NewTask(fmt.Sprintf("%05d", len(tasks)), [2]int{from, to})
				if err != nil {
					return nil, err
				}
				tasks, from = append(tasks, t), to
			}
			return tasks, nil
		},
		Do: func(ctx context.Context, env *Env, t Task) (c Counts, err error) {
			var part [2]int
			if err := json.Unmarshal(t.Part, &part); err != nil {
				return c, err
			}
			for _, done := range env.Phase(last)[part[0]:part[1]] {
				if ctx.Err() != nil {
					return c, context.Cause(ctx)
				}
				dirs, rec, err := find(done)
				if err != nil {
					return c, err
				}
				if err := verify(dirs.files(rec), rec.Files); err != nil {
					err = fault.Hintf(fmt.Errorf("what task %s left is damaged: %w", done.Task.ID, err), "give the same command again: the task is done again; look at the disk or the network if it happens more than once")
					return c, errors.Join(err, store.Remove(ctx, dirs.kept))
				}
			}
			return c, nil
		}}
}
