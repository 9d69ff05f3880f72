package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"fragua/pipeline/fault"
)

// WriteFile makes a file appear whole or not at all: write fills a temporary
// file beside it, which is fsynced, renamed and made durable by an fsync of the
// folder. Missing folders are made. A full disk gives a *DiskFullError.
func WriteFile(name string, write func(io.Writer) error) error {
	f, err := Create(name)
	if err != nil {
		return err
	}
	defer f.Abort()
	b := bufio.NewWriterSize(f, 1<<16)
	if err := write(b); err != nil {
		return DiskFull(name, err)
	}
	if err := b.Flush(); err != nil {
		return DiskFull(name, err)
	}
	return f.Commit()
}

// A File is being written, in any store: it appears at Commit. It counts and
// hashes what passes, so that nobody reads the file again for its checksum.
type File struct {
	Sink
	hash *xxh3.Hasher
	Size int64 // bytes written so far
}

// Create begins a file, in folders that it makes.
func Create(name string) (*File, error) { return CreateContext(context.Background(), name) }

// CreateContext is Create of a file whose upload ends with the context.
func CreateContext(ctx context.Context, name string) (*File, error) {
	s, err := For(name)
	if err != nil {
		return nil, err
	}
	sink, err := s.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	return &File{Sink: sink, hash: xxh3.New()}, nil
}

func (f *File) Write(p []byte) (int, error) {
	n, err := f.Sink.Write(p)
	f.hash.Write(p[:n])
	f.Size += int64(n)
	return n, err
}

// Sum returns the checksum of what was written, as HashFile writes it.
func (f *File) Sum() string { return fmt.Sprintf("%016x", f.hash.Sum64()) }

// TempName is what a local file is called until it is whole. Leftovers of a crash
// are overwritten, and never counted as output.
func TempName(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+tempSuffix)
}

const tempSuffix = ".tmp"

// localFile has a hidden name until Commit.
type localFile struct {
	name string
	tmp  string
	file *os.File
}

func createLocal(name string) (*localFile, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, DiskFull(name, err)
	}
	tmp := TempName(name)
	f, err := os.Create(tmp)
	if err != nil {
		return nil, DiskFull(name, err)
	}
	return &localFile{name: name, tmp: tmp, file: f}, nil
}

func (d *localFile) Write(p []byte) (int, error) { return d.file.Write(p) }

// Commit makes the file durable and gives it its name.
func (d *localFile) Commit() error {
	err := d.file.Sync()
	err = errors.Join(err, d.file.Close())
	d.file = nil
	if err == nil {
		err = os.Rename(d.tmp, d.name)
	}
	if err == nil {
		return SyncDir(filepath.Dir(d.name))
	}
	os.Remove(d.tmp)
	return DiskFull(d.name, err)
}

// Abort removes a file that was not committed; after Commit it does nothing.
func (d *localFile) Abort() {
	if d.file != nil {
		d.file.Close()
		os.Remove(d.tmp)
		d.file = nil
	}
}

// HashFile returns the size and the checksum of a file.
func HashFile(name string) (size int64, sum string, err error) {
	st, err := For(name)
	if err != nil {
		return 0, "", err
	}
	f, err := st.Open(context.Background(), name)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := xxh3.New()
	size, err = io.CopyBuffer(h, struct{ io.Reader }{reader(f)}, make([]byte, 1<<18))
	if err != nil {
		return 0, "", &fault.RowError{File: name, Row: -1, Err: err}
	}
	return size, fmt.Sprintf("%016x", h.Sum64()), nil
}

// A DiskFullError says which file could not be written, and how much room the
// disk has left.
type DiskFullError struct {
	File string
	Free int64 // bytes; -1 where the system does not tell
	Err  error
}

func (e *DiskFullError) Error() string {
	if e.Free < 0 {
		return fmt.Sprintf("disk full while writing %s", e.File)
	}
	return fmt.Sprintf("disk full while writing %s: %d KiB free", e.File, e.Free>>10)
}

func (e *DiskFullError) Unwrap() error { return e.Err }

// DiskFull gives a full disk its own error with a remedy; any other error
// passes as it is.
func DiskFull(name string, err error) error {
	var already *DiskFullError
	if err == nil || errors.As(err, &already) || !isDiskFull(err) {
		return err
	}
	var path *os.PathError
	if errors.As(err, &path) {
		name = path.Path
	}
	full := &DiskFullError{File: name, Free: FreeBytes(filepath.Dir(name)), Err: err}
	return fault.Hintf(full, "make room and give the same command again: finished tasks are kept, and the run goes on from them")
}
