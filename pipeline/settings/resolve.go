package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// CanonicalJSON writes settings in force, defaults included: one line, keys
// sorted, numbers in their shortest form, paths as written, a choice as a map
// with one key. Equal settings give equal bytes, so it is what keys are made of.
func CanonicalJSON(settings any) []byte {
	var b bytes.Buffer
	writeJSON(&b, resolve(reflect.ValueOf(settings)))
	return b.Bytes()
}

// Resolved turns settings back into YAML nodes: every default spelled out, paths
// as they were written.
func Resolved(settings any) *yaml.Node { return resolve(reflect.ValueOf(settings)) }

// resolve turns a value back into YAML nodes, in the order of their fields.
func resolve(v reflect.Value) *yaml.Node {
	null := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return null
	}
	if v.Kind() != reflect.Pointer && !v.CanAddr() { // Chooser has pointer receivers
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p.Elem()
	}
	var c Chooser
	if v.Kind() == reflect.Pointer {
		c, _ = v.Interface().(Chooser)
	} else {
		c, _ = v.Addr().Interface().(Chooser)
	}
	if c != nil {
		name, settings := c.Chosen()
		if name == "" {
			return null
		}
		if settings == nil {
			return TextNode(name)
		}
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{TextNode(name), resolve(reflect.ValueOf(settings))}}
	}
	if v.Kind() == reflect.Pointer {
		return resolve(v.Elem())
	}
	switch x := v.Interface().(type) {
	case Path:
		return TextNode(x.Written)
	case time.Duration:
		return TextNode(x.String())
	}
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, f := range fieldsOf(v.Type()) {
			if unset(v.FieldByIndex(f.index)) {
				continue
			}
			n.Content = append(n.Content, TextNode(f.name), resolve(v.FieldByIndex(f.index)))
		}
		return n
	case reflect.Slice, reflect.Array:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n.Content = append(n.Content, resolve(v.Index(i)))
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) })
		for _, k := range keys {
			n.Content = append(n.Content, TextNode(k.String()), resolve(v.MapIndex(k)))
		}
		return n
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatUint(v.Uint(), 10)}
	case reflect.Float32, reflect.Float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())}
	case reflect.String:
		return TextNode(v.String())
	}
	panic(fmt.Sprintf("settings: cannot hold a %s", v.Type()))
}

// unset reports whether a setting was neither given nor has a default, so that
// no value could be written for it: an empty path, no choice, an enum's nothing.
func unset(v reflect.Value) bool {
	if p, ok := v.Interface().(Path); ok {
		return p.Written == ""
	}
	if e, ok := v.Interface().(Enum); ok && v.Kind() == reflect.String {
		return v.String() == "" && !slices.Contains(e.Values(), "")
	}
	c, ok := v.Addr().Interface().(Chooser)
	if !ok {
		return false
	}
	name, _ := c.Chosen()
	return name == ""
}

// TextNode is a string node, quoted where YAML would take it for something else.
func TextNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off": // to readers of YAML 1.1
		n.Style = yaml.DoubleQuotedStyle
	}
	if (&yaml.Node{Kind: yaml.ScalarNode, Value: s}).ShortTag() != "!!str" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// writeJSON writes a resolved node with its keys sorted.
func writeJSON(b *bytes.Buffer, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		order := make([]int, 0, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			order = append(order, i)
		}
		slices.SortFunc(order, func(i, j int) int {
			return bytes.Compare([]byte(n.Content[i].Value), []byte(n.Content[j].Value))
		})
		b.WriteByte('{')
		for k, i := range order {
			if k > 0 {
				b.WriteByte(',')
			}
			writeString(b, n.Content[i].Value)
			b.WriteByte(':')
			writeJSON(b, n.Content[i+1])
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, c)
		}
		b.WriteByte(']')
	default:
		if n.Tag == "!!str" {
			writeString(b, n.Value)
		} else {
			b.WriteString(n.Value)
		}
	}
}

func writeString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.Encode(s) // a string always encodes
	b.Truncate(b.Len() - 1)
}
