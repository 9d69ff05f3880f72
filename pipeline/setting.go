package pipeline

import "encoding/json"

// Settings are structs. Every exported field carries a yaml tag with its key
// (`yaml:"min_words"`), or `yaml:",inline"` to take in an embedded struct's keys,
// or `yaml:"-"`; a tag `doc:"One sentence."` explains the key in editors. Fields
// may be bools, numbers, strings, time.Duration, Path, Enum, Chooser, structs,
// pointers, slices, arrays, and maps with string keys. What a constructor put
// there is the default; a list or a map in the file replaces it whole.

// A Path is a file, folder or pattern in a configuration. A relative one is
// resolved against the configuration's folder when it is decoded; the key and
// the resolved settings keep it as it was written.
type Path struct {
	Written string // as in the YAML file
	Abs     string // where it lies on this machine
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
