package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// mlp is a small network whose steps the tests count.
func mlp(tp *Tape, x, w1, w2 *Tensor, targets []int32) *Tensor {
	h := tp.LinearGELU(x, w1, nil)
	h = tp.AddTo(tp.Dropout(tp.Linear(h, w1, nil), .1), h)
	total, _, _ := tp.HeadLoss(h, w2, targets, HeadOptions{})
	return total
}

func TestSecondStepAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, w1, w2 := draw(rng, 64, 32), draw(rng, 32, 32), draw(rng, 50, 32)
	x.Grad = nil
	targets := make([]int32, 64)
	tp := NewTape(1)
	tp.Train = true
	step := func() { tp.Backward(mlp(tp, x, w1, w2, targets)) }
	step()
	step()
	peak, slab := tp.Bytes(), len(tp.arena.slab)
	par.SetWorkers(1)
	defer par.SetWorkers(0)
	bytes := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			step()
		}
	}).AllocedBytesPerOp()
	if bytes > 8<<10 { // what the kernels' closures take, whatever the sizes; one result is 8 KiB
		t.Errorf("a step allocates %d bytes", bytes)
	}
	if tp.Bytes() != peak || len(tp.arena.slab) != slab || peak == 0 {
		t.Errorf("memory grew from %d to %d bytes, slab %d to %d", peak, tp.Bytes(), slab, len(tp.arena.slab))
	}
}

func TestDropoutMask(t *testing.T) {
	x := New(1, 1000)
	for i := range x.Data {
		x.Data[i] = 1
	}
	mask := func(seed, step uint64, workers int) []float32 {
		par.SetWorkers(workers)
		defer par.SetWorkers(0)
		tp := NewTape(seed)
		tp.Step, tp.Train = step, true
		return tp.Dropout(tp.Scale(x, 1), .5).Data
	}
	one := mask(1, 1, 1)
	if !slices.Equal(one, mask(1, 1, 4)) {
		t.Error("the mask depends on the number of workers")
	}
	if slices.Equal(one, mask(2, 1, 1)) || slices.Equal(one, mask(1, 2, 1)) {
		t.Error("another seed or step gives the same mask")
	}
	locked := NewTape(1)
	locked.Train = true
	y := locked.LockedDropout(locked.Scale(&Tensor{Shape: []int{10, 100}, Data: x.Data}, 1), 2, .5).Data
	if !slices.Equal(y[:200], y[200:400]) || slices.Equal(y[:100], y[100:200]) {
		t.Error("a locked mask is one for each step, and for all rows of a step")
	}
	tp := NewTape(1)
	if y := tp.Dropout(x, .5); y != x {
		t.Error("dropout outside training")
	}
}

func TestInPlaceIsGuarded(t *testing.T) {
	x := Param(2, 2)
	for name, f := range map[string]func(tp *Tape){
		"a parameter":            func(tp *Tape) { tp.AddTo(x, New(2, 2)) },
		"what a norm reads back": func(tp *Tape) { y := tp.Scale(x, 1); tp.RMSNorm(y, Param(2), 1); tp.AddTo(y, x) },
		"what attention made": func(tp *Tape) {
			h := Heads{X: x}
			tp.Train = true
			tp.Dropout(tp.Attention(h, h, h, kernel.Attention{B: 1, T: 2, S: 2, Heads: 1, KVHeads: 1, Dim: 2}), .1)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("in place of %s: no panic", name)
				}
			}()
			f(NewTape(1))
		}()
	}
}

func TestLossMustEndTheTape(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a scaled loss went back")
		}
	}()
	tp := NewTape(1)
	total, _, _ := tp.HeadLoss(Param(1, 2), Param(3, 2), []int32{1}, HeadOptions{})
	tp.Backward(tp.Scale(total, 2))
}

// TestArena allocates and releases at random: buffers never overlap, and when all is
// released one span is left.
func TestArena(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a arena
		var live []span
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(live) > 0 && rapid.Bool().Draw(t, "give") {
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				a.release(live[i])
				live = slices.Delete(live, i, i+1)
				continue
			}
			n := rapid.IntRange(0, 100).Draw(t, "floats")
			b, s := a.alloc(n)
			if len(b) != n || s.end-s.at < n {
				t.Fatalf("asked for %d, got %d in %v", n, len(b), s)
			}
			for _, o := range live {
				if s.at < o.end && o.at < s.end {
					t.Fatalf("%v overlaps %v", s, o)
				}
			}
			live = append(live, s)
		}
		for _, s := range live {
			a.release(s)
		}
		if len(a.free) != 1 || a.free[0] != (span{0, endless}) || a.now != 0 {
			t.Fatalf("after all was given back: %v, %d in use", a.free, a.now)
		}
	})
}

func TestWatchHearsEveryOperation(t *testing.T) {
	tp := NewTape(1)
	var forward, backward []string
	tp.Profile = func(op string, back bool, took time.Duration) {
		if took < 0 {
			t.Errorf("%s took %v", op, took)
		}
		if back {
			backward = append(backward, op)
		} else {
			forward = append(forward, op)
		}
	}
	x, w := From(make([]float32, 6), 2, 3), Param(4, 3)
	h := tp.Recompute(tp.Linear(x, w, nil), part(func(tp *Tape, x *Tensor) *Tensor { return tp.Tanh(x) }))
	loss, _, _ := tp.HeadLoss(h, Param(5, 4), []int32{1, -1}, HeadOptions{})
	tp.Backward(loss)
	for got, want := range map[*[]string]string{
		&forward:  "linear 3→4, recompute, head, logits, cross entropy, head, squash",
		&backward: "head, gradients, head, squash, recompute, linear 3→4",
	} {
		if s := strings.Join(*got, ", "); s != want {
			t.Errorf("heard %q, want %q", s, want)
		}
	}
}

// part makes a Module of a function.
type part func(*Tape, *Tensor) *Tensor

func (f part) Forward(tp *Tape, x *Tensor) *Tensor { return f(tp, x) }

func TestBF16IsNearFloat32(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	draw := func(x *Tensor) *Tensor {
		for i := range x.Data {
			x.Data[i] = float32(rng.NormFloat64()) / 4
		}
		return x
	}
	x, w1, w2 := draw(New(7, 32)), draw(Param(32, 32)), draw(Param(50, 32))
	targets := []int32{1, 2, 3, 4, 5, 6, 7}
	var grads [2][]float32
	for i, bf16 := range []bool{false, true} {
		tp := NewTape(1)
		tp.BF16 = bf16
		clear(w1.Grad)
		tp.Backward(mlp(tp, x, w1, w2, targets))
		grads[i] = slices.Clone(w1.Grad)
	}
	var diff, norm float64
	for i, g := range grads[0] {
		d := float64(g - grads[1][i])
		diff, norm = diff+d*d, norm+float64(g*g)
	}
	// An operand is off by at most 2⁻⁹ of itself.
	if r := math.Sqrt(diff / norm); r == 0 || r > 0.02 {
		t.Errorf("gradients differ by %.2g, want little, but not nothing", r)
	}
}
