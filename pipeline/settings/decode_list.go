package settings

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

func (d *Decoder) list(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	if n.Kind != yaml.SequenceNode {
		hint := "write it as a list: [" + strings.TrimSpace(n.Value) + "]"
		if n.Kind != yaml.ScalarNode {
			hint = `write it as a list: each entry on a line of its own, after "- "`
		}
		return d.Fault(at, path, hint, "%s is %s, but it must be a list", lastKey(path), DescribeNode(n))
	}
	if v.Kind() == reflect.Array && len(n.Content) != v.Len() {
		return d.Fault(at, path, "", "%s has %d entries, but it must have %d", lastKey(path), len(n.Content), v.Len())
	}
	out := v
	if v.Kind() == reflect.Slice {
		out = reflect.New(v.Type()).Elem()
		out.Set(reflect.MakeSlice(v.Type(), 0, min(len(n.Content), 1024)))
	}
	ok := true
	for i, c := range n.Content {
		elem := fresh(v.Type().Elem())
		ok = d.value(c, elem, fmt.Sprintf("%s[%d]", path, i), depth+1) && ok
		if v.Kind() == reflect.Array {
			out.Index(i).Set(elem)
		} else {
			out.Set(reflect.Append(out, elem))
		}
	}
	v.Set(out)
	return ok
}

func (d *Decoder) dict(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		panic(fmt.Sprintf("settings: cannot hold a %s: its keys are not strings", t))
	}
	if n.Kind != yaml.MappingNode {
		return d.Fault(at, path, "write it as key: value", "%s is %s, but it must be a map", lastKey(path), DescribeNode(n))
	}
	out, ok := reflect.MakeMap(t), true
	d.Pairs(n, path, func(key, value *yaml.Node) {
		name := reflect.New(t.Key()).Elem()
		ok = d.scalar(key, key, name, path) && ok
		elem := fresh(t.Elem())
		ok = d.value(value, elem, Join(path, key.Value), depth+1) && ok
		out.SetMapIndex(name, elem)
	})
	v.Set(out)
	return ok
}
