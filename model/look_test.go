package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"fragua/model/tensor"
)

// TestLook: what a head sees, weighed by where it looks, is what attention gives.
func TestLook(t *testing.T) {
	for _, h := range []heads{{layers: 1, n: 4, kv: 2, dim: 6}, {layers: 1, n: 2, kv: 2, dim: 4, windows: []int{3}, scales: []float32{.7}}} {
		const n = 9
		b := &Batch{B: 1, T: n, IDs: make([]int32, n)}
		rng := rand.New(rand.NewPCG(1, 2))
		random := func(cols int) tensor.Heads {
			x := tensor.New(n, cols)
			for i := range x.Data {
				x.Data[i] = float32(rng.NormFloat64())
			}
			return tensor.Heads{X: x}
		}
		w := &watcher{inBatch: h.inBatch(nil, b, true), looks: make([]Look, 1)}
		q, k, v := random(h.n*h.dim), random(h.kv*h.dim), random(h.kv*h.dim)
		y := w.attend(nil, 0, q, k, v)
		for head, look := range w.looks[0] {
			for i := range n {
				sum := float32(0)
				for _, p := range look[i*n:][:n] {
					sum += p
				}
				if math.Abs(float64(sum)-1) > 1e-5 {
					t.Errorf("head %d, row %d sums to %v", head, i, sum)
				}
				for d := range h.dim {
					want := float32(0)
					for j := range n {
						want += look[i*n+j] * v.X.Data[j*h.kv*h.dim+head/(h.n/h.kv)*h.dim+d]
					}
					if got := y.Data[i*h.n*h.dim+head*h.dim+d]; math.Abs(float64(got-want)) > 1e-4 {
						t.Fatalf("head %d, row %d: %v, want %v", head, i, got, want)
					}
				}
			}
		}
	}
	if _, err := Looks(build(t, small()["lstm"]), []int32{1, 2}); err == nil {
		t.Error("an LSTM looks")
	}
	m := build(t, small()["llama"])
	if looks, err := Looks(m, []int32{1, 2, 3}); err != nil || len(looks) != m.(*llama).Layers || len(looks[0]) != m.(*llama).Heads {
		t.Errorf("%v, %v", looks, err)
	}
	if _, err := Looks(m, []int32{1 << 20}); err == nil {
		t.Error("an id outside the vocabulary")
	}
}
