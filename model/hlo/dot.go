package hlo

import (
	"fmt"
	"slices"
)

// dot contracts the last axis but last-ca of a with that of b: a is (batch…, m, k) with ca 1 or
// (batch…, k, m) with 0, b likewise with n; the result is (batch…, m, n) in f32.
func (p *Program) dot(a, b *Value, ca, cb int) *Value {
	k := len(a.Shape) - 2 // axes of the batch
	if len(b.Shape) != k+2 || !slices.Equal(a.Shape[:k], b.Shape[:k]) || a.Shape[k+ca] != b.Shape[k+cb] {
		panic(fmt.Sprintf("hlo: product of %v and %v", a, b))
	}
	shape := append(slices.Clone(a.Shape[:k]), a.Shape[k+1-ca], b.Shape[k+1-cb])
	batching := ""
	if k > 0 {
		axes := make([]int, k)
		for i := range axes {
			axes[i] = i
		}
		batching = fmt.Sprintf("batching_dims = %s x %s, ", ints(axes), ints(axes))
	}
	return p.emit(F32, shape, nil, "stablehlo.dot_general %s, %s, %scontracting_dims = [%d] x [%d], precision = [DEFAULT, DEFAULT] : (%s, %s) -> %s",
		a.id, b.id, batching, k+ca, k+cb, a, b, typeOf(F32, shape))
}

// DotNT is a·bᵀ: (batch…, m, k) by (batch…, n, k). What is multiplied, forward and backward, is
// rounded to type t; sums are f32.
func (p *Program) DotNT(a, b *Value, t Type) *Value {
	x, y := p.rounded(a, t), p.rounded(b, t)
	z := p.dot(x, y, 1, 1)
	z.requires = a.requires || b.requires
	z.backward = func(dz *Value) {
		d := p.rounded(dz, t)
		p.give(a, func() *Value { return p.dot(d, y, 1, 0) })
		p.give(b, func() *Value { return p.dot(d, x, 0, 0) })
	}
	return z
}

// DotNN is a·b: (batch…, m, k) by (batch…, k, n), rounded as DotNT.
func (p *Program) DotNN(a, b *Value, t Type) *Value {
	x, y := p.rounded(a, t), p.rounded(b, t)
	z := p.dot(x, y, 1, 0)
	z.requires = a.requires || b.requires
	z.backward = func(dz *Value) {
		d := p.rounded(dz, t)
		p.give(a, func() *Value { return p.dot(d, y, 1, 1) })
		p.give(b, func() *Value { return p.dot(x, d, 0, 0) })
	}
	return z
}

// rounded is x in type t, of which a product takes the gradient itself.
func (p *Program) rounded(x *Value, t Type) *Value {
	y := p.Convert(x, t)
	if y != x {
		y.requires = false
	}
	return y
}

// Rows picks rows of x (V, C) by ids (N): (N, C).
func (p *Program) Rows(x, ids *Value) *Value {
	n, c := ids.Shape[0], x.Shape[1]
	at := p.Reshape(ids, n, 1)
	y := p.emit(x.Type, []int{n, c}, []*Value{x},
		`"stablehlo.gather"(%s, %s) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, %d>}> : (%s, %s) -> %s`,
		x.id, at.id, c, x, at, typeOf(x.Type, []int{n, c}))
	y.backward = func(dy *Value) {
		p.give(x, func() *Value {
			zero := p.Constant(x.Type, 0, x.Shape...)
			return p.emit(x.Type, x.Shape, nil,
				`"stablehlo.scatter"(%s, %s, %s) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = false}> (%s) : (%s, %s, %s) -> %s`,
				zero.id, at.id, dy.id, adder(x.Type), x, at, dy, x)
		})
	}
	return y
}

// adder is the body of an operation that sums.
func adder(t Type) string {
	s := typeOf(t, nil)
	return fmt.Sprintf("{ ^bb0(%%left: %[1]s, %%right: %[1]s): %%sum = stablehlo.add %%left, %%right : %[1]s stablehlo.return %%sum : %[1]s }", s)
}

// AllReduce sums x over this many replicas.
func (p *Program) AllReduce(x *Value, replicas int) *Value {
	if replicas == 1 {
		return x
	}
	group := make([]int, replicas)
	for i := range group {
		group[i] = i
	}
	return p.emit(x.Type, x.Shape, nil, `"stablehlo.all_reduce"(%s) <{replica_groups = dense<[%s]> : tensor<1x%dxi64>}> (%s) : (%s) -> %s`,
		x.id, ints(group), replicas, adder(x.Type), x, x)
}
