package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"fragua/pipeline/fault"
)

// CacheDir is where this machine keeps copies of what lies in other stores, and
// the work in progress of runs there.
func CacheDir(parts ...string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fault.Hintf(fmt.Errorf("there is no folder for copies of remote files: %w", err), "set XDG_CACHE_HOME, or HOME")
	}
	return filepath.Join(append([]string{base, "fragua"}, parts...)...), nil
}

// CacheName makes a folder's name of another store's name.
func CacheName(name string) string {
	return fmt.Sprintf("%016x", xxh3.HashString(name))
}

// Copy copies a file from one store to another and returns its size and checksum.
// The copy appears whole or not at all.
func Copy(ctx context.Context, from, to string) (size int64, sum string, err error) {
	src, err := For(from)
	if err != nil {
		return 0, "", err
	}
	r, err := src.Open(ctx, from)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	f, err := CreateContext(ctx, to)
	if err != nil {
		return 0, "", err
	}
	defer f.Abort()
	if _, err := io.CopyBuffer(f, struct{ io.Reader }{reader(r)}, make([]byte, 1<<18)); err != nil {
		return 0, "", DiskFull(to, err)
	}
	return f.Size, f.Sum(), f.Commit()
}

// Fetch makes a local copy of a file whose size and checksum are known. A copy
// that is there and right is left as it is.
func Fetch(ctx context.Context, from, to string, size int64, sum string) error {
	if info, err := os.Stat(to); err == nil && info.Size() == size {
		if _, have, err := HashFile(to); err == nil && have == sum {
			return nil
		}
	}
	n, got, err := Copy(ctx, from, to)
	if err == nil && (n != size || got != sum) {
		err = errors.Join(fmt.Errorf("%s: its content changed: %d bytes with checksum %s, but %d with %s were written", from, n, got, size, sum), os.Remove(to))
	}
	return err
}

// FetchFolder makes a local copy of a folder that nothing describes, such as a
// model, and returns where it lies; a local folder is its own copy. Files whose
// size and time are as they were are not fetched again.
func FetchFolder(ctx context.Context, dir string) (string, error) {
	if !IsRemote(dir) {
		return dir, nil
	}
	to, err := CacheDir("folders", CacheName(dir))
	if err != nil {
		return "", err
	}
	for f, err := range List(ctx, dir, true) {
		if err != nil {
			return "", err
		}
		at := Join(to, Rel(dir, f.Name))
		if info, err := os.Stat(at); err == nil && info.Size() == f.Size && info.ModTime().Equal(f.Time) {
			continue
		}
		if _, _, err := Copy(ctx, f.Name, at); err != nil {
			return "", err
		}
		if err := os.Chtimes(at, f.Time, f.Time); err != nil {
			return "", err
		}
	}
	return to, nil
}

// FetchFile is FetchFolder of one file.
func FetchFile(ctx context.Context, name string) (string, error) {
	if !IsRemote(name) {
		return name, nil
	}
	info, err := Stat(name)
	if err != nil {
		return "", err
	}
	dir, err := CacheDir("files", CacheName(fmt.Sprint(name, info.Size, info.Time.UnixNano())))
	if err != nil {
		return "", err
	}
	at := filepath.Join(dir, filepath.Base(name))
	if have, err := os.Stat(at); err == nil && have.Size() == info.Size {
		return at, nil
	}
	_, _, err = Copy(ctx, name, at)
	return at, err
}
