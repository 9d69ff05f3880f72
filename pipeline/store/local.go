package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"fragua/pipeline/fault"
)

// local is the store of this machine's files: see doc.go for how they appear.
type local struct{}

type localReader struct {
	*os.File
	info Info
}

func (r localReader) Info() Info { return r.info }

func (local) Open(_ context.Context, name string) (Reader, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fault.Hintf(fmt.Errorf("%s is a folder", name), "name a file in it")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return localReader{f, describe(name, info)}, nil
}

func (local) Create(_ context.Context, name string) (Sink, error) { return createLocal(name) }

// PutNew links a finished temporary file to its name, which fails where there is
// one.
func (local) PutNew(_ context.Context, name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return DiskFull(name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*"+tempSuffix)
	if err != nil {
		return DiskFull(name, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return DiskFull(name, err)
	}
	if err := os.Link(f.Name(), name); err != nil {
		return DiskFull(name, err)
	}
	return SyncDir(filepath.Dir(name))
}

func (local) Stat(_ context.Context, name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return describe(name, info), nil
}

func describe(name string, info fs.FileInfo) Info {
	return Info{Name: name, Size: info.Size(), Time: info.ModTime(), Dir: info.IsDir()}
}

func (local) List(_ context.Context, dir string, deep bool) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if name == dir || err != nil {
				return err
			}
			if e.IsDir() && deep {
				return nil
			}
			info, err := e.Info()
			if missing(err) {
				return nil // gone meanwhile
			}
			if err != nil {
				return err
			}
			if !yield(describe(name, info), nil) {
				return fs.SkipAll
			}
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil && !missing(err) {
			yield(Info{}, err)
		}
	}
}

func (local) Move(_ context.Context, from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return DiskFull(to, err)
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

func (local) Remove(_ context.Context, name string) error { return os.RemoveAll(name) }
