package train

import (
	"math"
	"slices"
	"testing"

	"fragua/model/nn"
	"fragua/model/tensor"
)

// TestOptimizers compares three steps at rate .1 with a recomputation in
// float64. Recipe (numpy), from each paper's equations, with
//
//	W = [[.5 -.3 .8] [-.2 .1 .4]], b = [.05 -.15], g_t = s_t·([[.1 -.2 .3] [.4 .05 -.6]], [.7 -.01]), s = 1, -.5, 2
//	adamw      m = .9m + .1g; v = .95v + .05g²; w -= .1·(m̂/(√v̂ + 1e-8) + .1·w), without decay for b
//	sgd        g += .1·w for W; v = .9v + g; w -= .1·v; Nesterov: w -= .1·(g + .9v)
//	asgd       w -= .1·g; the mean of the three
//	adafactor  k = 1 - t^-.8; R, C = k· + (1-k)·row, column means of g²; u = g/√(R⊗C/mean R); u /= max(1, RMS u);
//	           w = w·(1 - .01) - .1·max(.001, RMS w)·u
//	muon       v = .95v + g; X = (g + .95v)/‖·‖; five times A = XXᵀ, X = 3.4445X + (-4.775A + 2.0315A²)X;
//	           W = W·(1 - .01) - .1·.2·√3·X; b by adamw
func TestOptimizers(t *testing.T) {
	muon := func() OptimizerSettings {
		o := Optimizers()["muon"]().(*Muon)
		o.Decay = .1
		return o
	}
	for _, c := range []struct {
		name string
		make func() OptimizerSettings
		w, b []float32
	}{
		{"adamw", func() OptimizerSettings { return &AdamW{Beta1: .9, Beta2: .95, Eps: 1e-8, Decay: .1} },
			[]float32{0.2956964, -0.1016366, 0.5867861, -0.3835129, -0.0924231, 0.5775727}, []float32{-0.1417114, 0.0417113}},
		{"sgd", func() OptimizerSettings { return &SGD{Momentum: .9, Decay: .1} },
			[]float32{0.4349185, -0.2087717, 0.6436902, -0.3379598, 0.0758024, 0.6013776}, []float32{-0.2132000, -0.1462400}},
		{"sgd with Nesterov's momentum", func() OptimizerSettings { return &SGD{Momentum: .9, Decay: .1, Nesterov: true} },
			[]float32{0.4024494, -0.1602731, 0.5627225, -0.4161690, 0.0630906, 0.7163429}, []float32{-0.3618800, -0.1441160}},
		{"asgd", func() OptimizerSettings { return &ASGD{} },
			[]float32{0.4866667, -0.2733333, 0.7600000, -0.2533333, 0.0933333, 0.4800000}, []float32{-0.0433333, -0.1486667}},
		{"adafactor", func() OptimizerSettings { return &Adafactor{Decay2: .8, Clip: 1, Floor: 1e-3, Decay: .1} },
			[]float32{0.4601334, -0.1910253, 0.7301118, -0.2458563, 0.0840808, 0.4358736}, []float32{0.0347881, -0.1347881}},
		{"muon", muon,
			[]float32{0.4631084, -0.2700700, 0.7589542, -0.2138506, 0.1003217, 0.4055962}, []float32{-0.1417114, 0.0417113}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := threeSteps(t, c.make(), 2, 3)
			near(t, "W", s.Params[1].Data, c.w)
			near(t, "b", s.Params[0].Data, c.b)
		})
	}
	t.Run("muon of a tall matrix", func(t *testing.T) {
		s := threeSteps(t, muon(), 3, 2)
		near(t, "Wᵀ", s.Params[1].Data, []float32{0.4631084, -0.2138506, -0.2700700, 0.1003217, 0.7589542, 0.4055962})
	})
}

