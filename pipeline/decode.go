package pipeline

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
)

// Defaults is implemented by settings that stand in lists or maps: it is called
// on a new element before its keys are decoded into it.
type Defaults interface{ SetDefaults() }

// decoder reads YAML nodes into settings. It goes on after a fault, to tell all
// of them at once.
type decoder struct {
	src    *sourceText
	dir    string                // relative Paths resolve against it
	origin map[*yaml.Node]string // nodes that a flag put in → the flag
	nodes  map[string]*yaml.Node // path → the node decoded there, to place faults found later
	faults []fault.Placed
	visits int
	full   bool // the budget is spent
}

const (
	maxVisits = 100_000 // values after unfolding aliases: more is an attack, or a mistake
	maxDepth  = 64
)

// decode reads a node into settings, a pointer to a struct that holds the
// defaults. A null node leaves the defaults.
func (d *decoder) decode(n *yaml.Node, settings any, path string) bool {
	v := reflect.ValueOf(settings)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("pipeline: settings must be a pointer to a struct, not %T", settings))
	}
	before := len(d.faults)
	if n != nil && !isNull(n) {
		d.value(n, v.Elem(), path, 0)
	}
	if !d.full {
		d.checkAll(v, path)
	}
	return len(d.faults) == before
}

func (d *decoder) fault(n *yaml.Node, path, hint, format string, args ...any) bool {
	f := fault.Placed{Fault: fault.Fault{Path: path, Err: fmt.Sprintf(format, args...), Hint: hint}}
	if flag, ok := d.origin[n]; ok {
		f.File = flag
	} else {
		f.File, f.Line, f.Column = d.src.name, max(n.Line, 1), max(n.Column, 1)
		f.Text = d.src.line(f.Line)
	}
	d.faults = append(d.faults, f)
	return false
}

// faultAt places a fault by its path: at the node decoded there, or at the
// nearest one around it.
func (d *decoder) faultAt(path, hint, format string, args ...any) {
	for at := path; ; {
		if n, ok := d.nodes[at]; ok {
			d.fault(n, path, hint, format, args...)
			return
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			d.fault(&yaml.Node{Line: 1, Column: 1}, path, hint, format, args...)
			return
		}
		at = at[:i]
	}
}

// value decodes into v, which is addressable, and reports whether all was well.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, depth int) bool {
	at := n
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.nodes[path] = at
	if d.visits++; d.visits > maxVisits || depth > maxDepth {
		if !d.full {
			d.full = true
			d.fault(at, path, "write fewer aliases (*name), or copy what they stand for",
				"the file unfolds to too much: more than %d values, or nested more than %d deep", maxVisits, maxDepth)
		}
		return false
	}
	if d.full {
		return false
	}
	return d.kind(n, at, v, path, depth)
}

func (d *decoder) kind(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	t := v.Type()
	if t == reflect.TypeFor[*yaml.Node]() {
		v.Set(reflect.ValueOf(at))
		return true
	}
	if t.Kind() == reflect.Pointer {
		if isNull(n) {
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
	if isNull(n) {
		return d.fault(at, path, "give it a value, or leave the key out for its default", "%s has no value", lastKey(path))
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
func (d *decoder) checkAll(v reflect.Value, path string) {
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
			d.checkAll(reflect.ValueOf(settings), join(path, name))
		}
	} else {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[Path]() {
				return
			}
			for _, f := range fieldsOf(v.Type()) {
				d.checkAll(v.FieldByIndex(f.index), join(path, f.name))
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				d.checkAll(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				d.checkAll(v.MapIndex(k), join(path, k.String()))
			}
		}
	}
	c, ok := v.Addr().Interface().(Checker)
	if !ok || slices.ContainsFunc(d.faults, func(f fault.Placed) bool { return within(f.Path, path) }) {
		return
	}
	for _, f := range c.Check() {
		d.faultAt(join(path, f.Path), f.Hint, "%s", f.Err)
	}
}

// within reports whether inner is outer or lies in it.
func within(inner, outer string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (rest == "" || outer == "" || rest[0] == '.' || rest[0] == '[')
}

// join appends a path to a path.
func join(path, rest string) string {
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

// A field is one key of a struct of settings.
type field struct {
	name  string
	doc   string // from the tag `doc`: one sentence for people and editors
	index []int
}

// fieldsOf lists the keys of a struct in the order of its fields; embedded
// structs with `yaml:",inline"` count as its own.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("yaml")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case name == "-":
		case slices.Contains(strings.Split(options, ","), "inline"):
			for _, g := range fieldsOf(f.Type) {
				g.index = append([]int{i}, g.index...)
				all = append(all, g)
			}
		case !f.IsExported():
		case !ok || name == "":
			// A setting that is in force but not in the key would be a lie.
			panic(fmt.Sprintf("pipeline: field %s of %s has no yaml tag", f.Name, t))
		default:
			all = append(all, field{name: name, doc: f.Tag.Get("doc"), index: []int{i}})
		}
	}
	return all
}

func (d *decoder) structure(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	if n.Kind != yaml.MappingNode {
		return d.fault(at, path, "write it as key: value", "%s is %s, but it must be a map of settings", lastKey(path), describe(n))
	}
	fields := fieldsOf(v.Type())
	before, ok := len(d.faults), true
	d.pairs(n, path, func(key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.name
			}
			ok = d.fault(key, join(path, key.Value), fault.DidYouMean(key.Value, "known keys", names), "unknown key %q", key.Value)
			return
		}
		ok = d.value(value, v.FieldByIndex(fields[i].index), join(path, key.Value), depth+1) && ok
	})
	return ok && len(d.faults) == before
}

