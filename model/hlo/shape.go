package hlo

import (
	"fmt"
	"slices"
	"strings"
)

func ints(a []int) string { return strings.ReplaceAll(fmt.Sprint(a), " ", ", ") }

func count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// others are the axes of n that are not among axes.
func others(n int, axes []int) []int {
	var rest []int
	for d := range n {
		if !slices.Contains(axes, d) {
			rest = append(rest, d)
		}
	}
	return rest
}

// Broadcast puts axis i of x at axis dims[i] of shape and repeats it along all others.
func (p *Program) Broadcast(x *Value, shape []int, dims ...int) *Value {
	if len(dims) != len(x.Shape) {
		panic(fmt.Sprintf("hlo: Broadcast of %v by axes %v", x, dims))
	}
	y := p.emit(x.Type, shape, []*Value{x}, "stablehlo.broadcast_in_dim %s, dims = %s : (%s) -> %s", x.id, ints(dims), x, typeOf(x.Type, shape))
	y.backward = func(dy *Value) { p.give(x, func() *Value { return p.Sum(dy, others(len(shape), dims)...) }) }
	return y
}

func (p *Program) reduce(op, init string, x *Value, over []int) *Value {
	var shape []int
	for _, d := range others(len(x.Shape), over) {
		shape = append(shape, x.Shape[d])
	}
	if len(over) == 0 {
		return x
	}
	scalar := typeOf(x.Type, nil)
	z := p.emit(x.Type, nil, nil, "stablehlo.constant dense<%s> : %s", init, scalar)
	return p.emit(x.Type, shape, []*Value{x}, "stablehlo.reduce(%s init: %s) applies stablehlo.%s across dimensions = %s : (%s, %s) -> %s",
		x.id, z.id, op, ints(over), x, scalar, typeOf(x.Type, shape))
}

// Sum sums over axes, in ascending order.
func (p *Program) Sum(x *Value, over ...int) *Value {
	if len(over) == 0 {
		return x
	}
	y := p.reduce("add", literal(x.Type, 0), x, over)
	y.backward = func(dy *Value) {
		p.give(x, func() *Value { return p.Broadcast(dy, x.Shape, others(len(x.Shape), over)...) })
	}
	return y
}

// SumAll is the sum of all numbers.
func (p *Program) SumAll(x *Value) *Value { return p.Sum(x, others(len(x.Shape), nil)...) }

// Greatest is the maximum over axes. It is a constant to gradients.
func (p *Program) Greatest(x *Value, over ...int) *Value {
	y := p.reduce("maximum", "0xFF800000", x, over)
	y.requires = false
	return y
}

// Least is the minimum of i32 over axes.
func (p *Program) Least(x *Value, over ...int) *Value {
	return p.reduce("minimum", "2147483647", x, over)
}

// Reshape gives the same numbers another shape.
func (p *Program) Reshape(x *Value, shape ...int) *Value {
	if count(shape) != count(x.Shape) {
		panic(fmt.Sprintf("hlo: Reshape of %v to %v", x, shape))
	}
	if slices.Equal(shape, x.Shape) {
		return x
	}
	y := p.emit(x.Type, shape, []*Value{x}, "stablehlo.reshape %s : (%s) -> %s", x.id, x, typeOf(x.Type, shape))
	y.backward = func(dy *Value) { p.give(x, func() *Value { return p.Reshape(dy, x.Shape...) }) }
	return y
}

// Transpose makes axis order[i] of x axis i.
func (p *Program) Transpose(x *Value, order ...int) *Value {
	shape, inverse := make([]int, len(order)), make([]int, len(order))
	for i, d := range order {
		shape[i], inverse[d] = x.Shape[d], i
	}
	y := p.emit(x.Type, shape, []*Value{x}, "stablehlo.transpose %s, dims = %s : (%s) -> %s", x.id, ints(order), x, typeOf(x.Type, shape))
	y.backward = func(dy *Value) { p.give(x, func() *Value { return p.Transpose(dy, inverse...) }) }
	return y
}

// Slice is indices [from, to) of an axis.
func (p *Program) Slice(x *Value, axis, from, to int) *Value {
	if from < 0 || to > x.Shape[axis] || from > to {
		panic(fmt.Sprintf("hlo: Slice %d to %d of axis %d of %v", from, to, axis, x))
	}
	if from == 0 && to == x.Shape[axis] {
		return x
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = to - from
	var ranges []string
	for d, n := range x.Shape {
		if d == axis {
			ranges = append(ranges, fmt.Sprintf("%d:%d", from, to))
		} else {
			ranges = append(ranges, fmt.Sprintf("0:%d", n))
		}
	}
	y := p.emit(x.Type, shape, []*Value{x}, "stablehlo.slice %s [%s] : (%s) -> %s", x.id, strings.Join(ranges, ", "), x, typeOf(x.Type, shape))
	y.backward = func(dy *Value) {
		p.give(x, func() *Value { return p.Pad(dy, axis, from, x.Shape[axis]-to) })
	}
	return y
}

// Pad sets zeros before and after along an axis.
func (p *Program) Pad(x *Value, axis, before, after int) *Value {
	shape, low, high := slices.Clone(x.Shape), make([]int, len(x.Shape)), make([]int, len(x.Shape))
	shape[axis] += before + after
	low[axis], high[axis] = before, after
	zero := p.Constant(x.Type, 0)
	y := p.emit(x.Type, shape, []*Value{x}, "stablehlo.pad %s, %s, low = %s, high = %s, interior = %s : (%s, %s) -> %s",
		x.id, zero.id, ints(low), ints(high), ints(make([]int, len(shape))), x, zero, typeOf(x.Type, shape))
	y.backward = func(dy *Value) {
		p.give(x, func() *Value { return p.Slice(dy, axis, before, before+x.Shape[axis]) })
	}
	return y
}

// Concat sets values one after the other along an axis.
func (p *Program) Concat(axis int, xs ...*Value) *Value {
	if len(xs) == 1 {
		return xs[0]
	}
	shape := slices.Clone(xs[0].Shape)
	shape[axis] = 0
	var ids, types []string
	for _, x := range xs {
		shape[axis] += x.Shape[axis]
		ids, types = append(ids, x.id), append(types, x.String())
	}
	y := p.emit(xs[0].Type, shape, xs, "stablehlo.concatenate %s, dim = %d : (%s) -> %s",
		strings.Join(ids, ", "), axis, strings.Join(types, ", "), typeOf(xs[0].Type, shape))
	y.backward = func(dy *Value) {
		at := 0
		for _, x := range xs {
			from := at
			at += x.Shape[axis]
			p.give(x, func() *Value { return p.Slice(dy, axis, from, from+x.Shape[axis]) })
		}
	}
	return y
}

// Iota counts from 0 along an axis.
func (p *Program) Iota(t Type, axis int, shape ...int) *Value {
	return p.emit(t, shape, nil, "stablehlo.iota dim = %d : %s", axis, typeOf(t, shape))
}
