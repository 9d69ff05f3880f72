package records

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// A File is one raw file.
type File struct {
	Name string // relative to the root of its pattern, with slashes
	Path string // where it lies: on this machine, or s3://…
	Size int64  // in bytes, as it lies on disk
}

// A Range is a piece of a file, half open. From and To are bytes of lines, row
// groups of Parquet; what cannot be divided is read whole: From 0, To Size.
type Range struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
	Size int64 `json:"size"` // about how many bytes of disk it stands for
}

// whole is the range of all of a file.
func whole(f File) Range { return Range{To: f.Size, Size: f.Size} }

// Root splits a path or pattern into the folder that names are relative to and
// the pattern of names. A folder has the pattern **/*.
func Root(p settings.Path) (dir, pattern string) {
	abs := filepath.ToSlash(p.Abs)
	if info, err := store.Stat(p.Abs); err == nil {
		if info.Dir {
			return abs, everything
		}
		return filepath.ToSlash(store.Folder(p.Abs)), escape(path.Base(abs))
	}
	return doublestar.SplitPattern(abs)
}

// IsFolder reports whether a path is a folder, all of which is searched.
func IsFolder(p settings.Path) bool {
	_, pattern := Root(p)
	return pattern == everything
}

const everything = "**/*"

// escape makes a pattern that matches a name alone.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "{", `\{`).Replace(name)
}

// List lists the files of a path or pattern, sorted by name. In a folder those
// that reads refuses are returned apart, as others, and so are hidden ones, pipes
// and links to folders; a pattern's files are all read. ** does not follow links to
// folders, which may lead in circles. The bytes of a name that are not UTF-8 are
// escaped.
func List(p settings.Path, reads func(name string) bool) (files, others []File, err error) {
	dir, pattern := Root(p)
	found, err := store.Glob(context.Background(), filepath.FromSlash(dir), pattern)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.Written, err)
	}
	for _, info := range found {
		name := store.Rel(filepath.FromSlash(dir), info.Name)
		switch f := (File{store.EscapeName(name), info.Name, info.Size}); {
		case info.Special:
			others = append(others, f)
		case pattern == everything && (IsHidden(name) || !reads(name)):
			others = append(others, f)
		default:
			files = append(files, f)
		}
	}
	return files, others, nil
}

// IsHidden reports whether a file or a folder in its path is hidden.
func IsHidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

// Locate returns where a file of a pattern lies.
func Locate(p settings.Path, name string) string {
	dir, _ := Root(p)
	at := store.Join(filepath.FromSlash(dir), name)
	if bytes := store.UnescapeName(name); bytes != name && !store.Exists(at) {
		return store.Join(filepath.FromSlash(dir), bytes)
	}
	return at
}
