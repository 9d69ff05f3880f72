package settings

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// An Assignment is one `--set key=value`: the value is YAML, the key a dotted
// path with list indices (sources[0].books.path, or sources.0.books.path).
type Assignment struct {
	flag  string
	Key   []string
	value *yaml.Node
}

// ParseAssignment reads a flag; what is wrong with it becomes a fault.
func (d *Decoder) ParseAssignment(set, hint string) (Assignment, bool) {
	a := Assignment{flag: "--set " + set}
	key, value, ok := strings.Cut(set, "=")
	var err error
	if a.Key, err = splitPath(key); !ok || err != nil {
		d.Refuse(a, hint, "this sets nothing")
		return a, false
	}
	var doc yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader([]byte(value)))
	if err == nil && strings.TrimSpace(value) != "" {
		err = loader.Load(&doc)
	}
	if err != nil {
		d.Refuse(a, "quote the value for YAML as well as for the shell", "the value is not YAML")
		return a, false
	}
	a.value = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	if len(doc.Content) == 1 {
		a.value = doc.Content[0]
	}
	d.mark(a.value, a.flag)
	return a, true
}

// Refuse notes a fault of an assignment. What the flag has put in so far has no
// other faults.
func (d *Decoder) Refuse(a Assignment, hint, format string, args ...any) {
	d.Fault(d.mark(&yaml.Node{}, a.flag), "", hint, format, args...)
	d.refused[a.flag] = true
}

// Assign carries out an assignment at the end of the path below a node; an index
// one past a list's end appends. What the flag put in is marked, so that a fault
// in it names the flag. The path is as long as the assignment's key.
func (d *Decoder) Assign(at *yaml.Node, path []string, a Assignment) {
	for i, s := range path {
		next, why := d.step(at, s, a.flag)
		if next == nil {
			d.Refuse(a, "", "%s: %s", strings.Join(a.Key[:i+1], "."), why)
			return
		}
		at = next
	}
	*at = *a.value
	d.mark(at, a.flag)
}

// step goes from a node to the one below it of that key or index, and makes it
// where it is missing.
func (d *Decoder) step(n *yaml.Node, s, flag string) (next *yaml.Node, why string) {
	if n.Kind == yaml.AliasNode { // what others share stays as it is
		*n = *clone(n.Alias, maxDepth)
	}
	index, err := strconv.Atoi(s)
	isIndex := err == nil
	fresh := func() *yaml.Node { return d.mark(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, flag) }
	switch {
	case n.Kind == yaml.SequenceNode && !isIndex:
		return nil, fmt.Sprintf("there is a list here: give an index from 0 to %d", len(n.Content)-1)
	case n.Kind == yaml.SequenceNode && (index < 0 || index > len(n.Content)):
		return nil, fmt.Sprintf("the list has %d entries", len(n.Content))
	case n.Kind == yaml.SequenceNode:
		if index == len(n.Content) {
			n.Content = append(n.Content, fresh())
		}
		return n.Content[index], ""
	case n.Kind == yaml.MappingNode:
		if c := Child(n, s); c != nil {
			return c, ""
		}
	case IsNull(n) && isIndex:
		if index != 0 {
			return nil, "the list has 0 entries"
		}
		*n = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
		return d.step(n, s, flag)
	case IsNull(n):
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	case n.Value == s: // a choice by its bare name now gets settings
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	default:
		return nil, fmt.Sprintf("%s stands here, which has no parts", DescribeNode(n))
	}
	key := d.mark(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}, flag)
	value := fresh()
	n.Content = append(n.Content, key, value)
	return value, ""
}

// mark notes that a node and all below it came from a flag.
func (d *Decoder) mark(n *yaml.Node, flag string) *yaml.Node {
	d.origin[n] = flag
	for _, c := range n.Content {
		d.mark(c, flag)
	}
	return n
}

// Child returns the value of a key, or nil.
func Child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

func clone(n *yaml.Node, depth int) *yaml.Node {
	c := *n
	c.Anchor = ""
	c.Content = nil
	for _, k := range n.Content {
		if depth > 0 && k.Kind != yaml.AliasNode {
			k = clone(k, depth-1)
		}
		c.Content = append(c.Content, k)
	}
	return &c
}

// splitPath splits a.b[0].c into a, b, 0, c.
func splitPath(s string) ([]string, error) {
	s = strings.NewReplacer("[", ".", "]", "").Replace(strings.TrimSpace(s))
	segments := strings.Split(s, ".")
	if slices.Contains(segments, "") {
		return nil, fmt.Errorf("%q has an empty part", s)
	}
	return segments, nil
}
