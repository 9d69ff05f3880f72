package settings

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"fragua/pipeline/fault"
)

// A Path is a file, folder or pattern in a configuration, on this machine or in
// another store (s3://…). A relative one is
// resolved against the configuration's folder when it is decoded; the key and
// the resolved settings keep it as it was written.
type Path struct {
	Written string // as in the YAML file
	Abs     string // where it lies: on this machine, or s3://…
}

// NewPath resolves a path, as it was written, against a folder.
func NewPath(dir, written string) Path {
	if strings.Contains(written, "://") { // it lies in a store beyond this machine
		return Path{Written: written, Abs: written}
	}
	abs := filepath.FromSlash(written)
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(dir, abs)
	}
	return Path{Written: written, Abs: abs}
}

// MarshalJSON writes the path as it was written.
func (p Path) MarshalJSON() ([]byte, error) { return json.Marshal(p.Written) }

// An Enum is a string setting with few values; the decoder refuses others and
// names the nearest.
type Enum interface{ Values() []string }

// A Chooser is a setting written as a map with one key, which names the variant
// and holds its settings: `gpt: {layers: 4}`. A bare name means its defaults.
// Implement it on a pointer receiver.
type Chooser interface {
	Variants() map[string]func() any // name → pointer to a struct holding the defaults
	Choose(name string, settings any)
	Chosen() (name string, settings any)
}

// Settings may also implement the following.
type (
	// Defaults is implemented by settings that stand in lists or maps: it is called
	// on a new element before its keys are decoded into it.
	Defaults interface{ SetDefaults() }

	// A Checker finds the faults of its settings that types cannot show.
	Checker interface{ Check() []fault.Fault }
)
