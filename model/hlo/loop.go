package hlo

import (
	"fmt"
	"strings"
)

// Loop is state = body(t, state) for t = 0 … n−1. It is a constant to gradients.
func (p *Program) Loop(n int, state []*Value, body func(t *Value, state []*Value) []*Value) []*Value {
	limit := p.Constant(I32, float64(n))
	all := append([]*Value{p.Constant(I32, 0)}, state...)
	name := fmt.Sprintf("%%%d", p.n)
	p.n++
	inside := make([]*Value, len(all))
	var bindings, types []string
	for i, v := range all {
		inside[i] = &Value{id: fmt.Sprintf("%%in%s_%d", name[1:], i), Shape: v.Shape, Type: v.Type}
		bindings, types = append(bindings, inside[i].id+" = "+v.id), append(types, v.String())
	}
	fmt.Fprintf(&p.body, "    %s:%d = stablehlo.while(%s) : %s\n    cond {\n", name, len(all), strings.Join(bindings, ", "), strings.Join(types, ", "))
	goes := p.Compare("LT", inside[0], limit)
	fmt.Fprintf(&p.body, "    stablehlo.return %s : %v\n    } do {\n", goes.id, goes)
	next := append([]*Value{p.Add(inside[0], p.Constant(I32, 1))}, body(inside[0], inside[1:])...)
	ids := make([]string, len(next))
	for i, v := range next {
		if v.String() != types[i] {
			panic(fmt.Sprintf("hlo: Loop makes %v of %s", v, types[i]))
		}
		ids[i] = v.id
	}
	fmt.Fprintf(&p.body, "    stablehlo.return %s : %s\n    }\n", strings.Join(ids, ", "), strings.Join(types, ", "))
	out := make([]*Value, len(state))
	for i, v := range state {
		out[i] = &Value{id: fmt.Sprintf("%s#%d", name, i+1), Shape: v.Shape, Type: v.Type}
	}
	return out
}

// at is entry i, a number of the program, of the first axis.
func (p *Program) at(x, i *Value) *Value {
	starts, types, sizes := p.first(x, i)
	shape := append([]int{1}, x.Shape[1:]...)
	y := p.emit(x.Type, shape, nil, "stablehlo.dynamic_slice %s, %s, sizes = %s : (%v, %s) -> %s", x.id, starts, sizes, x, types, typeOf(x.Type, shape))
	return p.Reshape(y, x.Shape[1:]...)
}

// put is x with entry i of the first axis replaced.
func (p *Program) put(x, i, entry *Value) *Value {
	starts, types, _ := p.first(x, i)
	one := p.Reshape(entry, append([]int{1}, entry.Shape...)...)
	return p.emit(x.Type, x.Shape, nil, "stablehlo.dynamic_update_slice %s, %s, %s : (%v, %v, %s) -> %v", x.id, one.id, starts, x, one, types, x)
}

func (p *Program) first(x, i *Value) (starts, types, sizes string) {
	zero := p.Constant(I32, 0)
	s, t, n := []string{i.id}, []string{i.String()}, append([]int{1}, x.Shape[1:]...)
	for range x.Shape[1:] {
		s, t = append(s, zero.id), append(t, zero.String())
	}
	return strings.Join(s, ", "), strings.Join(t, ", "), ints(n)
}

