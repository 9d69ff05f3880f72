package corpus

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fragua/pipeline"
)

// Raw says which files a source reads, and what they are called.
type Raw struct {
	Path pipeline.Path `yaml:"path" doc:"A file, a folder (all files in it of the source's kind), or a pattern with *, ** and {a,b}."`
	As   string        `yaml:"name" doc:"The source column of its documents; the kind of source if left out."`
	Own  []StepChoice  `yaml:"steps" doc:"What happens to the documents of this source alone, after the stage's steps."`

	kind       string   // name in the table of sources
	extensions []string // that a folder is searched for
}

// Name returns the source column of its documents.
func (r *Raw) Name() string {
	if r.As != "" {
		return r.As
	}
	return r.kind
}

// Steps returns the steps of this source alone.
func (r *Raw) Steps() []StepChoice { return r.Own }

func (r *Raw) check() []pipeline.Fault {
	if r.Path.Written == "" {
		return missing("path", r.kind+" needs a path", `path: "folder/**/*`+r.extensions[0]+`"`)
	}
	if !doublestar.ValidatePattern(filepath.ToSlash(r.Path.Abs)) {
		return missing("path", fmt.Sprintf("%q is no valid pattern", r.Path.Written), "close every [ and {; write \\[ for a bracket in a name")
	}
	return nil
}

// Check finds what types cannot show.
func (r *Raw) Check() []pipeline.Fault { return r.check() }

// root splits the path into the folder that names are relative to and the rest.
func (r *Raw) root() (dir, pattern string) {
	abs := filepath.ToSlash(r.Path.Abs)
	if info, err := os.Stat(r.Path.Abs); err == nil {
		if info.IsDir() {
			return abs, "**/*"
		}
		return path.Dir(abs), escape(path.Base(abs))
	}
	return doublestar.SplitPattern(abs)
}

// escape makes a pattern that matches a name alone.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "{", `\{`).Replace(name)
}

// Files lists the files, sorted by name. Hidden files and folders are passed
// over unless the pattern names them; ** does not go through links to folders,
// which may lead in circles.
func (r *Raw) Files() ([]File, error) {
	dir, pattern := r.root()
	names, err := doublestar.Glob(os.DirFS(filepath.FromSlash(dir)), pattern, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors(), doublestar.WithNoFollow())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", r.Path.Written, err)
	}
	folder := pattern == "**/*"
	names = slices.DeleteFunc(names, func(name string) bool {
		return folder && (!r.reads(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/."))
	})
	slices.Sort(names)
	files := make([]File, 0, len(names))
	for _, name := range names {
		p := filepath.Join(dir, filepath.FromSlash(name))
		info, err := os.Stat(p)
		if err != nil {
			return nil, pipeline.Hintf(err, "mend the link, or narrow the path")
		}
		if info.Mode().IsRegular() { // neither a pipe nor a link to a folder
			files = append(files, File{pipeline.RawFile{Name: name, Path: p}, info.Size()})
		}
	}
	if len(files) == 0 {
		err := fmt.Errorf("%s: no file matches", r.Path.Written)
		if folder {
			return nil, pipeline.Hintf(err, "looked in %s for files ending in %s (.gz, .zst, .xz too)", dir, strings.Join(r.extensions, ", "))
		}
		return nil, pipeline.Hintf(err, "looked for %s in %s; relative paths start at the recipe's folder", pattern, dir)
	}
	return files, nil
}

// reads reports whether a folder's file is of the source's kind.
func (r *Raw) reads(name string) bool {
	return slices.Contains(r.extensions, extension(name))
}

// extension returns the extension of a name before that of its compression, in
// lower case: ".txt" of "Emma.TXT.gz".
func extension(name string) string {
	name = strings.ToLower(name)
	if compressions[path.Ext(name)] {
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return path.Ext(name)
}

// locate returns the path on this machine of one of the source's files.
func (r *Raw) locate(name string) string {
	dir, _ := r.root()
	return filepath.Join(filepath.FromSlash(dir), filepath.FromSlash(name))
}
