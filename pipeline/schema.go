package pipeline

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// Schema writes the JSON Schema (draft 7) of a configuration, for editors: it
// knows every key, its type, its default and the names to choose from. It is
// read off the same structs that Parse decodes into.
func (t Table) Schema() []byte {
	s := schemas{defs: map[string]any{}, open: map[reflect.Type]bool{}}
	var names []string
	var cases []any
	for _, use := range sortedKeys(t) {
		names = append(names, use)
		with := s.of(reflect.ValueOf(t[use]()).Elem())
		cases = append(cases, object{
			"if":   object{"properties": object{"use": object{"const": use}}, "required": []string{"use"}},
			"then": object{"properties": object{"with": orNull(with)}},
		})
	}
	top := s.of(reflect.ValueOf(&fileYAML{MaxFailures: defaultMaxFailures}).Elem())
	entry := s.of(reflect.ValueOf(&entryYAML{}).Elem())
	properties := entry["properties"].(object)
	properties["name"] = object{"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$", "description": description(entry, "name")}
	properties["use"] = object{"enum": names, "description": description(entry, "use")}
	list := object{"type": "array", "items": object{"type": "string"}}
	properties["from"] = object{"description": description(entry, "from"), "anyOf": []any{
		object{"type": "string"}, list,
		object{"type": "object", "additionalProperties": object{"anyOf": []any{object{"type": "string"}, list}}},
	}}
	entry["required"] = []string{"name", "use"}
	entry["allOf"] = cases
	top["properties"].(object)["stages"] = object{"type": "array", "minItems": 1, "items": entry, "description": description(top, "stages")}
	top["required"] = []string{"stages"}
	top["$schema"] = "http://json-schema.org/draft-07/schema#"
	top["title"] = "fragua configuration"
	top["definitions"] = s.defs
	b, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("pipeline: a schema does not encode: %v", err)) // maps, lists and strings always do
	}
	return append(b, '\n')
}

type object = map[string]any

// schemas holds what is referred to by name: choices, and structs that hold
// themselves.
type schemas struct {
	defs map[string]any
	open map[reflect.Type]bool // being described; true: referred to from within
}

func description(o object, key string) any {
	return o["properties"].(object)[key].(object)["description"]
}

func orNull(o object) object { return object{"anyOf": []any{o, object{"type": "null"}}} }

// of describes settings and the defaults that they hold.
func (s *schemas) of(v reflect.Value) object {
	t := v.Type()
	switch {
	case t == reflect.TypeFor[*yaml.Node]():
		return object{}
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			v = fresh(t.Elem()).Addr()
		}
		return orNull(s.of(v.Elem()))
	case t == reflect.TypeFor[Path]():
		return withDefault(object{"type": "string", "minLength": 1}, v)
	case t == reflect.TypeFor[time.Duration]():
		return withDefault(object{"type": "string", "pattern": "^-?([0-9.]+(h|m|s|ms|us|ns))+$"}, v)
	}
	if c, ok := v.Addr().Interface().(Chooser); ok {
		return withDefault(s.choice(t, c), v)
	}
	if e, ok := v.Interface().(Enum); ok {
		return withDefault(object{"enum": e.Values()}, v)
	}
	switch t.Kind() {
	case reflect.Struct:
		if _, ok := s.open[t]; ok {
			s.open[t] = true
			return object{"$ref": "#/definitions/" + t.String()}
		}
		s.open[t] = false
		defer delete(s.open, t)
		properties := object{}
		for _, f := range fieldsOf(t) {
			p := s.of(v.FieldByIndex(f.index))
			if f.doc != "" {
				p["description"] = f.doc
			}
			properties[f.name] = p
		}
		o := object{"type": "object", "additionalProperties": false, "properties": properties}
		if s.open[t] {
			s.defs[t.String()] = o
		}
		return o
	case reflect.Slice:
		return withDefault(object{"type": "array", "items": s.of(fresh(t.Elem()))}, v)
	case reflect.Array:
		return withDefault(object{"type": "array", "items": s.of(fresh(t.Elem())), "minItems": t.Len(), "maxItems": t.Len()}, v)
	case reflect.Map:
		return withDefault(object{"type": "object", "additionalProperties": s.of(fresh(t.Elem()))}, v)
	case reflect.Bool:
		return withDefault(object{"type": "boolean"}, v)
	case reflect.Int, reflect.Int64:
		return withDefault(object{"type": "integer"}, v)
	case reflect.Int8, reflect.Int16, reflect.Int32:
		limit := int64(1)<<(t.Bits()-1) - 1
		return withDefault(object{"type": "integer", "minimum": -limit - 1, "maximum": limit}, v)
	case reflect.Uint, reflect.Uint64:
		return withDefault(object{"type": "integer", "minimum": 0}, v)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return withDefault(object{"type": "integer", "minimum": 0, "maximum": int64(math.Pow(2, float64(t.Bits()))) - 1}, v)
	case reflect.Float32, reflect.Float64:
		return withDefault(object{"type": "number"}, v)
	case reflect.String:
		return withDefault(object{"type": []string{"string", "number"}}, v)
	}
	panic(fmt.Sprintf("pipeline: settings cannot hold a %s", t))
}

// choice describes a Chooser once, and refers to it.
func (s *schemas) choice(t reflect.Type, c Chooser) object {
	ref := object{"allOf": []any{object{"$ref": "#/definitions/" + t.String()}}}
	if _, ok := s.defs[t.String()]; ok {
		return ref
	}
	s.defs[t.String()] = object{} // so that a choice within itself ends here
	properties := object{}
	variants := c.Variants()
	names := sortedKeys(variants)
	for _, name := range names {
		settings := variants[name]()
		if settings == nil {
			properties[name] = object{"type": "null"}
			continue
		}
		properties[name] = orNull(s.of(reflect.ValueOf(settings).Elem()))
	}
	s.defs[t.String()] = object{"anyOf": []any{
		object{"enum": names},
		object{"type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": properties},
	}}
	return ref
}

// withDefault adds the default where there is one.
func withDefault(o object, v reflect.Value) object {
	if b := CanonicalJSON(v.Interface()); !v.IsZero() && !slices.Contains([]string{"null", "[]", "{}"}, string(b)) {
		o["default"] = json.RawMessage(b)
	}
	return o
}
