// Package settings turns YAML into structs and back.
//
// The struct is the configuration. Every exported field carries a yaml tag with
// its key (`yaml:"min_words"`), or `yaml:",inline"` to take in an embedded
// struct's keys, or `yaml:"-"`; a tag `doc:"One sentence."` explains the key in
// editors. Fields may be bools, numbers, strings, time.Duration, Path, Enum,
// Chooser, structs, pointers, slices, arrays, and maps with string keys. What a
// constructor put there is the default; a list or a map in the file replaces it
// whole.
//
//	d := settings.NewDecoder("books.yaml", src, dir)
//	root := d.Root(hint)             YAML → nodes
//	d.Decode(root, &s, "")           nodes → struct; then its Checker, innermost first
//	err := d.Err()                   all faults at once, with line, column and hint
//
//	settings.Resolved(&s)            struct → YAML, every default spelled out
//	settings.CanonicalJSON(&s)       struct → one line of JSON: what keys are made of
//	settings.NewSchemas().Describe(&s)   struct → JSON Schema, for editors
//
// The package knows no stage.
package settings
