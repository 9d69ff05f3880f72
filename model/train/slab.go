package train

import (
	"fmt"
	"slices"

	"fragua/model/kernel/par"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// A Slab is the gradients of all parameters that train, one after the other in
// one array: it is measured and scaled in one pass, and could be sent to
// another process in one piece. Each parameter starts at a multiple of 16
// floats, a cache line.
type Slab struct {
	Params []nn.Param // those that train, in the model's order
	Grad   []float32
	// Updates counts, for each parameter, the updates it has had: what bias
	// correction needs when groups are unfrozen one after the other.
	Updates []int64
	// BF16: the run multiplies in bfloat16, and so may the optimizer.
	BF16 bool

	grads [][]float32 // each parameter's part of Grad
	start []int       // where it begins
}

const line = 16 // floats

// NewSlab lays out the gradients of the parameters that have one; those whose
// Grad is nil are frozen and take no part. A tensor listed twice (tied weights)
// is taken once. The parameters' Grad then point into the slab.
func NewSlab(params []nn.Param) (*Slab, error) {
	s := new(Slab)
	seen := map[*tensor.Tensor]bool{}
	names := map[string]bool{}
	n := 0
	for _, p := range params {
		if p.Grad == nil || seen[p.Tensor] {
			continue
		}
		if names[p.Name] {
			return nil, fmt.Errorf("two parameters are called %q", p.Name)
		}
		seen[p.Tensor], names[p.Name] = true, true
		s.Params = append(s.Params, p)
		s.start = append(s.start, n)
		n += (len(p.Data) + line - 1) / line * line
	}
	if len(s.Params) == 0 {
		return nil, fmt.Errorf("nothing to train: all %d parameters are frozen", len(params))
	}
	s.Grad = par.Zeros(n)
	s.Updates = make([]int64, len(s.Params))
	for i := range s.Params {
		g := s.Part(s.Grad, i)
		s.grads = append(s.grads, g)
		s.Params[i].Grad = g
	}
	return s, nil
}

// New returns zeros of the slab's layout, for a moment.
func (s *Slab) New() []float32 { return par.Zeros(len(s.Grad)) }

// Part returns the part of an array of the slab's layout that belongs to
// parameter i.
func (s *Slab) Part(data []float32, i int) []float32 {
	a, b := s.start[i], s.start[i]+len(s.Params[i].Data)
	return data[a:b:b]
}

// Trains returns how many numbers train.
func (s *Slab) Trains() int64 {
	var n int64
	for _, p := range s.Params {
		n += int64(len(p.Data))
	}
	return n
}

// Clear makes all gradients 0. It touches no memory: backward overwrites each,
// and Flush clears what it did not reach.
func (s *Slab) Clear() {
	for _, p := range s.Params {
		p.ZeroGrad()
	}
}

// Flush completes the gradients: Grad may now be read.
func (s *Slab) Flush() {
	for i, p := range s.Params {
		frozen := p.Tensor.Grad == nil
		if frozen {
			p.Tensor.Grad = s.grads[i]
		}
		p.FlushGrad()
		if frozen {
			p.Tensor.Grad = nil
		}
	}
}

// thaw gives every parameter its gradient, except those whose rate is 0: they
// are frozen for this step, and backward skips them.
func (s *Slab) thaw(rates []float64) {
	for i, p := range s.Params {
		p.Tensor.Grad = nil
		if rates[i] != 0 {
			p.Tensor.Grad = s.grads[i]
		}
	}
}

// Swap exchanges the weights with an array of the slab's layout, such as their
// average.
func (s *Slab) Swap(with []float32) {
	for i, p := range s.Params {
		part := s.Part(with, i)
		for j, w := range p.Data {
			p.Data[j], part[j] = part[j], w
		}
	}
}

// lastGroup returns the greatest depth among the parameters.
func (s *Slab) lastGroup() int { return lastGroup(s.Params) }

func lastGroup(params []nn.Param) int {
	return slices.MaxFunc(params, func(a, b nn.Param) int { return a.Group - b.Group }).Group
}

// thawAll gives every parameter its gradient again.
func (s *Slab) thawAll() {
	for i, p := range s.Params {
		p.Tensor.Grad = s.grads[i]
	}
}
