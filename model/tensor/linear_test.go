package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fragua/model/kernel/par"
)

// LinearGELU is Linear and GELU, over as many rows as make several chunks.
func TestLinearGELUIsLinearThenGELU(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, rows := range []int{1, 5, 1000} {
		x, w, b := draw(rng, rows, 24), draw(rng, 300, 24), draw(rng, 300)
		head, targets := draw(rng, 7, 300), make([]int32, rows)
		grads := func(two bool) (y []float32, g [3][]float32) {
			tp := NewTape(1)
			for _, p := range []*Tensor{x, w, b, head} {
				clear(p.Grad)
			}
			var h *Tensor
			if two {
				h = tp.GELU(tp.Linear(x, w, b))
			} else {
				h = tp.LinearGELU(x, w, b)
			}
			y = slices.Clone(h.Data)
			loss, _, _ := tp.HeadLoss(h, head, targets, HeadOptions{})
			tp.Backward(loss)
			return y, [3][]float32{slices.Clone(x.Grad), slices.Clone(w.Grad), slices.Clone(b.Grad)}
		}
		yWant, want := grads(true)
		y, got := grads(false)
		if !slices.Equal(y, yWant) {
			t.Errorf("%d rows: the values differ", rows)
		}
		if inferred := (*Tape)(nil).LinearGELU(x, w, b).Data; !slices.Equal(inferred, yWant) {
			t.Errorf("%d rows: without a tape the values differ", rows)
		}
		for i := range want {
			for j, v := range want[i] {
				if math.Abs(float64(got[i][j]-v)) > 1e-5*(1+math.Abs(float64(v))) {
					t.Fatalf("%d rows: gradient %d[%d] is %g, want %g", rows, i, j, got[i][j], v)
				}
			}
		}
		for _, workers := range []int{1, 3} {
			par.SetWorkers(workers)
			if _, again := grads(false); !slices.EqualFunc(got[:], again[:], slices.Equal[[]float32]) {
				t.Errorf("%d rows: %d workers give other bits", rows, workers)
			}
		}
		par.SetWorkers(0)
	}
}
