package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"unsafe"
)

// The files of a model folder that hold its arrays: one, or several with an index.
const (
	SingleFile = "model.safetensors"
	IndexFile  = SingleFile + ".index.json"
)

// A Set is the arrays of a model folder, in one file or in shards.
type Set struct {
	path  string // the file that names all arrays
	files map[string]*File
	home  map[string]*File // of each array
}

// OpenFolder opens model.safetensors of a folder, or else the shards that
// model.safetensors.index.json lists. Every array must lie in the file that the index names, and
// nowhere else.
func OpenFolder(dir string) (*Set, error) {
	single := filepath.Join(dir, SingleFile)
	if _, err := os.Stat(single); !errors.Is(err, fs.ErrNotExist) {
		f, err := Open(single)
		if err != nil {
			return nil, err
		}
		s := &Set{path: single, files: map[string]*File{SingleFile: f}, home: map[string]*File{}}
		for name := range f.arrays {
			s.home[name] = f
		}
		return s, nil
	}
	path := filepath.Join(dir, IndexFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(b, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Set{path: path, files: map[string]*File{}, home: map[string]*File{}}
	if err := s.open(dir, index.Map); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *Set) open(dir string, where map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(where)) {
		shard := where[name]
		if !filepath.IsLocal(shard) {
			return fmt.Errorf("array %q lies in %q, outside of the folder", name, shard)
		}
		f := s.files[shard]
		if f == nil {
			var err error
			if f, err = Open(filepath.Join(dir, shard)); err != nil {
				return err
			}
			s.files[shard] = f
		}
		if _, ok := f.arrays[name]; !ok {
			return fmt.Errorf("array %q is not in %s", name, shard)
		}
		s.home[name] = f
	}
	for shard, f := range s.files {
		for name := range f.arrays {
			if s.home[name] != f {
				return fmt.Errorf("array %q of %s is not listed there", name, shard)
			}
		}
	}
	return nil
}

// Path is the file that names all arrays.
func (s *Set) Path() string { return s.path }

// Names returns the names of the arrays, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.home)) }

// Info is File.Info.
func (s *Set) Info(name string) (Info, bool) {
	if f := s.home[name]; f != nil {
		return f.Info(name)
	}
	return Info{}, false
}

// Float32 is File.Float32.
func (s *Set) Float32(name string) ([]float32, []int, error) {
	f := s.home[name]
	if f == nil {
		return nil, nil, fmt.Errorf("%s: there is no array %q", s.path, name)
	}
	return f.Float32(name)
}

// Int8 reads one array of I8; ok is false if there is none or it is of another type.
func (s *Set) Int8(name string) (v []int8, ok bool, err error) {
	f := s.home[name]
	if f == nil || f.arrays[name].DType != "I8" {
		return nil, false, nil
	}
	a, err := f.Array(name)
	if err != nil || len(a.Data) == 0 {
		return nil, err == nil, err
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(&a.Data[0])), len(a.Data)), true, nil
}

// Close closes all files.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
