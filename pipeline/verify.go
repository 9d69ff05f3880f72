package pipeline

import (
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
	if s.run.o.NoVerify || store.IsRemote(s.dir()) { // what is fetched is held against its checksum then
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
	if s.run.o.NoVerify {
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
