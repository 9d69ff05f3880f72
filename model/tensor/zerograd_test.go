package tensor

import (
	"math"
	"slices"
	"testing"
)

// What a renewed gradient held must not show, whatever adds to it first.
func TestZeroGrad(t *testing.T) {
	nan := float32(math.NaN())
	build := func() (params []*Tensor, step func(tp *Tape)) {
		table, gain, bias, w1, b1, w2 := Param(9, 4), Param(4), Param(4), Param(8, 4), Param(8), Param(4, 8)
		unused := Param(3)
		params = []*Tensor{table, gain, bias, w1, b1, w2, unused}
		for i, p := range params {
			for j := range p.Data {
				p.Data[j] = float32(math.Sin(float64(10*i + j + 1)))
			}
		}
		return params, func(tp *Tape) {
			x := tp.Rows(table, []int32{1, 2, 3, 2, 8})
			h := tp.LinearGELU(tp.LayerNorm(x, gain, bias, 1e-5), w1, b1)
			x = tp.AddTo(tp.Linear(h, w2, nil), x)
			loss, _, _ := tp.HeadLoss(x, table, []int32{0, -1, 3, 4, 5}, HeadOptions{})
			tp.Backward(loss)
		}
	}
	params, step := build()
	tp := NewTape(1)
	step(tp)
	step(tp)
	var want [][]float32
	for _, p := range params {
		want = append(want, slices.Clone(p.Grad))
	}
	params, step = build()
	for _, p := range params {
		for i := range p.Grad {
			p.Grad[i] = nan
		}
		p.ZeroGrad()
	}
	step(tp)
	step(tp)
	for i, p := range params {
		p.FlushGrad()
		if !slices.Equal(p.Grad, want[i]) {
			t.Errorf("parameter %d: gradient is %v, want %v", i, p.Grad, want[i])
		}
		p.FlushGrad()
		if !slices.Equal(p.Grad, want[i]) {
			t.Errorf("parameter %d: settling twice changed its gradient", i)
		}
	}
}

func TestReserveSparesTheFirstPass(t *testing.T) {
	x, w1, w2 := From(make([]float32, 64*32), 64, 32), Param(32, 32), Param(50, 32)
	tp := NewTape(1)
	tp.Backward(mlp(tp, x, w1, w2, make([]int32, 64)))
	slab := len(tp.arena.slab)
	again := NewTape(1)
	again.Reserve(int64(4 * slab))
	first := &again.arena.slab[0]
	again.Backward(mlp(again, x, w1, w2, make([]int32, 64)))
	if &again.arena.slab[0] != first {
		t.Errorf("%d floats were reserved, now there is another slab of %d", slab, len(again.arena.slab))
	}
	again.Reserve(4)
	if &again.arena.slab[0] != first {
		t.Error("reserving less threw the slab away")
	}
}
