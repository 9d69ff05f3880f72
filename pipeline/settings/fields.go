package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A field is one key of a struct of settings.
type field struct {
	name  string
	doc   string // from the tag `doc`: one sentence for people and editors
	index []int
}

// fieldsOf lists the keys of a struct in the order of its fields; embedded
// structs with `yaml:",inline"` count as its own.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("yaml")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case name == "-":
		case slices.Contains(strings.Split(options, ","), "inline"):
			for _, g := range fieldsOf(f.Type) {
				g.index = append([]int{i}, g.index...)
				all = append(all, g)
			}
		case !f.IsExported():
		case !ok || name == "":
			// A setting that is in force but not in the key would be a lie.
			panic(fmt.Sprintf("settings: field %s of %s has no yaml tag", f.Name, t))
		default:
			all = append(all, field{name: name, doc: f.Tag.Get("doc"), index: []int{i}})
		}
	}
	return all
}

// Keys lists the keys of settings, a pointer to a struct.
func Keys(settings any) []string {
	var names []string
	for _, f := range fieldsOf(reflect.TypeOf(settings).Elem()) {
		names = append(names, f.name)
	}
	return names
}
