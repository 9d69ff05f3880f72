package hlo

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// A Type is the element type of a value, as StableHLO writes it.
type Type string

// The types that programs use.
const (
	F32  Type = "f32"
	BF16 Type = "bf16"
	I32  Type = "i32"
	U32  Type = "ui32"
	Bool Type = "i1"
)

// A Value is a result of an operation, or an argument.
type Value struct {
	Shape []int
	Type  Type

	id       string
	requires bool // a gradient flows through it
	grad     *Value
	backward func(dy *Value)
}

// String is the value's type, such as tensor<4x8xf32>.
func (v *Value) String() string { return typeOf(v.Type, v.Shape) }

func typeOf(t Type, shape []int) string {
	var b strings.Builder
	b.WriteString("tensor<")
	for _, d := range shape {
		fmt.Fprintf(&b, "%dx", d)
	}
	return b.String() + string(t) + ">"
}

// A Program is one function under construction. The zero value is empty.
type Program struct {
	body      strings.Builder
	arguments []argument
	values    []*Value // in the order of their lines
	n         int      // of values that were named
}

type argument struct {
	value *Value
	alias int // the result that takes its memory; -1: none
}

// Parameter adds an argument of type f32 that gradients are wanted of.
func (p *Program) Parameter(shape ...int) *Value {
	v := p.Input(F32, shape...)
	v.requires = true
	return v
}

// Input adds an argument that is a constant to gradients.
func (p *Program) Input(t Type, shape ...int) *Value {
	v := &Value{id: fmt.Sprintf("%%arg%d", len(p.arguments)), Shape: slices.Clone(shape), Type: t}
	p.arguments = append(p.arguments, argument{v, -1})
	return v
}

// Donate says that a result takes the memory of an argument, which is gone afterwards.
func (p *Program) Donate(argument *Value, result int) {
	for i := range p.arguments {
		if p.arguments[i].value == argument {
			p.arguments[i].alias = result
			return
		}
	}
	panic("hlo: Donate of what is no argument")
}

// Text is the whole module, for this many replicas.
func (p *Program) Text(replicas int, results ...*Value) string {
	var args, ids, types []string
	for _, a := range p.arguments {
		s := a.value.id + ": " + a.value.String()
		if a.alias >= 0 {
			s += fmt.Sprintf(" {tf.aliasing_output = %d : i32}", a.alias)
		}
		args = append(args, s)
	}
	for _, r := range results {
		ids, types = append(ids, r.id), append(types, r.String())
	}
	return fmt.Sprintf("module @fragua attributes {mhlo.num_replicas = %d : i32, mhlo.num_partitions = 1 : i32} {\n"+
		"  func.func public @main(%s) -> (%s) {\n%s    return %s : %s\n  }\n}\n",
		replicas, strings.Join(args, ", "), strings.Join(types, ", "), p.body.String(), strings.Join(ids, ", "), strings.Join(types, ", "))
}

// Hash tells programs apart: it covers all that was written so far.
func (p *Program) Hash() uint64 {
	h := fnv.New64a()
	for _, a := range p.arguments {
		fmt.Fprintln(h, a.value, a.value.requires, a.alias)
	}
	fmt.Fprint(h, p.body.String())
	return h.Sum64()
}

// emit writes a line and returns its value; a gradient flows through it if it does through one of from.
func (p *Program) emit(t Type, shape []int, from []*Value, format string, args ...any) *Value {
	v := &Value{id: fmt.Sprintf("%%%d", p.n), Shape: slices.Clone(shape), Type: t}
	p.n++
	for _, x := range from {
		v.requires = v.requires || x.requires
	}
	fmt.Fprintf(&p.body, "    %s = ", v.id)
	fmt.Fprintf(&p.body, format, args...)
	p.body.WriteByte('\n')
	p.values = append(p.values, v)
	return v
}

// Gradients writes the gradients of loss, one number, with regard to values.
func (p *Program) Gradients(loss *Value, of ...*Value) []*Value {
	if len(loss.Shape) != 0 {
		panic(fmt.Sprintf("hlo: gradients of %v, want one number", loss))
	}
	loss.grad = p.Constant(F32, 1)
	p.back(0)
	out := make([]*Value, len(of))
	for i, v := range of {
		if out[i] = v.grad; out[i] == nil {
			out[i] = p.Constant(v.Type, 0, v.Shape...)
		}
	}
	return out
}

// back goes backward through the values from number first on.
func (p *Program) back(first int) {
	for i := len(p.values) - 1; i >= first; i-- {
		if v := p.values[i]; v.grad != nil && v.backward != nil && v.requires {
			v.backward(v.grad)
		}
	}
}

// give adds to the gradient of x.
func (p *Program) give(x *Value, dx func() *Value) {
	switch {
	case !x.requires:
	case x.grad == nil:
		x.grad = dx()
	default:
		x.grad = p.Add(x.grad, dx())
	}
}

// Recompute is f(x) that keeps nothing but x for the gradient: f is written once more in the backward
// pass, behind a barrier that keeps the compiler from finding the two equal (activation
// checkpointing, Chen et al. 2016).
func (p *Program) Recompute(x *Value, f func(*Value) *Value) *Value {
	first := len(p.values)
	z := f(x)
	for _, v := range p.values[first:] { // the backward pass goes through the second writing alone
		v.backward = nil
	}
	y := p.emit(z.Type, z.Shape, nil, "stablehlo.optimization_barrier %s : %s", z.id, z)
	y.requires = true
	y.backward = func(dy *Value) {
		// One barrier for both, so that the second writing waits for the gradient.
		pair := fmt.Sprintf("%%%d", p.n)
		p.n++
		fmt.Fprintf(&p.body, "    %s:2 = stablehlo.optimization_barrier %s, %s : %s, %s\n", pair, x.id, dy.id, x, dy)
		again := &Value{id: pair + "#0", Shape: x.Shape, Type: x.Type, requires: true}
		first := len(p.values)
		z := f(again)
		z.grad = &Value{id: pair + "#1", Shape: dy.Shape, Type: dy.Type}
		p.back(first)
		if again.grad != nil {
			p.give(x, func() *Value { return again.grad })
		}
	}
	return y
}
