package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestEverySettingIsExplained walks the schema that editors read: each setting of
// each stage, source, step, goal, architecture and optimizer is explained by a
// sentence.
func TestEverySettingIsExplained(t *testing.T) {
	var schema any
	if err := json.Unmarshal(stages.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	n := 0
	var walk func(node any, path string)
	walk = func(node any, path string) {
		switch node := node.(type) {
		case []any:
			for _, x := range node {
				walk(x, path)
			}
		case map[string]any:
			properties, _ := node["properties"].(map[string]any)
			_, conditional := node["then"]         // "if use is pack, then with is …"
			choice := node["maxProperties"] != nil // {gpt: …}: a name, explained by its settings
			for _, key := range slices.Sorted(maps.Keys(properties)) {
				p, _ := properties[key].(map[string]any)
				if key == "with" || key == "use" && conditional || choice {
					continue
				}
				n++
				if why := notASentence(p["description"]); why != "" {
					t.Errorf("%s.%s: its doc %s: %q", path, key, why, p["description"])
				}
			}
			for _, key := range slices.Sorted(maps.Keys(node)) {
				inner := path
				if key != "properties" && key != "anyOf" && key != "allOf" && key != "items" && key != "then" && key != "definitions" {
					inner += "." + key
				}
				if key != "if" && key != "default" {
					walk(node[key], inner)
				}
			}
		}
	}
	walk(schema, "")
	if n < 200 {
		t.Errorf("only %d settings were found", n)
	}
}

func notASentence(doc any) string {
	s, _ := doc.(string)
	first, _ := utf8.DecodeRuneInString(s)
	switch {
	case s == "":
		return "is missing"
	case unicode.IsLower(first):
		return "begins with a small letter"
	case !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?"):
		return "ends without a full stop"
	}
	return ""
}
