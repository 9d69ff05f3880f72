package tensor

import (
	"fmt"
	"time"

	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// A Tape records the operations of one forward pass and owns the memory of
// their results. A nil *Tape is inference, with memory from the heap.
// A Tape is for one goroutine; operations themselves use all workers.
type Tape struct {
	Seed  uint64
	Step  uint64 // counts forward passes; with Seed it decides the dropout masks
	Train bool   // dropout is on
	BF16  bool   // linear layers round what they multiply to bfloat16; sums stay float32
	// Replica is which part of the batch's rows a trace is for, where several devices share them.
	Replica int
	// Profile, if not nil, is told how long each operation took, forward
	// and backward: what a benchmark shows.
	Profile func(op string, back bool, took time.Duration)

	profiled  time.Time // up to when Profile was told
	inference bool      // inference in reused memory
	tracing   bool      // operations are written down and compute nothing
	nested    bool      // of a trace: inside a Recompute
	arena     arena
	nodes     []node // the operations of this pass, then those of earlier ones, for reuse
	n         int    // how many are of this pass
	inner     []node // the operations of a Recompute in the backward pass
	base      int    // number of the first of them; 0: none is under way
	drops     uint64 // how many dropouts there were in this pass
	tensors   []*Tensor
	t         int
	held      []allocation // what the nodes of this pass hold of the arena, in order

	ints  []int32 // what Ints returns, from the front
	intsN int     // how many of them were asked for in this pass

	temps  []any // what Temp returns, likewise
	tempsN int

	rows    []int32 // what HeadLoss writes down for a moment
	targets []int32
	losses  []float64
}

// A node is an operation with its backward pass, and with what a Graph writes of it.
type node interface {
	backward(tp *Tape)
	emit(g *Graph)
}

// An allocation is memory of the arena that is released with its node.
type allocation struct {
	node int
	span span
}

// NewTape returns a tape that records.
func NewTape(seed uint64) *Tape { return &Tape{Seed: seed} }

// Scratch returns a tape that records nothing and reuses its memory after each
// Reset: inference without garbage.
func Scratch() *Tape { return &Tape{inference: true} }

// Trace returns a tape that computes nothing: its tensors have shapes and no numbers, and Graph
// writes what was done with them as a program for another device. It traces a training pass, or
// with inference what is done without one.
func Trace(seed uint64, inference bool) *Tape {
	return &Tape{Seed: seed, inference: inference, tracing: true}
}

// computes reports whether operations compute.
func (tp *Tape) computes() bool { return tp == nil || !tp.tracing }

// Recording reports whether operations are recorded for Backward.
func (tp *Tape) Recording() bool { return tp != nil && !tp.inference }

// Bytes is the most memory that the tape's results and gradients ever took at once.
func (tp *Tape) Bytes() int64 {
	if tp == nil {
		return 0
	}
	return int64(tp.arena.peak) * 4
}

// Reserve makes room for a pass of this many bytes, as estimated. Without it the
// first pass finds out how many, and while it does takes them twice. A sixteenth
// more is set aside for gaps and estimates that are too low; what is never touched
// takes no memory.
func (tp *Tape) Reserve(bytes int64) {
	if n := int(bytes/4) + int(bytes/64) + 1<<12; n > len(tp.arena.slab) {
		tp.arena.slab = par.Zeros(n)
	}
}

// Reset forgets the pass and frees its memory. Backward ends with it; a pass
// without Backward must be reset.
func (tp *Tape) Reset() {
	if tp == nil {
		return
	}
	for _, t := range tp.tensors[:tp.t] {
		t.Grad = nil
	}
	tp.n, tp.t, tp.held, tp.drops = 0, 0, tp.held[:0], 0
	if tp.intsN > len(tp.ints) {
		tp.ints = make([]int32, tp.intsN)
	}
	tp.intsN, tp.tempsN = 0, 0
	tp.arena.reset()
}

// Backward adds the gradient of loss, one number, to the Grad of every tensor
// that it was computed from and that is not frozen, and resets the tape. The
// loss's Data stays valid until the next operation.
func (tp *Tape) Backward(loss *Tensor) {
	if len(loss.Data) != 1 {
		panic(fmt.Sprintf("tensor: Backward from shape %v, want one number", loss.Shape))
	}
	if !tp.Recording() {
		panic("tensor: Backward on a tape that does not record")
	}
	if tp.tracing {
		panic("tensor: Backward of a trace")
	}
	if loss.requiresGrad {
		g, _ := tp.grad(loss)
		g[0] = 1
	}
	for i := tp.n - 1; i >= 0; i-- {
		tp.nodes[i].backward(tp)
		tp.release(i)
		tp.profile(tp.nodes[i], true)
	}
	tp.Reset()
}

// release frees what node i and later ones hold.
func (tp *Tape) release(i int) {
	for t := tp.t - 1; t >= 0 && tp.tensors[t].node >= i; t-- {
		if x := tp.tensors[t]; x.Grad != nil {
			x.Grad = nil
			if x.at != (span{}) { // else it lies in memory that is released on its own
				tp.arena.release(x.at)
			}
		}
		tp.t = t
	}
	n := len(tp.held)
	for n > 0 && tp.held[n-1].node >= i {
		n--
		tp.arena.release(tp.held[n].span)
	}
	tp.held = tp.held[:n]
}

// make returns an uninitialised rows × cols result; needs says whether a
// gradient is to flow through it.
func (tp *Tape) make(needs bool, rows, cols int) *Tensor {
	if tp == nil {
		t := New(rows, cols)
		t.made = true
		return t
	}
	if tp.t == len(tp.tensors) {
		tp.tensors = append(tp.tensors, new(Tensor))
	}
	if tp.t == 0 && tp.Profile != nil {
		tp.profiled = time.Now()
	}
	t := tp.tensors[tp.t]
	tp.t++
	*t = Tensor{Shape: append(t.Shape[:0], rows, cols), Data: tp.buffer(rows * cols),
		made: true, requiresGrad: needs && tp.Recording(), node: tp.n}
	return t
}

// Empty returns a rows × cols tensor of any content, frozen, that lives until
// Backward or Reset: for what is computed outside the tape.
func (tp *Tape) Empty(rows, cols int) *Tensor { return tp.make(false, rows, cols) }

// buffer returns memory of any content that lives as long as the operation being recorded.
func (tp *Tape) buffer(n int) []float32 {
	switch {
	case tp == nil:
		return make([]float32, n)
	case tp.tracing:
		return nil
	}
	b, s := tp.arena.alloc(n)
	tp.held = append(tp.held, allocation{tp.n, s})
	return b
}

// Ints returns n numbers of any content that live until Backward or Reset:
// positions, picked rows.
func (tp *Tape) Ints(n int) []int32 {
	if tp == nil {
		return make([]int32, n)
	}
	at := tp.intsN
	if tp.intsN += n; tp.intsN > len(tp.ints) {
		return make([]int32, n)
	}
	return tp.ints[at:tp.intsN:tp.intsN]
}

// Temp returns a T that is the caller's until Backward or Reset: for the working memory
// of a model. It holds what was in it in an earlier pass, or zeros.
func Temp[T any](tp *Tape) *T {
	if tp == nil {
		return new(T)
	}
	i := tp.tempsN
	if tp.tempsN++; i == len(tp.temps) {
		tp.temps = append(tp.temps, nil)
	}
	t, ok := tp.temps[i].(*T)
	if !ok {
		t = new(T)
		tp.temps[i] = t
	}
	return t
}

// A scratch is memory for the time of one call.
type scratch struct {
	data []float32
	span span
}

func (tp *Tape) scratch(n int) (l scratch) {
	if tp == nil {
		return scratch{data: make([]float32, n)}
	}
	l.data, l.span = tp.arena.alloc(n)
	return l
}

func (l scratch) free(tp *Tape) {
	if tp != nil {
		tp.arena.release(l.span)
	}
}

// record leaves a node. Nodes of earlier passes are used again where the
// operation at their place is still of the same kind.
func record[N any, P interface {
	*N
	node
}](tp *Tape, n N) {
	if !tp.Recording() && tp.computes() {
		return
	}
	i := tp.n - tp.base
	if i == len(tp.nodes) {
		tp.nodes = append(tp.nodes, nil)
	}
	p, ok := tp.nodes[i].(P)
	if !ok {
		p = P(new(N))
		tp.nodes[i] = p
	}
	*p = n
	tp.n++
	tp.profile(p, false)
}

// grad returns where the gradient of t goes, and whether there is something to
// add to (else the content is undefined and must be overwritten); nil where t
// needs none.
func (tp *Tape) grad(t *Tensor) (g []float32, add bool) {
	if t == nil {
		return nil, false
	}
	switch {
	case t.Grad == nil && t.requiresGrad:
		t.Grad, t.at = tp.arena.alloc(len(t.Data))
		return t.Grad, false
	case t.Grad != nil && t.stale:
		t.stale = false
		return t.Grad, false
	}
	return t.Grad, t.Grad != nil
}

// moveGrad makes g, which lives as long as x, the gradient of x, which has one reader only.
func (tp *Tape) moveGrad(x *Tensor, g []float32) {
	switch {
	case x.Grad != nil:
		panic("tensor: a second reader of what an operation has overwritten")
	case x.requiresGrad:
		x.Grad = g
	}
}

// gradToAdd is grad for operations that can only add: it starts from zeros.
func (tp *Tape) gradToAdd(t *Tensor) []float32 {
	g, add := tp.grad(t)
	if !add {
		kernel.Clear(g)
	}
	return g
}

// saveForBackward says that an operation reads x in its backward pass.
func saveForBackward(x *Tensor) {
	if x.made {
		x.saved = true
	}
}

// inPlace panics where the contents of x are not free to change.
func inPlace(op string, x *Tensor) {
	switch {
	case !x.made:
		panic("tensor: " + op + " in place of a tensor that no operation made")
	case x.saved:
		panic("tensor: " + op + " in place of a result that its operation reads in the backward pass")
	}
}
