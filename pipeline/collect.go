package pipeline

import (
	"errors"
	"fmt"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

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