// threeSteps optimizes W (rows × cols) and b along the gradients of the recipe.
func threeSteps(t *testing.T, settings OptimizerSettings, rows, cols int) *Slab {
	t.Helper()
	w, b, last := tensor.Param(rows, cols), tensor.Param(2), tensor.Param(1)
	weights, slope := []float32{.5, -.3, .8, -.2, .1, .4}, []float32{.1, -.2, .3, .4, .05, -.6}
	if rows == 3 {
		weights, slope = []float32{.5, -.2, -.3, .1, .8, .4}, []float32{.1, .4, -.2, .05, .3, -.6}
	}
	copy(w.Data, weights)
	copy(b.Data, []float32{.05, -.15})
	s, err := NewSlab([]nn.Param{
		{Name: "b", Tensor: b, Group: 0}, {Name: "w", Tensor: w, Decay: true, Group: 1}, {Name: "last", Tensor: last, Group: 2}})
	if err != nil {
		t.Fatal(err)
	}
	o := settings.New(s)
	rates := []float64{.1, .1, 0}
	for _, scale := range []float32{1, -.5, 2} {
		copy(b.Grad, []float32{.7, -.01})
		copy(w.Grad, slope)
		s.Updates[0]++
		s.Updates[1]++
		o.Update(rates, scale)
	}
	if a, ok := o.(Averager); ok {
		a.SwapAverage()
	}
	return s
}

func near(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 2e-6 {
			t.Errorf("%s is %v, want %v", name, got, want)
			return
		}
	}
}

// TestNTASGD: averaging begins at the first evaluation that is worse than the
// best of those more than Patience before.
func TestNTASGD(t *testing.T) {
	s, err := NewSlab([]nn.Param{{Name: "w", Tensor: tensor.Param(3)}})
	if err != nil {
		t.Fatal(err)
	}
	o := (&ASGD{Patience: 2}).New(s).(*asgd)
	for i, nll := range []float64{5, 4, 3.5, 3.6, 3.7, 3.8} {
		o.Observe(nll)
		// 3.7 is compared with min(5, 4); 3.8 with min(5, 4, 3.5)
		if want := i >= 5; o.state.On != want {
			t.Errorf("after evaluation %d: averaging is %v, want %v", i, o.state.On, want)
		}
	}
}

// TestAveraged: the average of equal weights is those weights, from the first
// update on, and swapping twice changes nothing.
func TestAveraged(t *testing.T) {
	w := tensor.Param(5)
	s, err := NewSlab([]nn.Param{{Name: "w", Tensor: w}})
	if err != nil {
		t.Fatal(err)
	}
	o := (&Averaged{OptimizerSettings: &SGD{}, Keep: .5}).New(s).(*averaged)
	o.SwapAverage()                                   // nothing to swap yet
	for i, want := range []float32{-1, -1.5, -2.25} { // means of -1; -1, -2; then half of -1.5 and -3
		for j := range w.Grad {
			w.Grad[j] = 1
		}
		s.Updates[0]++
		o.Update([]float64{1}, 1)
		last := slices.Clone(w.Data)
		o.SwapAverage()
		if w.Data[4] != want {
			t.Errorf("update %d: average %g, want %g", i, w.Data[4], want)
		}
		o.SwapAverage()
		if !slices.Equal(w.Data, last) {
			t.Error("swapping twice changed the weights")
		}
	}
}

func TestTiedWeightsOnce(t *testing.T) {
	w := tensor.Param(4)
	s, err := NewSlab([]nn.Param{{Name: "wte", Tensor: w}, {Name: "head", Tensor: w}})
	if err != nil || len(s.Params) != 1 || s.Trains() != 4 {
		t.Errorf("params %d, error %v", len(s.Params), err)
	}
	if _, err := NewSlab([]nn.Param{{Name: "a", Tensor: w}, {Name: "a", Tensor: tensor.Param(1)}}); err == nil {
		t.Error("two parameters of one name were accepted")
	}
}
