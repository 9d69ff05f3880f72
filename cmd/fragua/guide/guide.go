// Package guide holds the guides: short texts in English and Spanish that lead
// from a folder of files to a result. Each command in them is run by a test.
package guide

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"fragua/pipeline/fault"
)

//go:embed *.md
var files embed.FS

// Languages in which every guide is written.
var Languages = []string{"en", "es"}

// A Guide is one text.
type Guide struct{ Name, Language, Title, Text string }

// All returns the guides of a language, sorted by name.
func All(language string) (out []Guide) {
	names, err := fs.Glob(files, "*."+language+".md")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err) // it is embedded
		}
		title, _, _ := strings.Cut(string(b), "\n")
		out = append(out, Guide{strings.TrimSuffix(name, "."+language+".md"), language, strings.TrimPrefix(title, "# "), string(b)})
	}
	return out
}

// Find returns a guide by its name.
func Find(name, language string) (Guide, error) {
	all := All(language)
	if i := slices.IndexFunc(all, func(g Guide) bool { return g.Name == name }); i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, g := range all {
		names = append(names, g.Name)
	}
	return Guide{}, fault.Hintf(&fault.UsageError{Err: fmt.Errorf("there is no guide %q", name)}, "%s", fault.DidYouMean(name, "guides", names))
}
