package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// connect finds out which earlier stages an entry reads.
//
// A list gives each stage to the input that takes its kind; a map says it by
// name. Left out, each required input gets the latest earlier stage that makes
// its kind: the one that stands at the end of all others of that kind. If two
// ends remain (neither was made from the other), that is a fault. Optional
// inputs are never filled by guess.
func (c *Config) connect(e *Entry, from *yaml.Node) {
	d, inputs := c.d, e.With.Inputs()
	e.From = map[string][]string{}
	path := e.path + ".from"
	if from != nil && from.Kind == yaml.AliasNode {
		from = from.Alias
	}
	before := len(d.Faults)
	switch {
	case from == nil || settings.IsNull(from):
		c.guess(e, inputs)
		return
	case from.Kind == yaml.ScalarNode:
		c.assign(e, inputs, []*yaml.Node{from}, path)
	case from.Kind == yaml.SequenceNode:
		c.assign(e, inputs, from.Content, path)
	case from.Kind == yaml.MappingNode:
		d.Pairs(from, path, func(key, value *yaml.Node) {
			i := slices.IndexFunc(inputs, func(in Input) bool { return in.Name == key.Value })
			if i < 0 {
				var names []string
				for _, in := range inputs {
					names = append(names, in.Name)
				}
				d.Fault(key, path, fault.DidYouMean(key.Value, "its inputs", names), "%s has no input %q", e.Use, key.Value)
				return
			}
			in, items := inputs[i], []*yaml.Node{value}
			if value.Kind == yaml.SequenceNode {
				items = value.Content
			}
			for _, n := range items {
				name, kind, ok := c.kindOf(e, n, path, in)
				if ok && kind != in.Kind {
					d.Fault(n, path, c.suggest(in.Kind), "%q makes %s, but the input %q of %s takes %s", name, kind, in.Name, e.Use, in.Kind)
				} else if ok {
					e.From[in.Name] = append(e.From[in.Name], name)
				}
			}
			if len(items) > 1 && !in.Many {
				d.Fault(items[1], path, "keep one of them", "the input %q of %s takes one stage", in.Name, e.Use)
			}
		})
	}
	if len(d.Faults) > before {
		return
	}
	for _, in := range inputs {
		if in.required() && len(e.From[in.Name]) == 0 && !e.replaced(in, inputs) {
			d.Fault(from, path, c.suggest(in.Kind), "%s needs %s too (its input %q)", e.Use, in.Kind, in.Name)
		}
	}
}

func (in Input) required() bool { return !in.Optional && in.Instead == "" }

// replaced reports whether an input is given that stands instead of in.
func (e *Entry) replaced(in Input, inputs []Input) bool {
	return slices.ContainsFunc(inputs, func(other Input) bool { return other.Instead == in.Name && len(e.From[other.Name]) > 0 })
}

// assign gives each listed stage to the input of its kind.
func (c *Config) assign(e *Entry, inputs []Input, items []*yaml.Node, path string) {
	for _, n := range items {
		name, kind, ok := c.kindOf(e, n, path, inputs...)
		if !ok {
			continue
		}
		var fit []Input
		for _, in := range inputs {
			if in.Kind == kind {
				fit = append(fit, in)
			}
		}
		// Among several inputs of one kind a required one comes first.
		if i := slices.IndexFunc(fit, func(in Input) bool { return in.required() }); i >= 0 && len(e.From[fit[i].Name]) == 0 {
			fit = fit[i : i+1]
		}
		switch {
		case len(fit) == 0:
			c.d.Fault(n, path, takes(inputs), "%q makes %s, which %s does not take", name, kind, e.Use)
		case len(fit) > 1:
			var names []string
			for _, in := range fit {
				names = append(names, in.Name)
			}
			c.d.Fault(n, path, fmt.Sprintf("write from: {%s: %s}", names[len(names)-1], name), "%q fits several inputs of %s: %s", name, e.Use, strings.Join(names, ", "))
		case len(e.From[fit[0].Name]) > 0 && !fit[0].Many:
			c.d.Fault(n, path, "keep one of them", "%s takes %s from one stage, and %q stands before", e.Use, kind, e.From[fit[0].Name][0])
		default:
			e.From[fit[0].Name] = append(e.From[fit[0].Name], name)
		}
	}
}

