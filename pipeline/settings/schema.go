package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// An Object is a JSON object of a schema.
type Object = map[string]any

// Schemas holds what is referred to by name: choices, and structs that hold
// themselves.
type Schemas struct {
	Definitions Object
	open        map[reflect.Type]bool // being described; true: referred to from within
}

// OrNull describes what a schema describes, or null.
func OrNull(o Object) Object { return Object{"anyOf": []any{o, Object{"type": "null"}}} }

// NewSchemas returns Schemas without definitions.
func NewSchemas() *Schemas {
	return &Schemas{Definitions: Object{}, open: map[reflect.Type]bool{}}
}

// Describe describes settings, a pointer to a struct that holds the defaults.
func (s *Schemas) Describe(settings any) Object { return s.of(reflect.ValueOf(settings).Elem()) }

// of describes a value and the defaults that they hold.
func (s *Schemas) of(v reflect.Value) Object {
	t := v.Type()
	switch {
	case t == reflect.TypeFor[*yaml.Node]():
		return Object{}
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			v = fresh(t.Elem()).Addr()
		}
		return OrNull(s.of(v.Elem()))
	case t == reflect.TypeFor[Path]():
		return withDefault(Object{"type": "string", "minLength": 1}, v)
	case t == reflect.TypeFor[time.Duration]():
		return withDefault(Object{"type": "string", "pattern": "^-?([0-9.]+(h|m|s|ms|us|ns))+$"}, v)
	}
	if c, ok := v.Addr().Interface().(Chooser); ok {
		return withDefault(s.choice(t, c), v)
	}
	if e, ok := v.Interface().(Enum); ok {
		return withDefault(Object{"enum": e.Values()}, v)
	}
	switch t.Kind() {
	case reflect.Struct:
		if _, ok := s.open[t]; ok {
			s.open[t] = true
			return Object{"$ref": "#/definitions/" + t.String()}
		}
		s.open[t] = false
		defer delete(s.open, t)
		properties := Object{}
		for _, f := range fieldsOf(t) {
			p := s.of(v.FieldByIndex(f.index))
			if f.doc != "" {
				p["description"] = f.doc
			}
			properties[f.name] = p
		}
		o := Object{"type": "object", "additionalProperties": false, "properties": properties}
		if s.open[t] {
			s.Definitions[t.String()] = o
		}
		return o
	case reflect.Slice:
		return withDefault(Object{"type": "array", "items": s.of(fresh(t.Elem()))}, v)
	case reflect.Array:
		return withDefault(Object{"type": "array", "items": s.of(fresh(t.Elem())), "minItems": t.Len(), "maxItems": t.Len()}, v)
	case reflect.Map:
		return withDefault(Object{"type": "object", "additionalProperties": s.of(fresh(t.Elem()))}, v)
	case reflect.Bool:
		return withDefault(Object{"type": "boolean"}, v)
	case reflect.Int, reflect.Int64:
		return withDefault(Object{"type": "integer"}, v)
	case reflect.Int8, reflect.Int16, reflect.Int32:
		limit := int64(1)<<(t.Bits()-1) - 1
		return withDefault(Object{"type": "integer", "minimum": -limit - 1, "maximum": limit}, v)
	case reflect.Uint, reflect.Uint64:
		return withDefault(Object{"type": "integer", "minimum": 0}, v)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return withDefault(Object{"type": "integer", "minimum": 0, "maximum": int64(math.Pow(2, float64(t.Bits()))) - 1}, v)
	case reflect.Float32, reflect.Float64:
		return withDefault(Object{"type": "number"}, v)
	case reflect.String:
		return withDefault(Object{"type": []string{"string", "number"}}, v)
	}
	panic(fmt.Sprintf("settings: cannot hold a %s", t))
}

// choice describes a Chooser once, and refers to it.
func (s *Schemas) choice(t reflect.Type, c Chooser) Object {
	ref := Object{"allOf": []any{Object{"$ref": "#/definitions/" + t.String()}}}
	if _, ok := s.Definitions[t.String()]; ok {
		return ref
	}
	s.Definitions[t.String()] = Object{} // so that a choice within itself ends here
	properties := Object{}
	variants := c.Variants()
	names := slices.Sorted(maps.Keys(variants))
	for _, name := range names {
		settings := variants[name]()
		if settings == nil {
			properties[name] = Object{"type": "null"}
			continue
		}
		properties[name] = OrNull(s.of(reflect.ValueOf(settings).Elem()))
	}
	s.Definitions[t.String()] = Object{"anyOf": []any{
		Object{"enum": names},
		Object{"type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": properties},
	}}
	return ref
}

// withDefault adds the default where there is one.
func withDefault(o Object, v reflect.Value) Object {
	if b := CanonicalJSON(v.Interface()); !v.IsZero() && !slices.Contains([]string{"null", "[]", "{}"}, string(b)) {
		o["default"] = json.RawMessage(b)
	}
	return o
}
