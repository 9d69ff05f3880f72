package pipeline

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
)

// apply carries out one `--set stage.key=value` on the document: the value is
// YAML, the key is a dotted path with list indices (sources[0].books.path, or
// sources.0.books.path), and one past a list's end appends. What the flag put in
// is marked, so that a fault in it names the flag.
func (d *decoder) apply(root *yaml.Node, set string) {
	flag := "--set " + set
	fail := func(hint, format string, args ...any) {
		d.fault(d.mark(&yaml.Node{}, flag), "", hint, format, args...)
	}
	key, value, ok := strings.Cut(set, "=")
	segments, err := splitPath(key)
	if !ok || err != nil {
		fail("write --set stage.key=value, for example --set bpe.vocab_size=8192", "this sets nothing")
		return
	}
	var doc yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader([]byte(value)))
	if err == nil && strings.TrimSpace(value) != "" {
		err = loader.Load(&doc)
	}
	if err != nil {
		fail("quote the value for YAML as well as for the shell", "the value is not YAML")
		return
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	if len(doc.Content) == 1 {
		node = doc.Content[0]
	}
	d.mark(node, flag)
	if root.Kind != yaml.MappingNode {
		return // told when it is decoded
	}
	at, names := root, []string{}
	if len(segments) > 1 {
		stages := child(root, "stages")
		if stages == nil || stages.Kind != yaml.SequenceNode {
			return
		}
		at = nil
		for _, e := range stages.Content {
			if n := child(e, "name"); n != nil {
				names = append(names, n.Value)
				if n.Value == segments[0] && at == nil {
					at = e
				}
			}
		}
		if at == nil {
			fail(fault.DidYouMean(segments[0], "stages", names), "no stage is named %q", segments[0])
			return
		}
		key = segments[0] + "." + strings.Join(segments[1:], ".")
		segments[0] = "with"
	} else if top := []string{"seed", "max_failures", "max_failed_files", "description"}; !slices.Contains(top, segments[0]) {
		fail("a setting of a stage is named stage.key; of the whole: "+strings.Join(top, ", "), "%q is no setting of the whole configuration", segments[0])
		return
	}
	for i, s := range segments {
		next, why := d.step(at, s, flag)
		if next == nil {
			fail("", "%s: %s", strings.Join(strings.Split(key, ".")[:i+1], "."), why)
			return
		}
		at = next
	}
	*at = *node
	d.mark(at, flag)
}

// step goes from a node to the one below it of that key or index, and makes it
// where it is missing.
func (d *decoder) step(n *yaml.Node, s, flag string) (next *yaml.Node, why string) {
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
		if c := child(n, s); c != nil {
			return c, ""
		}
	case isNull(n) && isIndex:
		if index != 0 {
			return nil, "the list has 0 entries"
		}
		*n = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
		return d.step(n, s, flag)
	case isNull(n):
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	case n.Value == s: // a choice by its bare name now gets settings
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	default:
		return nil, fmt.Sprintf("%s stands here, which has no parts", describe(n))
	}
	key := d.mark(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}, flag)
	value := fresh()
	n.Content = append(n.Content, key, value)
	return value, ""
}

// mark notes that a node and all below it came from a flag.
func (d *decoder) mark(n *yaml.Node, flag string) *yaml.Node {
	d.origin[n] = flag
	for _, c := range n.Content {
		d.mark(c, flag)
	}
	return n
}

// child returns the value of a key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
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
