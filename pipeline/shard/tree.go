package shard

import (
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// A node is a field of a file's schema, with what it takes to put its values
// together again from the levels of its leaf columns.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
type node struct {
	name     string
	optional bool
	repeated bool
	def, rep int                             // levels at which the field is there, and starts again
	shape    shape                           // of a group
	children []*node                         // of a group; nil: a leaf
	first    int                             // its first leaf column
	leaves   int                             // how many it has
	value    func(parquet.Value) (any, bool) // of a leaf; false: there is no such value
	element  format.SchemaElement
}

// A shape says what a group stands for.
type shape int

const (
	structShape shape = iota
	listShape         // one repeated child
	mapShape          // one repeated child, of key and value
)

// treeOf builds the root of a schema, which the file lists depth first.
func treeOf(elements []format.SchemaElement) (*node, error) {
	t := treeBuilder{rest: elements}
	root, err := t.node(0, 0, 0)
	if err != nil {
		return nil, err
	}
	if len(t.rest) > 0 {
		return nil, fmt.Errorf("the schema has %d fields that belong to no group", len(t.rest))
	}
	return root, nil
}

type treeBuilder struct {
	rest   []format.SchemaElement
	leaves int
}

func (t *treeBuilder) node(def, rep, depth int) (*node, error) {
	if len(t.rest) == 0 || depth > 64 {
		return nil, fmt.Errorf("the schema is cut short, or nested too deep")
	}
	e := t.rest[0]
	t.rest = t.rest[1:]
	n := &node{name: e.Name, first: t.leaves, element: e}
	if depth > 0 {
		switch e.RepetitionType.V {
		case format.Optional:
			n.optional, def = true, def+1
		case format.Repeated:
			n.repeated, def, rep = true, def+1, rep+1
		}
	}
	n.def, n.rep = def, rep
	if !e.NumChildren.Valid && e.Type.Valid {
		n.value = valueOf(&e)
		t.leaves++
		n.leaves = 1
		return n, nil
	}
	n.children = []*node{}
	for range e.NumChildren.V {
		child, err := t.node(def, rep, depth+1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	n.leaves = t.leaves - n.first
	n.shape = shapeOf(n)
	return n, nil
}

func shapeOf(n *node) shape {
	if len(n.children) != 1 || !n.children[0].repeated {
		return structShape
	}
	converted := n.element.ConvertedType
	switch n.element.LogicalType.Value.(type) {
	case *format.ListType:
		return listShape
	case *format.MapType:
		return mapShapeOf(n)
	}
	switch {
	case !converted.Valid:
	case converted.V == deprecated.List:
		return listShape
	case converted.V == deprecated.Map, converted.V == deprecated.MapKeyValue:
		return mapShapeOf(n)
	}
	return structShape
}

func mapShapeOf(n *node) shape {
	if len(n.children[0].children) == 2 {
		return mapShape
	}
	return listShape // of keys alone
}

// An entry is one value of a leaf column with its levels.
type entry struct {
	rep, def int
	value    any
}

// assemble returns the value of a node from the entries of its leaves. It is
// given those of one row, or of one item of what is repeated around it.
func (n *node) assemble(leaves [][]entry) any {
	if n.repeated {
		list := []any{}
		for item := range n.items(leaves) {
			list = append(list, n.content(item))
		}
		return list
	}
	return n.content(leaves)
}

// there reports whether the node has a value, which any of its leaves tells.
func (n *node) there(leaves [][]entry) bool {
	return n.leaves == 0 || len(leaves[n.first]) > 0 && leaves[n.first][0].def >= n.def
}

// items yields the entries of each item of a repeated node.
func (n *node) items(leaves [][]entry) func(yield func([][]entry) bool) {
	return func(yield func([][]entry) bool) {
		if !n.there(leaves) {
			return
		}
		item := slices.Clone(leaves)
		at := make([]int, n.leaves)
		for {
			more := false
			for i := range n.leaves {
				all := leaves[n.first+i]
				end := at[i] + 1
				for end < len(all) && all[end].rep > n.rep {
					end++
				}
				end = min(end, len(all))
				item[n.first+i] = all[min(at[i], len(all)):end]
				at[i] = end
				more = more || end < len(all)
			}
			if !yield(item) || !more {
				return
			}
		}
	}
}

// content is the value of one item.
func (n *node) content(leaves [][]entry) any {
	if !n.there(leaves) {
		return nil
	}
	if n.children == nil {
		return leaves[n.first][0].value
	}
	switch n.shape {
	case listShape:
		list := []any{}
		repeated := n.children[0]
		for item := range repeated.items(leaves) {
			list = append(list, repeated.listItem(n.name, item))
		}
		return list
	case mapShape:
		return n.children[0].pairs(leaves)
	}
	fields := make(map[string]any, len(n.children))
	for _, c := range n.children {
		fields[c.name] = c.assemble(leaves)
	}
	return fields
}

// listItem is an item of a list. Its repeated group is a layer that only says
// where items begin, except in files of old writers.
func (n *node) listItem(list string, leaves [][]entry) any {
	old := len(n.children) != 1 || n.name == "array" || n.name == list+"_tuple" || n.children[0].repeated
	if n.children == nil || old {
		return n.content(leaves)
	}
	return n.children[0].assemble(leaves)
}

// pairs makes an object of the repeated keys and values of a map.
func (n *node) pairs(leaves [][]entry) any {
	object := map[string]any{}
	for item := range n.items(leaves) {
		key := n.children[0].assemble(item)
		name, ok := key.(string)
		if !ok {
			name = jsonOf(key)
		}
		object[name] = n.children[1].assemble(item)
	}
	return object
}
