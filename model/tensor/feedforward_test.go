package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fragua/model/kernel/par"
)

// A feed-forward part is what its layers are one by one, in both precisions, over as many rows
// as make several tiles.
func TestFeedForwardIsItsLayers(t *testing.T) {
	defer par.SetWorkers(0)
	rng := rand.New(rand.NewPCG(1, 1))
	forms := []struct {
		name        string
		whole, each func(tp *Tape, x *Tensor, p []*Tensor) *Tensor
	}{
		{"GELU",
			func(tp *Tape, x *Tensor, p []*Tensor) *Tensor { return tp.FeedForward(x, p[0], p[1], p[2], p[3], x) },
			func(tp *Tape, x *Tensor, p []*Tensor) *Tensor {
				return tp.Add(tp.Linear(tp.GELU(tp.Linear(x, p[0], p[1])), p[2], p[3]), x)
			}},
		{"SwiGLU",
			func(tp *Tape, x *Tensor, p []*Tensor) *Tensor { return tp.GatedFeedForward(x, p[0], p[4], p[2], x) },
			func(tp *Tape, x *Tensor, p []*Tensor) *Tensor {
				return tp.Add(tp.Linear(tp.SwiGLU(tp.Linear(x, p[0], nil), tp.Linear(x, p[4], nil)), p[2], nil), x)
			}},
	}
	for _, form := range forms {
		for _, rows := range []int{1, 5, 500} {
			for _, bf16 := range []bool{false, true} {
				x, head, targets := draw(rng, rows, 24), draw(rng, 7, 24), make([]int32, rows)
				p := []*Tensor{draw(rng, 300, 24), draw(rng, 300), draw(rng, 24, 300), draw(rng, 24), draw(rng, 300, 24)}
				grads := func(f func(tp *Tape, x *Tensor, p []*Tensor) *Tensor) (all [][]float32) {
					tp := NewTape(1)
					tp.BF16 = bf16
					for _, p := range append(p, x, head) {
						clear(p.Grad)
					}
					y := f(tp, x, p)
					all = append(all, slices.Clone(y.Data))
					loss, _, _ := tp.HeadLoss(y, head, targets, HeadOptions{})
					tp.Backward(loss)
					for _, p := range append(p, x) {
						all = append(all, slices.Clone(p.Grad))
					}
					return all
				}
				tolerance := 1e-5
				if bf16 {
					tolerance = 1e-3 // a last bit decides how a gradient is rounded
				}
				want, got := grads(form.each), grads(form.whole)
				if rows > 16 && !slices.Equal(got[0], want[0]) { // fewer may be added up in another order
					t.Errorf("%s, %d rows, bf16 %v: the values differ", form.name, rows, bf16)
				}
				for i := range want {
					for j, v := range want[i] {
						if math.Abs(float64(got[i][j]-v)) > tolerance*(1+math.Abs(float64(v))) {
							t.Fatalf("%s, %d rows, bf16 %v: gradient %d[%d] is %g, want %g", form.name, rows, bf16, i, j, got[i][j], v)
						}
					}
				}
				for _, workers := range []int{1, 3} {
					par.SetWorkers(workers)
					if again := grads(form.whole); !slices.EqualFunc(got, again, slices.Equal[[]float32]) {
						t.Errorf("%s, %d rows, bf16 %v: %d workers give other bits", form.name, rows, bf16, workers)
					}
				}
				par.SetWorkers(0)
			}
		}
	}
}
