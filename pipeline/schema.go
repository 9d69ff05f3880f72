package pipeline

import (
	"encoding/json"
	"fmt"

	"fragua/pipeline/settings"
)

// Schema writes the JSON Schema (draft 7) of a configuration, for editors: it
// knows every key, its type, its default and the names to choose from. It is
// read off the same structs that Parse decodes into.
func (t Table) Schema() []byte {
	s := settings.NewSchemas()
	var names []string
	var cases []any
	for _, use := range sortedKeys(t) {
		names = append(names, use)
		with := s.Describe(t[use]())
		cases = append(cases, settings.Object{
			"if":   settings.Object{"properties": settings.Object{"use": settings.Object{"const": use}}, "required": []string{"use"}},
			"then": settings.Object{"properties": settings.Object{"with": settings.OrNull(with)}},
		})
	}
	top := s.Describe(&fileYAML{MaxFailures: defaultMaxFailures})
	entry := s.Describe(&entryYAML{})
	properties := entry["properties"].(settings.Object)
	properties["name"] = settings.Object{"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$", "description": description(entry, "name")}
	properties["use"] = settings.Object{"enum": names, "description": description(entry, "use")}
	list := settings.Object{"type": "array", "items": settings.Object{"type": "string"}}
	properties["from"] = settings.Object{"description": description(entry, "from"), "anyOf": []any{
		settings.Object{"type": "string"}, list,
		settings.Object{"type": "object", "additionalProperties": settings.Object{"anyOf": []any{settings.Object{"type": "string"}, list}}},
	}}
	entry["required"] = []string{"name", "use"}
	entry["allOf"] = cases
	top["properties"].(settings.Object)["stages"] = settings.Object{"type": "array", "minItems": 1, "items": entry, "description": description(top, "stages")}
	top["required"] = []string{"stages"}
	top["$schema"] = "http://json-schema.org/draft-07/schema#"
	top["title"] = "fragua configuration"
	top["definitions"] = s.Definitions
	b, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("pipeline: a schema does not encode: %v", err)) // maps, lists and strings always do
	}
	return append(b, '\n')
}

func description(o settings.Object, key string) any {
	return o["properties"].(settings.Object)[key].(settings.Object)["description"]
}
