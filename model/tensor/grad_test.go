package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"fragua/model/kernel"
)

// An opCase is an operation with its inputs, to be held against central differences.
type opCase struct {
	name string
	in   []*Tensor
	f    func(tp *Tape, in []*Tensor) *Tensor
}

func draw(rng *rand.Rand, shape ...int) *Tensor {
	t := Param(shape...)
	for i := range t.Data {
		t.Data[i] = float32(rng.NormFloat64())
	}
	return t
}

// cases lists every operation on tensors of n rows and c columns; c is even.
func cases(rng *rand.Rand, n, c int) []opCase {
	d := func(shape ...int) *Tensor { return draw(rng, shape...) }
	copyOf := func(tp *Tape, x *Tensor) *Tensor { return tp.Scale(x, 1) } // what works in place needs a result
	ids, pos, targets := make([]int32, n), make([]int32, n), make([]int32, n)
	labels, multi := make([]float32, n*c), make([]float32, n*c)
	for i := range n {
		ids[i], pos[i], targets[i] = int32(rng.IntN(5)), int32(rng.IntN(9)), int32(rng.IntN(7)-1)
		labels[i*c+rng.IntN(c)] = 1
	}
	for i := range multi {
		multi[i] = float32(rng.IntN(2))
	}
	spans := []Span{{0, n}, {n - 1, n}, {0, 0}, {0, (n + 1) / 2}}
	rope := kernel.NewRoPE(9, kernel.RoPEFrequencies(c, 10))
	weights := make([]float32, c)
	for i := range weights {
		weights[i] = rng.Float32() + .5
	}
	const B, T, S, dim = 2, 5, 7, 3
	docs, keys := make([]int32, B*T), make([]int32, B*S)
	for i := range docs {
		docs[i] = int32(i % T / 3)
	}
	for i := range keys {
		keys[i] = int32(i%S/3 - 1)
	}
	state, fresh := make([]float32, 4*n), make([]bool, 4*n)
	for i := range state {
		state[i], fresh[i] = rng.Float32()-.5, rng.IntN(4) == 0
	}
	apart := d(n, c) // no two near each other, where Max has a kink
	for i, r := range rng.Perm(n * c) {
		apart.Data[i] = float32(r) / 10
	}
	return []opCase{
		{"Linear", []*Tensor{d(n, c), d(3, c), d(3)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Linear(in[0], in[1], in[2]) }},
		{"Linear without bias", []*Tensor{d(n, c), d(3, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Linear(in[0], in[1], nil) }},
		{"LinearGELU", []*Tensor{d(n, c), d(3, c), d(3)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.LinearGELU(in[0], in[1], in[2]) }},
		{"FeedForward", []*Tensor{d(n, c), d(5, c), d(5), d(3, 5), d(3), d(n, 3)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.FeedForward(in[0], in[1], in[2], in[3], in[4], in[5])
		}},
		{"FeedForward of two weights alone", []*Tensor{d(n, c), d(5, c), d(3, 5)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.FeedForward(in[0], in[1], nil, in[2], nil, nil)
		}},
		{"GatedFeedForward", []*Tensor{d(n, c), d(5, c), d(5, c), d(3, 5), d(n, 3)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.GatedFeedForward(in[0], in[1], in[2], in[3], in[4])
		}},
		{"GatedFeedForward of three weights alone", []*Tensor{d(n, c), d(5, c), d(5, c), d(3, 5)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.GatedFeedForward(in[0], in[1], in[2], in[3], nil)
		}},
		{"SSRU", []*Tensor{d(3*n, c), d(3*n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.SSRU(tp.Sigmoid(in[0]), in[1], 3) }},
		{"ScaleColumns", []*Tensor{d(n, c), d(c), d(c)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.ScaleColumns(in[0], in[1], From(weights, len(weights)), in[2])
		}},
		{"ScaleColumns without bias", []*Tensor{d(n, c), d(c)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.ScaleColumns(in[0], in[1], From(weights, len(weights)), nil)
		}},
		{"SwiGLU with itself", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.SwiGLU(in[0], in[0]) }},
		{"Add", []*Tensor{d(n, c), d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Add(in[0], in[1]) }},
		{"Add to itself", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Add(in[0], in[0]) }},
		{"AddTo", []*Tensor{d(n, c), d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.AddTo(copyOf(tp, in[0]), in[1]) }},
		{"Mul", []*Tensor{d(n, c), d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Mul(in[0], in[1]) }},
		{"Mul by itself", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Mul(in[0], in[0]) }},
		{"Scale", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Scale(in[0], -.7) }},
		{"LayerNorm", []*Tensor{d(n, c), d(c), d(c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.LayerNorm(in[0], in[1], in[2], .1) }},
		{"LayerNorm without bias", []*Tensor{d(n, c), d(c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.LayerNorm(in[0], in[1], nil, .1) }},
		{"RMSNorm", []*Tensor{d(n, c), d(c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.RMSNorm(in[0], in[1], .1) }},
		{"RMSNorm of groups", []*Tensor{d(n, 3*c), d(c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.RMSNorm(in[0], in[1], .1) }},
		{"AddConstant", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.AddConstant(in[0], 1) }},
		{"Rows", []*Tensor{d(5, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Rows(in[0], ids) }},
		{"Mean", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Mean(in[0], spans) }},
		{"Max", []*Tensor{apart}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Max(in[0], spans) }},
		{"Columns", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.Mul(tp.Columns(in[0], 1, c-1), tp.Columns(in[0], 0, c-1))
		}},
		{"Concat", []*Tensor{d(n, c), d(n, 3)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Concat(in[0], in[1], in[0]) }},
		{"Tanh", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Tanh(in[0]) }},
		{"Sigmoid", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Sigmoid(in[0]) }},
		{"GELU", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.GELU(in[0]) }},
		{"GELUErf", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.GELUErf(in[0]) }},
		{"SiLU", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.SiLU(in[0]) }},
		{"ReLU", []*Tensor{apart}, func(tp *Tape, in []*Tensor) *Tensor { return tp.ReLU(tp.AddConstant(in[0], -.55)) }},
		{"AddColumns", []*Tensor{d(n, c), d(n, c/2)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.AddColumns(copyOf(tp, in[0]), c/2, in[1], -.3)
		}},
		{"SwiGLU", []*Tensor{d(n, c), d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.SwiGLU(in[0], in[1]) }},
		{"Rotate", []*Tensor{d(n, 2*c+1)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Rotate(copyOf(tp, in[0]), rope, 2, pos) }},
		{"Dropout", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor { return tp.Dropout(copyOf(tp, in[0]), .4) }},
		{"LockedDropout", []*Tensor{d(3*n, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.LockedDropout(copyOf(tp, in[0]), n, .4)
		}},
		{"Attention, fused, causal, documents", []*Tensor{d(B*T, 2*dim*3)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.Attention(Heads{in[0], 0}, Heads{in[0], 2 * dim}, Heads{in[0], 4 * dim},
				kernel.Attention{B: B, T: T, S: T, Heads: 2, KVHeads: 2, Dim: dim, Causal: true, Docs: docs, KeyDocs: docs})
		}},
		{"Attention, cross, grouped, padding", []*Tensor{d(B*T, 4*dim), d(B*S, 2*dim), d(B*S, 2*dim)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.Attention(Heads{in[0], 0}, Heads{in[1], 0}, Heads{in[2], 0},
				kernel.Attention{B: B, T: T, S: S, Heads: 4, KVHeads: 2, Dim: dim, KeyDocs: keys})
		}},
		{"Attention in a window", []*Tensor{d(B*T, 2*dim*3)}, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.Attention(Heads{in[0], 0}, Heads{in[0], 2 * dim}, Heads{in[0], 4 * dim},
				kernel.Attention{B: B, T: T, S: T, Heads: 2, KVHeads: 2, Dim: dim, Window: 2, Scale: .7, Docs: docs, KeyDocs: docs})
		}},
		{"Recompute", []*Tensor{d(n, c), d(c, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			x := tp.Dropout(copyOf(tp, in[0]), .1)
			for range 2 {
				x = tp.Recompute(x, part(func(tp *Tape, x *Tensor) *Tensor {
					return tp.AddTo(tp.Dropout(tp.LinearGELU(tp.Scale(x, .1), in[1], nil), .2), x)
				}))
			}
			return tp.Dropout(tp.Scale(x, 2), .1)
		}},
		{"LSTM", []*Tensor{d(3*n, 8), d(8, 2)}, func(tp *Tape, in []*Tensor) *Tensor {
			y, _ := tp.LSTM(copyOf(tp, in[0]), in[1], n, State{}, nil)
			return y
		}},
		{"LSTM with a state and fresh starts", []*Tensor{d(4*n, 8), d(8, 2)}, func(tp *Tape, in []*Tensor) *Tensor {
			y, _ := tp.LSTM(copyOf(tp, in[0]), in[1], n, State{state[:2*n], state[2*n:]}, fresh)
			return y
		}},
		{"HeadLoss", []*Tensor{d(n, c), d(6, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			total, _, _ := tp.HeadLoss(in[0], in[1], targets, HeadOptions{})
			return total
		}},
		{"HeadLoss with a bias", []*Tensor{d(n, c), d(6, c), d(6)}, func(tp *Tape, in []*Tensor) *Tensor {
			total, _, _ := tp.HeadLoss(in[0], in[1], targets, HeadOptions{Bias: in[2]})
			return total
		}},
		{"HeadLoss, smoothed", []*Tensor{d(n, c), d(6, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			total, _, _ := tp.HeadLoss(in[0], in[1], targets, HeadOptions{Norm: 3, Smoothing: .2})
			return total
		}},
		{"ClassLoss", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			total, _ := tp.ClassLoss(in[0], labels, ClassOptions{Weights: weights})
			return total
		}},
		{"ClassLoss, multi", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			total, _ := tp.ClassLoss(in[0], multi, ClassOptions{Loss: Sigmoid, Weights: weights, Norm: 3})
			return total
		}},
		{"ClassLoss, squared", []*Tensor{d(n, c)}, func(tp *Tape, in []*Tensor) *Tensor {
			total, _ := tp.ClassLoss(in[0], multi, ClassOptions{Loss: Squared, Weights: weights})
			return total
		}},
	}
}

