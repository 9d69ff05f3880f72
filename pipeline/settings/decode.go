package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
)

// A Decoder reads YAML nodes into settings. It goes on after a fault, to tell all
// of them at once.
type Decoder struct {
	src     *sourceText
	dir     string                // relative Paths resolve against it
	origin  map[*yaml.Node]string // nodes that a flag put in → the flag
	nodes   map[string]*yaml.Node // path → the node decoded there, to place faults found later
	refused map[string]bool       // flags that are faults themselves
	Faults  []fault.Placed
	visits  int
	full    bool // the budget is spent
}

const (
	maxVisits = 100_000 // values after unfolding aliases: more is an attack, or a mistake
	maxDepth  = 64
)

// NewDecoder returns a decoder of a configuration: its name stands in messages,
// relative Paths resolve against dir.
func NewDecoder(name string, src []byte, dir string) *Decoder {
	return &Decoder{src: newSource(name, src), dir: dir, nodes: map[string]*yaml.Node{}, origin: map[*yaml.Node]string{}, refused: map[string]bool{}}
}

// Err returns all faults so far.
func (d *Decoder) Err() error {
	if len(d.Faults) == 0 {
		return nil
	}
	return &fault.UsageError{Err: &fault.ConfigError{Faults: fault.Sort(d.Faults)}}
}

// Reset forgets the faults so far.
func (d *Decoder) Reset() { d.Faults = nil }

// Decode reads a node into settings, a pointer to a struct that holds the
// defaults. A null node leaves the defaults.
func (d *Decoder) Decode(n *yaml.Node, settings any, path string) bool {
	v := reflect.ValueOf(settings)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("settings: want a pointer to a struct, not %T", settings))
	}
	before := len(d.Faults)
	if n != nil && !IsNull(n) {
		d.value(n, v.Elem(), path, 0)
	}
	if !d.full {
		d.checkAll(v, path)
	}
	return len(d.Faults) == before
}

// Fault notes a fault at a node, and returns false.
func (d *Decoder) Fault(n *yaml.Node, path, hint, format string, args ...any) bool {
	f := fault.Placed{Fault: fault.Fault{Path: path, Err: fmt.Sprintf(format, args...), Hint: hint}}
	if flag, ok := d.origin[n]; ok && d.refused[flag] {
		return false
	} else if ok {
		f.File = flag
	} else {
		f.File, f.Line, f.Column = d.src.name, max(n.Line, 1), max(n.Column, 1)
		f.Text = d.src.line(f.Line)
	}
	d.Faults = append(d.Faults, f)
	return false
}

// FaultAt places a fault by its path: at the node decoded there, or at the
// nearest one around it.
func (d *Decoder) FaultAt(path, hint, format string, args ...any) {
	for at := path; ; {
		if n, ok := d.nodes[at]; ok {
			d.Fault(n, path, hint, format, args...)
			return
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			d.Fault(&yaml.Node{Line: 1, Column: 1}, path, hint, format, args...)
			return
		}
		at = at[:i]
	}
}

// value decodes into v, which is addressable, and reports whether all was well.
func (d *Decoder) value(n *yaml.Node, v reflect.Value, path string, depth int) bool {
	at := n
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.nodes[path] = at
	if d.visits++; d.visits > maxVisits || depth > maxDepth {
		if !d.full {
			d.full = true
			d.Fault(at, path, "write fewer aliases (*name), or copy what they stand for",
				"the file unfolds to too much: more than %d values, or nested more than %d deep", maxVisits, maxDepth)
		}
		return false
	}
	if d.full {
		return false
	}
	return d.kind(n, at, v, path, depth)
}

func (d *Decoder) kind(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	t := v.Type()
	if t == reflect.TypeFor[*yaml.Node]() {
		v.Set(reflect.ValueOf(at))
		return true
	}
	if t.Kind() == reflect.Pointer {
		if IsNull(n) {
			v.SetZero()
			return true
		}
		elem := fresh(t.Elem())
		if !d.kind(n, at, elem, path, depth) {
			return false
		}
		v.Set(elem.Addr())
		return true
	}
	if c, ok := v.Addr().Interface().(Chooser); ok {
		return d.chooser(n, at, c, path, depth)
	}
	if IsNull(n) {
		return d.Fault(at, path, "give it a value, or leave the key out for its default", "%s has no value", lastKey(path))
	}
	switch t {
	case reflect.TypeFor[Path]():
		return d.path(n, at, v, path)
	case reflect.TypeFor[time.Duration]():
		return d.duration(n, at, v, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		return d.structure(n, at, v, path, depth)
	case reflect.Slice, reflect.Array:
		return d.list(n, at, v, path, depth)
	case reflect.Map:
		return d.dict(n, at, v, path, depth)
	}
	return d.scalar(n, at, v, path)
}

// fresh returns a new element with its own defaults.
func fresh(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if s, ok := p.Interface().(Defaults); ok {
		s.SetDefaults()
	}
	return p.Elem()
}

// checkAll calls the checks of the settings and of all that lies within them,
// innermost first, wherever decoding found nothing wrong. What stands there by
// default is checked too: a key that must be given may be missing.
func (d *Decoder) checkAll(v reflect.Value, path string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() || v.Type() == reflect.TypeFor[*yaml.Node]() {
			return
		}
		v = v.Elem()
	}
	if !v.CanAddr() { // an element of a map
		p := reflect.New(v.Type()).Elem()
		p.Set(v)
		v = p
	}
	if c, ok := v.Addr().Interface().(Chooser); ok {
		if name, settings := c.Chosen(); settings != nil {
			d.checkAll(reflect.ValueOf(settings), Join(path, name))
		}
	} else {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[Path]() {
				return
			}
			for _, f := range fieldsOf(v.Type()) {
				d.checkAll(v.FieldByIndex(f.index), Join(path, f.name))
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				d.checkAll(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				d.checkAll(v.MapIndex(k), Join(path, k.String()))
			}
		}
	}
	c, ok := v.Addr().Interface().(Checker)
	if !ok || d.HasFault(path) {
		return
	}
	for _, f := range c.Check() {
		d.FaultAt(Join(path, f.Path), f.Hint, "%s", f.Err)
	}
}

