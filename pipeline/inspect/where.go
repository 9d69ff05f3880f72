package inspect

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// A condition is a compiled --where expression. Comparing with null is false, as
// in SQL.
type condition struct {
	program *vm.Program
	columns []string // that it reads
	bounds  []bound  // that hold wherever it does
}

// A bound is a comparison of a column with a constant that the whole expression
// demands.
type bound struct {
	column, op string
	value      any // float64 or string
}

func compile(text string, names []string) (*condition, error) {
	env := types.Map{}
	for _, n := range names {
		env[n] = types.Any
	}
	c := &condition{}
	columns := &columnsIn{names: names}
	program, err := expr.Compile(text, expr.Env(env), expr.Patch(columns), expr.Patch(nullIsFalse{}), expr.AsBool())
	if err != nil {
		bad := &fault.UsageError{Err: fmt.Errorf("--where: %w", err)}
		return nil, fault.Hintf(bad, "for example: --where 'language == \"es\" && words > 200'; the columns are %s", strings.Join(names, ", "))
	}
	c.program, c.columns, c.bounds = program, columns.used, columns.bounds
	return c, nil
}

// columnsIn collects the columns that an expression reads, and the bounds on them.
type columnsIn struct {
	names, used []string
	bounds      []bound
	root        ast.Node
}

// Visit is called for the children before their parent, so the last is the root.
func (v *columnsIn) Visit(node *ast.Node) {
	if id, ok := (*node).(*ast.IdentifierNode); ok && slices.Contains(v.names, id.Value) && !slices.Contains(v.used, id.Value) {
		v.used = append(v.used, id.Value)
	}
	v.root = *node
	v.bounds = boundsOf(v.root, nil)
}

// boundsOf collects the comparisons that are joined by and at the top.
func boundsOf(node ast.Node, to []bound) []bound {
	b, ok := node.(*ast.BinaryNode)
	if !ok {
		return to
	}
	if b.Operator == "&&" || b.Operator == "and" {
		return boundsOf(b.Right, boundsOf(b.Left, to))
	}
	op := b.Operator
	column, isColumn := b.Left.(*ast.IdentifierNode)
	value := constant(b.Right)
	if !isColumn { // 200 < words
		column, isColumn = b.Right.(*ast.IdentifierNode)
		value = constant(b.Left)
		op = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}[op]
	}
	if isColumn && value != nil && slices.Contains([]string{"<", "<=", ">", ">=", "=="}, op) {
		to = append(to, bound{column.Value, op, value})
	}
	return to
}

// constant returns a number as float64, or a string; nil for anything else.
func constant(node ast.Node) any {
	switch n := node.(type) {
	case *ast.IntegerNode:
		return float64(n.Value)
	case *ast.FloatNode:
		return n.Value
	case *ast.StringNode:
		return n.Value
	}
	return nil
}

// nullIsFalse makes an ordering with null on either side false instead of an
// error.
type nullIsFalse struct{}

func (nullIsFalse) Visit(node *ast.Node) {
	b, ok := (*node).(*ast.BinaryNode)
	if !ok || !slices.Contains([]string{"<", "<=", ">", ">="}, b.Operator) {
		return
	}
	var known ast.Node
	for _, side := range []ast.Node{b.Left, b.Right} {
		if constant(side) != nil {
			continue
		}
		test := ast.Node(&ast.BinaryNode{Operator: "!=", Left: side, Right: &ast.NilNode{}})
		if known == nil {
			known = test
		} else {
			known = &ast.BinaryNode{Operator: "&&", Left: known, Right: test}
		}
	}
	if known != nil {
		ast.Patch(node, &ast.BinaryNode{Operator: "&&", Left: known, Right: b})
	}
}

// holds says whether the condition is true of a row.
func (c *condition) holds(values map[string]any) (bool, error) {
	env := make(map[string]any, len(c.columns))
	for _, name := range c.columns {
		env[name] = comparable(values[name])
	}
	out, err := expr.Run(c.program, env)
	if err != nil {
		return false, fault.Hintf(fmt.Errorf("--where: %w", err), "compare numbers with numbers and texts with texts; int(x) and string(x) convert")
	}
	return out.(bool), nil
}

// comparable turns numbers into what expressions calculate with.
func comparable(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = comparable(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = comparable(v[k])
		}
		return out
	}
	return v
}

// possible says whether a row group can hold a row for which the condition is
// true, by the statistics and the bloom filters of its columns.
func (c *condition) possible(f *shard.ParquetFile, group int) bool {
	if len(c.bounds) == 0 {
		return true
	}
	stats := f.GroupStats(group)
	for i, path := range f.Schema().Columns() {
		for _, b := range c.bounds {
			if !b.judges(f, path) {
				continue
			}
			leaf, _ := f.Schema().Lookup(path...)
			if !b.possible(comparable(stats[i].Least), comparable(stats[i].Greatest)) || !b.inBloom(f, group, i, leaf.Node.Type()) {
				return false
			}
		}
	}
	return true
}

func (b bound) possible(least, greatest any) bool {
	lo, ok1 := compareTo(least, b.value)
	hi, ok2 := compareTo(greatest, b.value)
	if !ok1 || !ok2 {
		return true
	}
	switch b.op {
	case "<":
		return lo < 0
	case "<=":
		return lo <= 0
	case ">":
		return hi > 0
	case ">=":
		return hi >= 0
	}
	return lo <= 0 && hi >= 0
}

// compareTo compares a statistic with a constant of the same sort.
func compareTo(stat, value any) (int, bool) {
	if s, ok := stat.(string); ok {
		v, ok := value.(string)
		return strings.Compare(s, v), ok
	}
	v, ok := value.(float64)
	var x float64
	switch s := stat.(type) {
	case int64:
		x = float64(s)
	case uint64:
		x = float64(s)
	case float64:
		x = s
	default:
		return 0, false
	}
	if math.Abs(x) > 1<<53 { // a float no longer tells neighbouring integers apart
		return 0, false
	}
	switch {
	case x < v:
		return -1, ok
	case x > v:
		return 1, ok
	}
	return 0, ok
}
