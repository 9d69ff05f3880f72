package corpus

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// Raw says which files a source reads, and what they are called.
type Raw struct {
	Path settings.Path `yaml:"path" doc:"A file, a folder (all files in it of the source's kind), or a pattern with *, ** and {a,b}."`
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

func (r *Raw) raw() *Raw { return r }

// Steps returns the steps of this source alone.
func (r *Raw) Steps() []StepChoice { return r.Own }

func (r *Raw) check() []fault.Fault {
	if r.Path.Written == "" {
		return missing("path", r.kind+" needs a path", `path: "folder/**/*`+r.extensions[0]+`"`)
	}
	if !doublestar.ValidatePattern(filepath.ToSlash(r.Path.Abs)) {
		return missing("path", fmt.Sprintf("%q is no valid pattern", r.Path.Written), "close every [ and {; write \\[ for a bracket in a name")
	}
	return nil
}

// Check finds what types cannot show.
func (r *Raw) Check() []fault.Fault { return r.check() }

// Files lists the files, sorted by name.
func (r *Raw) Files() ([]File, error) {
	files, _, err := records.List(r.Path, r.reads)
	if err != nil || len(files) > 0 {
		return files, err
	}
	err = fmt.Errorf("%s: no file matches", r.Path.Written)
	dir, pattern := records.Root(r.Path)
	if records.IsFolder(r.Path) {
		return nil, fault.Hintf(err, "looked in %s for files ending in %s (%s too)", dir, strings.Join(r.extensions, ", "), strings.Join(records.Compressions(), ", "))
	}
	return nil, fault.Hintf(err, "looked for %s in %s; relative paths start at the recipe's folder", pattern, dir)
}

// reads reports whether a folder's file is of the source's kind.
func (r *Raw) reads(name string) bool {
	return slices.Contains(r.extensions, records.Extension(name))
}

// file returns the file that a range is of.
func (r *Raw) file(at Range) File {
	f := File{Name: at.File, Path: records.Locate(r.Path, at.File)}
	if info, err := store.Stat(f.Path); err == nil { // where it is gone, opening it says so
		f.Size = info.Size
	}
	return f
}