// HasFault reports whether a fault is known at a path or below it.
func (d *Decoder) HasFault(path string) bool {
	return slices.ContainsFunc(d.Faults, func(f fault.Placed) bool { return within(f.Path, path) })
}

// within reports whether inner is outer or lies in it.
func within(inner, outer string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (rest == "" || outer == "" || rest[0] == '.' || rest[0] == '[')
}

// Join appends a path to a path.
func Join(path, rest string) string {
	if rest == "" || path == "" || rest[0] == '[' {
		return path + rest
	}
	return path + "." + rest
}

// lastKey names the end of a path for a sentence: `"steps"`, or "this".
func lastKey(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		path = path[i+1:]
	}
	if path == "" {
		return "this"
	}
	return fmt.Sprintf("%q", path)
}

func (d *Decoder) structure(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	if n.Kind != yaml.MappingNode {
		return d.Fault(at, path, "write it as key: value", "%s is %s, but it must be a map of settings", lastKey(path), DescribeNode(n))
	}
	fields := fieldsOf(v.Type())
	before, ok := len(d.Faults), true
	d.Pairs(n, path, func(key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.name
			}
			ok = d.Fault(key, Join(path, key.Value), fault.DidYouMean(key.Value, "known keys", names), "unknown key %q", key.Value)
			return
		}
		ok = d.value(value, v.FieldByIndex(fields[i].index), Join(path, key.Value), depth+1) && ok
	})
	return ok && len(d.Faults) == before
}

// Pairs visits the keys of a map, and tells those that cannot be keys.
func (d *Decoder) Pairs(n *yaml.Node, path string, visit func(key, value *yaml.Node)) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key
		if key.Kind == yaml.AliasNode {
			name = key.Alias
		}
		switch {
		case key.ShortTag() == "!!merge":
			d.Fault(key, path, "write the keys out, or put an alias (*name) for a whole value", "merge keys (<<) are not understood")
		case name.Kind != yaml.ScalarNode || IsNull(name):
			d.Fault(key, path, "", "a key must be a name, not %s", DescribeNode(name))
		case seen[name.Value] != nil:
			d.Fault(key, Join(path, name.Value), "keep one of them", "key %q stands here twice, first in line %d", name.Value, seen[name.Value].Line)
		default:
			seen[name.Value] = key
			visit(name, value)
		}
	}
}

// chooser decodes `name: settings` or a bare name.
func (d *Decoder) chooser(n, at *yaml.Node, c Chooser, path string, depth int) bool {
	variants := c.Variants()
	names := make([]string, 0, len(variants))
	for name := range variants {
		names = append(names, name)
	}
	slices.Sort(names)
	example := "write one of: " + strings.Join(names, ", ")

	var key, value *yaml.Node
	switch {
	case n.Kind == yaml.ScalarNode && !IsNull(n):
		key = n
	case n.Kind == yaml.MappingNode && len(n.Content) == 2:
		key, value = n.Content[0], n.Content[1]
		if key.Kind != yaml.ScalarNode {
			return d.Fault(key, path, example, "a key must be a name, not %s", DescribeNode(key))
		}
	case n.Kind == yaml.MappingNode && len(n.Content) > 2:
		var both []string
		for i := 0; i < len(n.Content); i += 2 {
			both = append(both, n.Content[i].Value)
		}
		hint := "keep one of them; the settings of a choice stand below its name, indented"
		return d.Fault(n.Content[2], path, hint, "%s chooses %s, but it takes one", lastKey(path), strings.Join(both, " and "))
	default:
		return d.Fault(at, path, example, "%s is %s, but it must be a name, or a name and its settings", lastKey(path), DescribeNode(n))
	}
	construct, ok := variants[key.Value]
	if !ok {
		return d.Fault(key, Join(path, key.Value), fault.DidYouMean(key.Value, "known names", names), "unknown name %q", key.Value)
	}
	settings := construct()
	inner := Join(path, key.Value)
	d.nodes[inner] = key
	sound := true
	switch {
	case settings == nil:
		if value != nil && !IsNull(value) {
			sound = d.Fault(value, inner, "write the bare name: "+key.Value, "%q has no settings", key.Value)
		}
	case value != nil && !IsNull(value):
		sound = d.value(value, reflect.ValueOf(settings).Elem(), inner, depth+1)
	}
	c.Choose(key.Value, settings)
	return sound
}

func (d *Decoder) path(n, at *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.ScalarNode {
		return d.Fault(at, path, "", "%s is %s, but it must be a path", lastKey(path), DescribeNode(n))
	}
	if n.Value == "" {
		return d.Fault(at, path, "give a path, or leave the key out", "%s is an empty path", lastKey(path))
	}
	if strings.ContainsRune(n.Value, 0) {
		return d.Fault(at, path, "", "%s holds a zero byte, which no path can", lastKey(path))
	}
	v.Set(reflect.ValueOf(NewPath(d.dir, n.Value)))
	return true
}