// kindOf returns the name of an earlier stage, or of a folder, and what it makes: one for inputs.
func (c *Config) kindOf(e *Entry, n *yaml.Node, path string, inputs ...Input) (name string, kind Kind, ok bool) {
	d := c.d
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if folder := pathNode(n); folder != "" {
		kind, ok := c.folder(n, folder, path, inputs)
		return folder, kind, ok
	}
	if n.Kind != yaml.ScalarNode || settings.IsNull(n) {
		return "", "", d.Fault(n, path, "a stage's name, or {path: FOLDER}", "from names stages, but this is %s", settings.DescribeNode(n))
	}
	if other := c.Entry(n.Value); other != nil {
		if other.With == nil {
			return "", "", false // its own fault is told
		}
		return n.Value, other.With.Makes(), true
	}
	if n.Value == e.Name {
		return "", "", d.Fault(n, path, "", "a stage cannot read itself")
	}
	return "", "", d.Fault(n, path, fault.DidYouMean(n.Value, "earlier stages", c.Names()), "no earlier stage is named %q", n.Value)
}

// guess fills the required inputs of an entry without `from`.
func (c *Config) guess(e *Entry, inputs []Input) {
	for _, in := range inputs {
		if !in.required() {
			continue
		}
		ends := c.ends(in.Kind)
		switch {
		case len(ends) == 1:
			e.From[in.Name] = []string{ends[0]}
		case len(ends) > 1:
			c.d.FaultAt(e.path, fmt.Sprintf("write from: [%s]", ends[len(ends)-1]), "%s could read %s from %s, and nothing says which", e.Use, in.Kind, strings.Join(ends, " or "))
		case slices.ContainsFunc(c.Stages, func(o *Entry) bool { return o.With == nil }):
			// A stage that is not understood may be the one.
		default:
			c.d.FaultAt(e.path, "put a stage that makes it further up", "%s takes %s, which no earlier stage makes", e.Use, in.Kind)
		}
	}
}

// ends lists the stages of a kind from which no other stage of that kind
// descends, in file order.
func (c *Config) ends(kind Kind) []string {
	above := map[string]map[string]bool{} // stage → all that it was made from
	passed := map[string]bool{}
	var all []string
	for _, e := range c.Stages {
		mine := map[string]bool{}
		for _, names := range e.From {
			for _, name := range names {
				mine[name] = true
				maps.Copy(mine, above[name])
			}
		}
		above[e.Name] = mine
		if e.With != nil && e.With.Makes() == kind {
			maps.Copy(passed, mine)
			all = append(all, e.Name)
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return passed[name] })
}

// suggest is the hint where a stage of some kind is wanted.
func (c *Config) suggest(kind Kind) string {
	ends := c.ends(kind)
	if len(ends) == 0 {
		return fmt.Sprintf("no earlier stage makes %s", kind)
	}
	return fmt.Sprintf("%s is made by: %s", kind, strings.Join(ends, ", "))
}

func takes(inputs []Input) string {
	if len(inputs) == 0 {
		return "it reads no other stage: leave from out"
	}
	var kinds []string
	for _, in := range inputs {
		kinds = append(kinds, string(in.Kind))
	}
	return "it takes: " + strings.Join(kinds, ", ")
}

// inputDirs are the folders of an entry's inputs, those of stages below root.
func (c *Config) inputDir(name, root string) string {
	if d, ok := c.outside[name]; ok {
		return d.Path
	}
	return store.Join(root, name)
}
