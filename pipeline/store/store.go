package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"

	"fragua/pipeline/fault"
)

// A Store keeps files under names. Its errors name the file; that of one that is
// missing matches fs.ErrNotExist.
type Store interface {
	// Open opens a file to be read in ranges.
	Open(ctx context.Context, name string) (Reader, error)
	// Create begins a file. It appears at Commit, whole, and replaces one of its
	// name.
	Create(ctx context.Context, name string) (Sink, error)
	// PutNew writes a small file unless there is one of that name: then its error
	// matches fs.ErrExist. Of several writers one wins.
	PutNew(ctx context.Context, name string, content []byte) error
	// Stat describes a file, or a folder.
	Stat(ctx context.Context, name string) (Info, error)
	// List yields the files below a folder, sorted by name; a folder that is not
	// there has none. Folders are yielded, and not entered, unless deep.
	List(ctx context.Context, dir string, deep bool) iter.Seq2[Info, error]
	// Move gives a file another name, replacing one that has it.
	Move(ctx context.Context, from, to string) error
	// Remove removes a file, or a folder with all below it. What is not there is
	// no error.
	Remove(ctx context.Context, name string) error
}

// A Reader reads a file at any offset. It is safe for concurrent use.
type Reader interface {
	io.ReaderAt
	io.Closer
	Info() Info
}

// A Sink takes a file that is being written. Abort after Commit does nothing.
type Sink interface {
	io.Writer
	Commit() error
	Abort()
}

// Info describes a file or folder.
type Info struct {
	Name string // as Open takes it
	Size int64  // in bytes
	Time time.Time
	Dir  bool
	Tag  string // of this version of the file, where the store has versions

	Special bool // neither a file nor a folder: a pipe, or a matching link to a folder
}

// stores is THE table of stores, by the scheme of their names.
var stores = map[string]func(name string) (Store, error){
	"s3": openS3,
}

// For returns the store of a name: s3://bucket/key, or a path of this machine.
func For(name string) (Store, error) {
	scheme, _, ok := strings.Cut(name, "://")
	if !ok {
		return local{}, nil
	}
	if scheme == "file" {
		return nil, &fault.UsageError{Err: fault.Hintf(fmt.Errorf("%s: a path of this machine is written without file://", name), "write %s", strings.TrimPrefix(name, "file://"))}
	}
	open, ok := stores[scheme]
	if !ok {
		return nil, &fault.UsageError{Err: fault.Hintf(fmt.Errorf("%s: there is no store of this kind", name), "write s3://BUCKET/KEY, or a path of this machine")}
	}
	return open(name)
}

// IsRemote reports whether a name is that of a store beyond this machine.
func IsRemote(name string) bool { return strings.Contains(name, "://") }

// Join joins a folder's name and names in it, with slashes, to a name.
func Join(dir string, names ...string) string {
	if !IsRemote(dir) {
		return filepath.Join(dir, filepath.FromSlash(path.Join(names...)))
	}
	return strings.TrimSuffix(dir, "/") + path.Join("/", path.Join(names...))
}

// Folder returns the name of the folder that a file lies in.
func Folder(name string) string {
	if !IsRemote(name) {
		return filepath.Dir(name)
	}
	return name[:strings.LastIndexByte(name, '/')]
}

// Rel returns the name of a file relative to a folder that it lies in, with
// slashes.
func Rel(dir, name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(filepath.ToSlash(name), filepath.ToSlash(strings.TrimSuffix(dir, "/"))), "/")
}

// Abs resolves a name against the working directory.
func Abs(name string) (string, error) {
	if !IsRemote(name) {
		return filepath.Abs(name)
	}
	if _, err := For(name); err != nil {
		return "", err
	}
	u, err := url.Parse(name)
	if err != nil || u.Host == "" {
		return "", &fault.UsageError{Err: fault.Hintf(fmt.Errorf("%s names no bucket", name), "write s3://BUCKET/KEY")}
	}
	scheme, rest, _ := strings.Cut(name, "://")
	return scheme + "://" + path.Clean(rest), nil
}

// Stat describes a file or folder.
func Stat(name string) (Info, error) {
	s, err := For(name)
	if err != nil {
		return Info{}, err
	}
	return s.Stat(context.Background(), name)
}

// Open opens a file to be read in ranges.
func Open(ctx context.Context, name string) (Reader, error) {
	s, err := For(name)
	if err != nil {
		return nil, err
	}
	return s.Open(ctx, name)
}

// Exists reports whether there is a file or folder of that name.
func Exists(name string) bool {
	_, err := Stat(name)
	return err == nil
}

// List lists what is below a folder: see Store.
func List(ctx context.Context, dir string, deep bool) iter.Seq2[Info, error] {
	s, err := For(dir)
	if err != nil {
		return func(yield func(Info, error) bool) { yield(Info{}, err) }
	}
	return s.List(ctx, dir, deep)
}

// Remove removes a file, or a folder with all below it.
func Remove(ctx context.Context, name string) error {
	s, err := For(name)
	if err != nil {
		return err
	}
	return s.Remove(ctx, name)
}

// Move gives a file another name in the same store.
func Move(ctx context.Context, from, to string) error {
	s, err := For(from)
	if err != nil {
		return err
	}
	return s.Move(ctx, from, to)
}

// PutNew writes a small file unless there is one of that name: see Store.
func PutNew(ctx context.Context, name string, content []byte) error {
	s, err := For(name)
	if err != nil {
		return err
	}
	return s.PutNew(ctx, name, content)
}

// ReadFile returns the content of a file.
func ReadFile(name string) ([]byte, error) {
	s, err := For(name)
	if err != nil {
		return nil, err
	}
	r, err := s.Open(context.Background(), name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, r.Info().Size)
	n, err := r.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// reader reads a file from its beginning to its end.
func reader(r Reader) io.Reader { return io.NewSectionReader(r, 0, r.Info().Size) }

// notExist is the error of a file that is missing.
func notExist(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// missing reports whether an error says that there is no such file.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