// A weighted sum in float64 makes one number of any result.
type weighted struct {
	y, total *Tensor
	w        []float32
}

func (o *weighted) backward(tp *Tape) { tp.addGrad(o.y, o.w) }

func (o *weighted) emit(g *Graph) {
	y := g.of(o.y)
	g.set(o.total, g.Reshape(g.Sum(g.Mul(y, g.floats(o.w, y.Shape...)), 0, 1), 1, 1))
}

func weigh(y *Tensor) (sum float64, w []float32) {
	if len(y.Shape) == 1 {
		return float64(y.Data[0]), nil
	}
	w = weights(y.count())
	for i, v := range y.Data {
		sum += float64(w[i]) * float64(v)
	}
	return sum, w
}

func weights(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(math.Sin(float64(3 * i)))
	}
	return w
}

// gradient leaves in the inputs' Grad the gradient of the weighed result.
func (c opCase) gradient(tp *Tape) {
	y := c.f(tp, c.in)
	if _, w := weigh(y); w != nil {
		total := tp.make(true, 1, 1)
		record(tp, weighted{y: y, total: total, w: w})
		y = total
	}
	tp.Backward(y)
}

// value is the weighed result, with dropout drawn as in gradient.
func (c opCase) value() float64 {
	tp := NewTape(7)
	tp.Train = true
	for _, x := range c.in {
		defer func(g []float32) { x.Grad = g }(x.Grad)
		x.Grad = nil
	}
	v, _ := weigh(c.f(tp, c.in))
	return v
}

