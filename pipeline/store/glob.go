package store

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fragua/pipeline/fault"
)

// Glob lists the files below a folder whose names in it match a pattern with *, **
// and {a,b}, sorted by name; a folder that is not there has none. Here ** does not
// follow links to folders, which may lead in circles. A link behind which there is
// nothing is an error.
func Glob(ctx context.Context, dir, pattern string) ([]Info, error) {
	if IsRemote(dir) {
		return globRemote(ctx, dir, pattern)
	}
	names, err := doublestar.Glob(os.DirFS(dir), pattern, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors(), doublestar.WithNoFollow())
	if err != nil && !missing(err) {
		return nil, err
	}
	slices.Sort(names)
	var files []Info
	for _, name := range names {
		at := Join(dir, name)
		info, err := os.Stat(at)
		if err != nil {
			return nil, fault.Hintf(err, "repair the link, or narrow the path")
		}
		f := describe(at, info)
		f.Special = !info.Mode().IsRegular()
		files = append(files, f)
	}
	return files, nil
}

func globRemote(ctx context.Context, dir, pattern string) ([]Info, error) {
	var files []Info
	for f, err := range List(ctx, dir, strings.Contains(pattern, "/") || strings.Contains(pattern, "**")) {
		if err != nil {
			return nil, err
		}
		ok, err := doublestar.Match(pattern, Rel(dir, f.Name))
		if err != nil {
			return nil, err
		}
		if ok && !f.Dir {
			files = append(files, f)
		}
	}
	return files, nil
}
