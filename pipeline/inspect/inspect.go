package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// An Artifact is what a path turned out to be.
type Artifact struct {
	Path    string   `json:"path"`
	Is      string   `json:"is"`
	Facts   []Fact   `json:"facts"`
	Tables  []Table  `json:"tables,omitempty"`
	Samples []Sample `json:"samples,omitempty"`
}

// A Fact is a name and a string, number or boolean.
type Fact struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// A Table has one name a column, and rows of strings, numbers and booleans.
type Table struct {
	Title   string   `json:"title"`
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
	Bars    bool     `json:"-"` // the text draws the last column, a share
}

// A Sample is one row of a file, or something else to look at.
type Sample struct {
	Title  string `json:"title"`
	Fields []Fact `json:"fields"`
}

// Options say how much is shown.
type Options struct {
	Rows int // samples; 0: three
}

// kinds is THE table of what can be inspected; the first whose test holds opens
// the path.
var kinds = []struct {
	is   string
	test func(path string, dir bool) bool
	open func(path string, o Options, a *Artifact) error
}{
	{"run", holds(pipeline.InfoName), openRun},
	{"stage", holds(pipeline.ManifestName), openStage},
	{"model", holds("model.safetensors"), openModel},
	{"model", holds("model.safetensors.index.json"), openModel},
	{"Parquet shard", ends(".parquet"), openParquet},
	{"blocks", ends(".arrow"), openBlocks},
	{"safetensors", ends(".safetensors"), openSafetensors},
	{"GGUF", ends(".gguf"), openGGUF},
	{"tokenizer", ends("tokenizer.json"), openTokenizer},
	{"metrics", ends(pipeline.MetricsName), openMetrics},
}

func holds(name string) func(string, bool) bool {
	return func(path string, dir bool) bool {
		if !dir {
			return false
		}
		return store.Exists(store.Join(path, name))
	}
}

func ends(suffix string) func(string, bool) bool {
	return func(path string, dir bool) bool { return !dir && strings.HasSuffix(path, suffix) }
}

// Open inspects a file or folder.
func Open(path string, o Options) (a *Artifact, err error) {
	st, err := store.Stat(path)
	if err != nil {
		return nil, err
	}
	if o.Rows == 0 {
		o.Rows = 3
	}
	for _, k := range kinds {
		if !k.test(path, st.Dir) {
			continue
		}
		a = &Artifact{Path: path, Is: k.is}
		if !st.Dir && !store.IsRemote(path) {
			a.checkManifest()
		}
		// The Parquet and Arrow libraries panic on some damaged files.
		defer func() {
			if r := recover(); r != nil {
				a, err = nil, &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("damaged: %v", r)}
			}
		}()
		at, err := copied(path, k.is, st.Dir)
		if err != nil {
			return nil, err
		}
		if err := k.open(at, o, a); err != nil {
			var placed *fault.RowError
			if !strings.Contains(err.Error(), path) && !errors.As(err, &placed) {
				err = &fault.RowError{File: path, Row: -1, Err: err}
			}
			return nil, err
		}
		return a, nil
	}
	return nil, fault.Hintf(fmt.Errorf("%s: nothing that fragua makes", path),
		"name a .parquet, .arrow, .safetensors or .gguf file, a tokenizer.json, or the folder of a model, a stage or a run")
}

// copied returns where a path can be opened: runs, stages and shards in their
// store, what is mapped into memory or opened by the library as a local copy.
func copied(path, is string, dir bool) (string, error) {
	switch {
	case is == "run" || is == "stage" || is == "Parquet shard" || is == "metrics":
		return path, nil
	case dir:
		return store.FetchFolder(context.Background(), path)
	}
	return store.FetchFile(context.Background(), path)
}

// checkManifest says whether a file of a finished stage is what was written.
func (a *Artifact) checkManifest() {
	for dir := filepath.Dir(a.Path); ; dir = filepath.Dir(dir) { // rejects lie a folder deeper
		m, err := pipeline.ReadManifest(dir)
		if err != nil {
			if up := filepath.Dir(dir); up == dir || filepath.Base(dir) != "rejects" {
				return
			}
			continue
		}
		name, err := filepath.Rel(dir, a.Path)
		if err != nil {
			return
		}
		for _, f := range m.Shards {
			if f.Name != filepath.ToSlash(name) {
				continue
			}
			if err := pipeline.VerifyFile(dir, f); err != nil {
				a.fact("check", "differs from its manifest")
			} else {
				a.fact("check", "as written")
			}
		}
		return
	}
}

func (a *Artifact) fact(name string, value any) { a.Facts = append(a.Facts, Fact{name, value}) }

// JSON writes the artifact for programs.
func (a *Artifact) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(a)
}