func (c opCase) check(t interface{ Errorf(string, ...any) }) {
	tp := NewTape(7)
	tp.Train = true
	for range 2 { // the second time in the memory of the first
		for _, x := range c.in {
			clear(x.Grad)
		}
		c.gradient(tp)
	}
	for k, x := range c.in {
		for i, was := range x.Data {
			const h = 1e-2
			x.Data[i] = was + h
			up := c.value()
			x.Data[i] = was - h
			down := c.value()
			x.Data[i] = was
			want := (up - down) / (2 * h)
			if d := math.Abs(float64(x.Grad[i]) - want); d > 2e-3*(1+math.Abs(want)) {
				t.Errorf("%s: input %d element %d: gradient %g, differences say %g", c.name, k, i, x.Grad[i], want)
				return
			}
		}
	}
}

// TestGradients holds every operation against central differences.
func TestGradients(t *testing.T) {
	for _, shape := range [][2]int{{1, 2}, {4, 6}, {7, 10}} {
		rng := rand.New(rand.NewPCG(1, uint64(shape[0])))
		for _, c := range cases(rng, shape[0], shape[1]) {
			t.Run(fmt.Sprintf("%s %d×%d", c.name, shape[0], shape[1]), func(t *testing.T) { c.check(t) })
		}
	}
}

// TestGradientsOfAnyShape does the same for drawn shapes.
func TestGradientsOfAnyShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, c := rapid.IntRange(1, 9).Draw(t, "rows"), 2*rapid.IntRange(1, 6).Draw(t, "half the columns")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		all := cases(rng, n, c)
		one := all[rapid.IntRange(0, len(all)-1).Draw(t, "operation")]
		one.check(t)
	})
}

// TestFrozen freezes each input in turn: the others' gradients are the same
// bits, and its own stays nil.
func TestFrozen(t *testing.T) {
	all := cases(rand.New(rand.NewPCG(1, 2)), 4, 6)
	for _, c := range all {
		want := make([][]float32, len(c.in))
		tp := NewTape(7)
		tp.Train = true
		c.gradient(tp)
		for i, x := range c.in {
			want[i] = x.Grad
		}
		for frozen := range c.in {
			for i, x := range c.in {
				if x.Grad = nil; i != frozen {
					x.Grad = make([]float32, len(x.Data))
				}
			}
			c.gradient(tp)
			for i, x := range c.in {
				if i == frozen {
					if x.Grad != nil {
						t.Errorf("%s: frozen input %d has a gradient", c.name, i)
					}
					continue
				}
				for j, g := range x.Grad {
					if g != want[i][j] {
						t.Errorf("%s: input %d element %d: gradient %g, with input %d frozen %g", c.name, i, j, want[i][j], frozen, g)
						break
					}
				}
			}
		}
	}
}

// TestInference wants the same results from no tape, a recording tape and a scratch tape.
func TestInference(t *testing.T) {
	for _, c := range cases(rand.New(rand.NewPCG(1, 2)), 4, 6) {
		none, scratch := c.f(nil, c.in), c.f(Scratch(), c.in)
		recorded := c.f(NewTape(1), c.in)
		for i, v := range none.Data {
			if scratch.Data[i] != v || recorded.Data[i] != v {
				t.Fatalf("%s: element %d: %g without a tape, %g on a scratch tape, %g recorded", c.name, i, v, scratch.Data[i], recorded.Data[i])
			}
		}
	}
}
