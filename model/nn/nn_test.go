package nn

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"fragua/model/kernel/par"
	"fragua/model/tensor"
)

type block struct {
	Norm *LayerNorm `st:"ln"`
	Up   *Linear    `st:"up,transposed"`
}

type module struct {
	Words  *Embedding     `st:"wte"`
	Blocks []*block       `st:"h"`
	Norm   *RMSNorm       `st:"norm"`
	Head   *tensor.Tensor `st:"head.weight"`
	Other  *Linear        `st:"none"`
	Width  int
}

func newModule(d *Init) *module {
	m := &module{Words: NewEmbedding(5, 4, 1, d), Norm: NewRMSNorm(4, 1e-5)}
	for range 2 {
		m.Blocks = append(m.Blocks, &block{NewLayerNorm(4, 1e-5), NewLinear(4, 6, true, 1, d)})
	}
	m.Head = m.Words.W // tied
	return m
}

func ExampleParams() {
	for _, p := range Params(newModule(NewInit(1))) {
		fmt.Println(p.Name, p.Shape, "decay", p.Decay, "group", p.Group, "transposed", p.Transposed)
	}
	// Output:
	// wte.weight [5 4] decay true group 0 transposed false
	// h.0.ln.weight [4] decay false group 1 transposed false
	// h.0.ln.bias [4] decay false group 1 transposed false
	// h.0.up.weight [6 4] decay true group 1 transposed true
	// h.0.up.bias [6] decay false group 1 transposed false
	// h.1.ln.weight [4] decay false group 2 transposed false
	// h.1.ln.bias [4] decay false group 2 transposed false
	// h.1.up.weight [6 4] decay true group 2 transposed true
	// h.1.up.bias [6] decay false group 2 transposed false
	// norm.weight [4] decay false group 3 transposed false
}

func TestDraw(t *testing.T) {
	a, b := NewInit(1).Normal(.02, 100, 100), NewInit(1).Normal(.02, 100, 100)
	if !slices.Equal(a.Data, b.Data) {
		t.Error("the same seed draws otherwise")
	}
	defer par.SetWorkers(0)
	many := func(workers int) []float32 { // more than one stream, and what comes after
		par.SetWorkers(workers)
		d := NewInit(1)
		return append(d.Uniform(1, part+100).Data, d.Normal(1, 3).Data...)
	}
	if !slices.Equal(many(1), many(4)) {
		t.Error("four workers draw otherwise than one")
	}
	sum, squares := 0.0, 0.0
	for _, v := range a.Data {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if mean, std := sum/1e4, math.Sqrt(squares/1e4); math.Abs(mean) > 1e-3 || math.Abs(std-.02) > 1e-3 {
		t.Errorf("mean %g and deviation %g, want 0 and .02", mean, std)
	}
	var none *Init
	if none.Normal(1, 3).Data[0] != 0 {
		t.Error("a nil Draw drew")
	}
}

func TestFreeze(t *testing.T) {
	ps := Params(newModule(nil))
	Freeze(ps, func(p Param) bool { return p.Group < 2 })
	for _, p := range ps {
		if (p.Grad == nil) != (p.Group < 2) {
			t.Errorf("%s of group %d: frozen %v", p.Name, p.Group, p.Grad == nil)
		}
	}
}

// TestAdapter holds a layer with adapters against the layer they were merged into.
func TestAdapter(t *testing.T) {
	d := NewInit(1)
	m := newModule(d)
	names := Linears(m)
	if len(names) != 2 || names[0].Name != "h.0.up" || names[1].Linear != m.Blocks[1].Up {
		t.Fatalf("linear layers: %+v", names)
	}
	l, x := m.Blocks[0].Up, d.Normal(1, 3, 4)
	plain, gelu := l.Forward(nil, x).Data, l.GELU(nil, x).Data
	for _, from := range []int{0, 4} {
		a := l.Adapt(2, from, 2, .5, 0, d)
		if got := l.Forward(nil, x).Data; !slices.Equal(got, plain) {
			t.Error("a new adapter changes the output")
		}
		copy(a.B.Data, d.Normal(1, 2, 2).Data)
		plain = l.Forward(nil, x).Data
	}
	adapted, adaptedGELU := l.Forward(nil, x).Data, l.GELU(nil, x).Data
	if slices.Equal(adaptedGELU, gelu) {
		t.Error("adapters do nothing before GELU")
	}
	l.Merge()
	for i, v := range l.Forward(nil, x).Data {
		if math.Abs(float64(v-adapted[i])) > 1e-5 {
			t.Errorf("output %d: adapted %g, merged %g", i, adapted[i], v)
		}
	}
	for i, v := range l.GELU(nil, x).Data {
		if math.Abs(float64(v-adaptedGELU[i])) > 1e-5 {
			t.Errorf("GELU output %d: adapted %g, merged %g", i, adaptedGELU[i], v)
		}
	}
}

// TestAdapterLearns trains an adapter of a frozen layer: it alone changes.
func TestAdapterLearns(t *testing.T) {
	d := NewInit(1)
	l := NewLinear(4, 6, true, 1, d)
	l.W.Grad, l.B.Grad = nil, nil
	a := l.Adapt(2, 1, 3, 1, .1, d)
	x, labels := d.Normal(1, 5, 4), make([]float32, 5*6)
	x.Grad = nil
	for r := range 5 {
		labels[r*6+1+r%3] = 1
	}
	tp := tensor.NewTape(1)
	tp.Train = true
	var first, last float32
	for step := range 200 {
		tp.Step = uint64(step)
		loss, _ := tp.ClassLoss(l.Forward(tp, x), labels, tensor.ClassOptions{})
		if last = loss.Data[0]; step == 0 {
			first = last
		}
		tp.Backward(loss)
		for _, p := range []*tensor.Tensor{a.A, a.B} {
			for i, g := range p.Grad {
				p.Data[i] -= .1 * g
			}
			clear(p.Grad)
		}
	}
	if last > .7*first {
		t.Errorf("loss went from %g to %g", first, last)
	}
}