// pairs visits the keys of a map, and tells those that cannot be keys.
func (d *decoder) pairs(n *yaml.Node, path string, visit func(key, value *yaml.Node)) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key
		if key.Kind == yaml.AliasNode {
			name = key.Alias
		}
		switch {
		case key.ShortTag() == "!!merge":
			d.fault(key, path, "write the keys out, or put an alias (*name) for a whole value", "merge keys (<<) are not understood")
		case name.Kind != yaml.ScalarNode || isNull(name):
			d.fault(key, path, "", "a key must be a name, not %s", describe(name))
		case seen[name.Value] != nil:
			d.fault(key, join(path, name.Value), "keep one of them", "key %q stands here twice, first in line %d", name.Value, seen[name.Value].Line)
		default:
			seen[name.Value] = key
			visit(name, value)
		}
	}
}

func (d *decoder) list(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	if n.Kind != yaml.SequenceNode {
		hint := "write it as a list: [" + strings.TrimSpace(n.Value) + "]"
		if n.Kind != yaml.ScalarNode {
			hint = `write it as a list: each entry on a line of its own, after "- "`
		}
		return d.fault(at, path, hint, "%s is %s, but it must be a list", lastKey(path), describe(n))
	}
	if v.Kind() == reflect.Array && len(n.Content) != v.Len() {
		return d.fault(at, path, "", "%s has %d entries, but it must have %d", lastKey(path), len(n.Content), v.Len())
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

func (d *decoder) dict(n, at *yaml.Node, v reflect.Value, path string, depth int) bool {
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		panic(fmt.Sprintf("pipeline: settings cannot hold a %s: its keys are not strings", t))
	}
	if n.Kind != yaml.MappingNode {
		return d.fault(at, path, "write it as key: value", "%s is %s, but it must be a map", lastKey(path), describe(n))
	}
	out, ok := reflect.MakeMap(t), true
	d.pairs(n, path, func(key, value *yaml.Node) {
		name := reflect.New(t.Key()).Elem()
		ok = d.scalar(key, key, name, path) && ok
		elem := fresh(t.Elem())
		ok = d.value(value, elem, join(path, key.Value), depth+1) && ok
		out.SetMapIndex(name, elem)
	})
	v.Set(out)
	return ok
}

// chooser decodes `name: settings` or a bare name.
func (d *decoder) chooser(n, at *yaml.Node, c Chooser, path string, depth int) bool {
	variants := c.Variants()
	names := make([]string, 0, len(variants))
	for name := range variants {
		names = append(names, name)
	}
	slices.Sort(names)
	example := "write one of: " + strings.Join(names, ", ")

	var key, value *yaml.Node
	switch {
	case n.Kind == yaml.ScalarNode && !isNull(n):
		key = n
	case n.Kind == yaml.MappingNode && len(n.Content) == 2:
		key, value = n.Content[0], n.Content[1]
		if key.Kind != yaml.ScalarNode {
			return d.fault(key, path, example, "a key must be a name, not %s", describe(key))
		}
	case n.Kind == yaml.MappingNode && len(n.Content) > 2:
		var both []string
		for i := 0; i < len(n.Content); i += 2 {
			both = append(both, n.Content[i].Value)
		}
		hint := "keep one of them; the settings of a choice stand below its name, indented"
		return d.fault(n.Content[2], path, hint, "%s chooses %s, but it takes one", lastKey(path), strings.Join(both, " and "))
	default:
		return d.fault(at, path, example, "%s is %s, but it must be a name, or a name and its settings", lastKey(path), describe(n))
	}
	construct, ok := variants[key.Value]
	if !ok {
		return d.fault(key, join(path, key.Value), fault.DidYouMean(key.Value, "known names", names), "unknown name %q", key.Value)
	}
	settings := construct()
	inner := join(path, key.Value)
	d.nodes[inner] = key
	sound := true
	switch {
	case settings == nil:
		if value != nil && !isNull(value) {
			sound = d.fault(value, inner, "write the bare name: "+key.Value, "%q has no settings", key.Value)
		}
	case value != nil && !isNull(value):
		sound = d.value(value, reflect.ValueOf(settings).Elem(), inner, depth+1)
	}
	c.Choose(key.Value, settings)
	return sound
}

func (d *decoder) path(n, at *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.ScalarNode {
		return d.fault(at, path, "", "%s is %s, but it must be a path", lastKey(path), describe(n))
	}
	if n.Value == "" {
		return d.fault(at, path, "give a path, or leave the key out", "%s is an empty path", lastKey(path))
	}
	if strings.ContainsRune(n.Value, 0) {
		return d.fault(at, path, "", "%s holds a zero byte, which no path can", lastKey(path))
	}
	v.Set(reflect.ValueOf(NewPath(d.dir, n.Value)))
	return true
}

// NewPath resolves a path, as it was written, against a folder.
func NewPath(dir, written string) Path {
	abs := filepath.FromSlash(written)
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(dir, abs)
	}
	return Path{Written: written, Abs: abs}
}
