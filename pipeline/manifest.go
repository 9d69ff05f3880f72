package pipeline

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// A Manifest describes a finished stage. It is written last, so its existence
// means that the directory is whole. No time, host, path or number of workers
// stands in it.
type Manifest struct {
	Stage   string              `json:"stage"`
	Use     string              `json:"use"`
	Kind    Kind                `json:"kind"`
	Version int                 `json:"version"`
	Key     string              `json:"key"`              // hash of settings in force, version, inputs' keys and raw files
	Inputs  map[string][]string `json:"inputs"`           // Input.Name → keys of the stages read
	Shards  []shard.File        `json:"shards"`           // every file of the stage, sorted by name
	Counts  Counts              `json:"counts"`           // of the last phase, whose files these are
	Phases  []PhaseCounts       `json:"phases,omitempty"` // of the phases before it
	XXH3    string              `json:"xxh3,omitempty"`   // of the manifest without it; older ones have none
}

func (m *Manifest) checksum() *string { return &m.XXH3 }

// PhaseCounts are the counts of one phase of a stage.
type PhaseCounts struct {
	Phase  string `json:"phase"`
	Counts Counts `json:"counts"`
}

// A Dir is a finished stage's directory.
type Dir struct {
	Path     string
	Manifest *Manifest
}

// File returns the name of one of the directory's files.
func (d Dir) File(name string) string { return store.Join(d.Path, name) }

// Files returns the paths of the shards whose names match one of the patterns
// (path.Match), sorted: d.Files("train-*.parquet").
func (d Dir) Files(patterns ...string) []string {
	if d.Manifest == nil {
		return nil
	}
	var out []string
	for _, s := range d.Manifest.Shards {
		if slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, s.Name); return ok }) {
			out = append(out, d.File(s.Name))
		}
	}
	return out
}

// ManifestName is the file that says that a stage's directory is whole.
const ManifestName = "manifest.json"

// ReadManifest reads the manifest of a stage's directory. One that cannot be of
// our making is an error: counts that do not add up, a file outside the directory.
func ReadManifest(dir string) (*Manifest, error) {
	name := store.Join(dir, ManifestName)
	b, err := store.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	if err := m.check(); err != nil {
		return nil, fault.Hintf(&fault.RowError{File: name, Row: -1, Err: err}, "it was edited or damaged: run the stage again with --force")
	}
	return m, nil
}

func (m *Manifest) check() error {
	if m.XXH3 != "" {
		if err := checkSeal(m); err != nil {
			return err
		}
	}
	for _, s := range m.Shards {
		if !filepath.IsLocal(filepath.FromSlash(s.Name)) {
			return fmt.Errorf("%q is no file of this directory", s.Name)
		}
	}
	for _, p := range m.Phases {
		if err := p.Counts.Check(); err != nil {
			return fmt.Errorf("phase %s: %w", p.Phase, err)
		}
	}
	return m.Counts.Check()
}