// LSTM is long short-term memory over T steps of R rows: gates (T, R, 4H) is the part of the gates that
// comes from below, in the order input, forget, cell, output; w (4H, H) adds what comes from the step
// before, its products of type t; h and c (R, H) are the state before the first step. Where fresh (T, R),
// or nil, is true a row forgets its state before the step. It returns h after each step (T, R, H), and
// the last state, which is a constant to gradients (Hochreiter and Schmidhuber 1997).
func (p *Program) LSTM(gates, w, h, c, fresh *Value, t Type) (y, lastH, lastC *Value) {
	steps, rows, n := gates.Shape[0], gates.Shape[1], w.Shape[1]
	wide := []int{steps, rows, n}
	known := func(at *Value, s *Value) *Value { // of a state, what a row has not forgotten
		if fresh == nil {
			return s
		}
		forgets := p.Broadcast(p.at(fresh, at), s.Shape, 0)
		return p.Select(forgets, p.Constant(F32, 0, s.Shape...), s)
	}
	// Kept for the backward pass: the gates after activation, and the state before each step.
	state := []*Value{h, c, p.Constant(F32, 0, steps, rows, 4*n), p.Constant(F32, 0, wide...), p.Constant(F32, 0, wide...), p.Constant(F32, 0, wide...)}
	out := p.Loop(steps, state, func(at *Value, s []*Value) []*Value {
		h, c := known(at, s[0]), known(at, s[1])
		g := p.Add(p.at(gates, at), p.dot(p.Convert(h, t), p.Convert(w, t), 1, 1))
		part := func(i int) *Value { return p.Slice(g, 1, i*n, (i+1)*n) }
		i, f, z, o := p.Sigmoid(part(0)), p.Sigmoid(part(1)), p.Tanh(part(2)), p.Sigmoid(part(3))
		next := p.Add(p.Mul(i, z), p.Mul(f, c))
		y := p.Mul(o, p.Tanh(next))
		return []*Value{y, next, p.put(s[2], at, p.Concat(1, i, f, z, o)), p.put(s[3], at, h), p.put(s[4], at, c), p.put(s[5], at, y)}
	})
	lastH, lastC = out[0], out[1]
	acts, hs, cs, ys := out[2], out[3], out[4], out[5]
	y = ys
	y.requires = gates.requires || w.requires
	p.values = append(p.values, y)
	y.backward = func(dy *Value) {
		zero := p.Constant(F32, 0, rows, n)
		out := p.Loop(steps, []*Value{zero, zero, p.Constant(F32, 0, steps, rows, 4*n)}, func(t0 *Value, s []*Value) []*Value {
			at := p.Sub(p.Constant(I32, float64(steps-1)), t0)
			g := p.at(acts, at)
			part := func(i int) *Value { return p.Slice(g, 1, i*n, (i+1)*n) }
			i, f, z, o, c := part(0), part(1), part(2), part(3), p.at(cs, at)
			tanh := p.Tanh(p.Add(p.Mul(i, z), p.Mul(f, c)))
			one := p.Constant(F32, 1, rows, n)
			rest := func(v *Value) *Value { return p.Mul(v, p.Sub(one, v)) } // the slope of σ
			dh := p.Add(p.at(dy, at), s[0])
			dc := p.Add(p.Mul(p.Mul(dh, o), p.Sub(one, p.Mul(tanh, tanh))), s[1])
			dg := p.Concat(1, p.Mul(p.Mul(dc, z), rest(i)), p.Mul(p.Mul(dc, c), rest(f)),
				p.Mul(p.Mul(dc, i), p.Sub(one, p.Mul(z, z))), p.Mul(p.Mul(dh, tanh), rest(o)))
			before := p.dot(p.Convert(dg, t), p.Convert(w, t), 1, 0)
			return []*Value{known(at, before), known(at, p.Mul(dc, f)), p.put(s[2], at, dg)}
		})
		dg := out[2]
		p.give(gates, func() *Value { return dg })
		p.give(w, func() *Value {
			return p.dot(p.Convert(p.Reshape(dg, steps*rows, 4*n), t), p.Convert(p.Reshape(hs, steps*rows, n), t), 0, 0)
		})
	}
	return y, lastH, lastC
}

// Gated is c = f·c before + (1 − f)·x over steps, 0 before the first; f and x are (T, R, C), and so is
// the result.
func (p *Program) Gated(f, x *Value) *Value {
	steps, one := f.Shape[0], p.Constant(F32, 1, f.Shape[1:]...)
	zeros := p.Constant(F32, 0, f.Shape...)
	zero := p.Constant(F32, 0, f.Shape[1:]...)
	// The results, and the one before each.
	out := p.Loop(steps, []*Value{zero, zeros, zeros}, func(at *Value, s []*Value) []*Value {
		gate := p.at(f, at)
		next := p.Add(p.Mul(gate, s[0]), p.Mul(p.Sub(one, gate), p.at(x, at)))
		return []*Value{next, p.put(s[1], at, next), p.put(s[2], at, s[0])}
	})
	y, before := out[1], out[2]
	y.requires = f.requires || x.requires
	p.values = append(p.values, y)
	y.backward = func(dy *Value) {
		out := p.Loop(steps, []*Value{zero, zeros, zeros}, func(t *Value, s []*Value) []*Value {
			at := p.Sub(p.Constant(I32, float64(steps-1)), t)
			gate, d := p.at(f, at), p.Add(p.at(dy, at), s[0])
			df, dx := p.Mul(d, p.Sub(p.at(before, at), p.at(x, at))), p.Mul(d, p.Sub(one, gate))
			return []*Value{p.Mul(d, gate), p.put(s[1], at, df), p.put(s[2], at, dx)}
		})
		p.give(f, func() *Value { return out[1] })
		p.give(x, func() *Value { return out[2] })
	}
	return y
}
