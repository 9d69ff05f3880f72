package tensor

import (
	"fmt"

	"fragua/model/hlo"
)

// A Graph is a traced pass as a program. What operations read that no operation made are the
// program's arguments.
type Graph struct {
	*hlo.Program
	Arguments []Argument   // in the order of the program's
	Results   []Result     // what the pass leaves beside its loss: recurrent states
	Losses    []*hlo.Value // of each loss: Σ nll of each row, before weights, smoothing and norm

	tape   *Tape
	next   int // node to emit
	values map[*Tensor]*hlo.Value
	known  map[any]*hlo.Value // arguments, by the address of their first number
}

// An Argument is what a program reads: a tensor that no operation made, or numbers that belong to
// the pass.
type Argument struct {
	Value  *hlo.Value
	Tensor *Tensor   // with its own shape; or nil
	Ints   []int32   // or nil
	Floats []float32 // or nil
	Fixed  bool      // Floats are the same in every pass
}

// A Result is a value that belongs in a slice of the host.
type Result struct {
	Value *hlo.Value
	Into  []float32
}

// Graph writes the trace. It fails where an operation cannot be written.
func (tp *Tape) Graph() (g *Graph, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(unwritten)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	g = &Graph{Program: new(hlo.Program), tape: tp, values: map[*Tensor]*hlo.Value{}, known: map[any]*hlo.Value{}}
	for g.next = 0; g.next < tp.n; {
		n := tp.nodes[g.next]
		g.next++
		n.emit(g)
	}
	return g, nil
}

// unwritten says what a program cannot hold.
type unwritten string

func (e unwritten) Error() string { return string(e) }

// Value is what the pass made of t (rows, columns).
func (g *Graph) Value(t *Tensor) *hlo.Value { return g.of(t) }

func (g *Graph) of(t *Tensor) *hlo.Value {
	if v := g.values[t]; v != nil {
		return v
	}
	// Again each time: a Recompute writes twice, and the gradient flows through the second writing.
	return g.Reshape(g.leaf(t), t.Rows(), t.Cols())
}

// leaf is the argument for a tensor that no operation made.
func (g *Graph) leaf(t *Tensor) *hlo.Value {
	switch {
	case t.made:
		panic(unwritten("the model computes outside its operations, which a device cannot do"))
	case t.Quantized != nil:
		panic(unwritten("weights are quantized, which a device cannot read"))
	}
	if v := g.known[t]; v != nil {
		return v
	}
	var v *hlo.Value
	if t.Grad != nil && !g.tape.inference {
		v = g.Parameter(t.Shape...)
	} else {
		v = g.Input(hlo.F32, t.Shape...)
	}
	g.known[t] = v
	g.Arguments = append(g.Arguments, Argument{Value: v, Tensor: t})
	return v
}

// vector is t as one row of all its numbers.
func (g *Graph) vector(t *Tensor) *hlo.Value { return g.Reshape(g.of(t), t.count()) }

func (g *Graph) set(t *Tensor, v *hlo.Value) {
	if len(v.Shape) != 2 || v.Shape[0] != t.Rows() || v.Shape[1] != t.Cols() {
		panic(fmt.Sprintf("tensor: %v was written for a tensor of %v", v, t.Shape))
	}
	g.values[t] = v
}

// ints is an argument for numbers that belong to the pass.
func (g *Graph) ints(x []int32) *hlo.Value {
	if v := g.known[&x[0]]; v != nil {
		return v
	}
	v := g.Input(hlo.I32, len(x))
	g.known[&x[0]] = v
	g.Arguments = append(g.Arguments, Argument{Value: v, Ints: x})
	return v
}

// numbers is ints that an operation makes, once for all writings of it.
func (g *Graph) numbers(of node, x func() []int32) *hlo.Value {
	if v := g.known[of]; v != nil {
		return v
	}
	v := g.ints(x())
	g.known[of] = v
	return v
}

// floats is ints for floats.
func (g *Graph) floats(x []float32, shape ...int) *hlo.Value {
	if v := g.known[&x[0]]; v != nil {
		return v
	}
	v := g.Input(hlo.F32, shape...)
	g.known[&x[0]] = v
	g.Arguments = append(g.Arguments, Argument{Value: v, Floats: x})
	return v
}

// constant is floats that are the same in every pass.
func (g *Graph) constant(x []float32, shape ...int) *hlo.Value {
	n := len(g.Arguments)
	v := g.floats(x, shape...)
	if n < len(g.Arguments) {
		g.Arguments[n].Fixed = true
	}
	return v
}

// products is the type of what linear layers multiply.
func (g *Graph) products() hlo.Type {
	if g.tape.BF16 {
		return hlo.BF16
	}
	return hlo.F32
}

// loss sets total to scale·sum, and notes the plain nll of each row.
func (g *Graph) loss(total *Tensor, sum, nll *hlo.Value, scale float32) {
	s := g.floats([]float32{scale}, 1)
	g.set(total, g.Mul(g.Reshape(sum, 1, 1), g.Reshape(s, 1, 1)))
	g.Losses = append(g.Losses, nll)
}

// dropped is where the mask of a dropout begins: a replica has a part of the batch's rows.
func (g *Graph) dropped(o *dropout) int32 {
	if !o.x.made {
		return 0 // weights are the same in all
	}
	return int32(g.tape.Replica * o.part)
}
