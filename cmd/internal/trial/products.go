package trial

import (
	"strings"
	"time"

	"fragua/model/kernel"
	"fragua/model/kernel/gemm"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// Products times the matrix products of a step by themselves, the best of a few times: the
// least that a step can take with these kernels. An lstm's recurrent products are done in
// another shape and left out.
func (t *Trial) Products() (wall, cpu time.Duration) {
	type shape struct{ rows, in, out int }
	count := map[shape]int{}
	for _, p := range t.Model.Params() {
		s := shape{t.Work.IDs(), p.Cols(), p.Rows()}
		switch {
		case p.Tensor == t.Model.Head(): // is done for some rows at a time
			s.rows = tensor.HeadRows(s.rows, s.out)
			count[s] += t.Work.IDs() / s.rows
		case product(p):
			count[s]++
		}
	}
	bf16 := t.Work.Precision == "bf16"
	for s, n := range count {
		x, w, y := small(s.rows*s.in), small(s.in*s.out), small(s.rows*s.out)
		w1, c1 := bestOf(3, func() {
			kernel.Gemm(gemm.Args{Op: gemm.NT, M: s.rows, N: s.out, K: s.in, A: x, B: w, C: y, BF16: bf16})
		})
		w2, c2 := bestOf(3, func() {
			kernel.Gemm(gemm.Args{Op: gemm.NN, M: s.rows, N: s.in, K: s.out, A: y, B: w, C: x, BF16: bf16})
		})
		w3, c3 := bestOf(3, func() {
			kernel.Gemm(gemm.Args{Op: gemm.TN, M: s.out, N: s.in, K: s.rows, A: y, B: x, C: w, Acc: true, BF16: bf16})
		})
		wall += time.Duration(n) * (w1 + w2 + w3)
		cpu += time.Duration(n) * (c1 + c2 + c3)
	}
	return wall, cpu
}

// Peak measures what n workers can do at most, in FLOP/s, of what the products of the precision
// are made of: pairs of bf16 where the CPU multiplies them, else f32. It is 0 where that is not known.
func (w Work) Peak(n int) (flops float64, of string) {
	if w.Precision == "bf16" {
		if flops = kernel.Peak(n, true); flops > 0 {
			return flops, "bf16"
		}
	}
	return kernel.Peak(n, false), "f32"
}

// product reports whether a parameter multiplies all rows of a step at once.
func product(p nn.Param) bool {
	return len(p.Shape) == 2 && p.Group > 0 && !strings.HasSuffix(p.Name, "weight_hh")
}

// bestOf is the least wall and processor time of f, after a first time that does not count.
func bestOf(times int, f func()) (wall, cpu time.Duration) {
	f()
	for i := range times {
		w, c := time.Now(), ProcessorTime()
		f()
		tw, tc := time.Since(w), ProcessorTime()-c
		if i == 0 || tw < wall {
			wall = tw
		}
		if i == 0 || tc < cpu {
			cpu = tc
		}
	}
	return wall, cpu
}

// small returns n numbers that no product takes out of range.
func small(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1e-3
	}
	return x
}
