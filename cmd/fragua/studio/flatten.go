package studio

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// flatten writes a configuration as lines of `stage.key = value`. The stages of a
// list go by their names, so that two configurations with the same stages in
// other places can be compared.
func flatten(src []byte) string {
	var root yaml.Node
	if err := yaml.Unmarshal(src, &root); err != nil || len(root.Content) == 0 {
		return ""
	}
	var b strings.Builder
	flattenInto(&b, "", root.Content[0])
	return b.String()
}

func flattenInto(b *strings.Builder, at string, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if key == "stages" && at == "" || key == "with" {
				flattenInto(b, at, n.Content[i+1])
				continue
			}
			flattenInto(b, strings.TrimPrefix(at+"."+key, "."), n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			name := fmt.Sprintf("%s[%d]", at, i)
			if stage := nameOf(item); stage != "" && at == "" {
				name = stage
			}
			flattenInto(b, name, item)
		}
	default:
		fmt.Fprintf(b, "%s = %s\n", at, strings.ReplaceAll(n.Value, "\n", "⏎"))
	}
}

// nameOf returns the value of the key "name".
func nameOf(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			return n.Content[i+1].Value
		}
	}
	return ""
}
