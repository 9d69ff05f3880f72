package kernel

import "fragua/model/kernel/par"

// LSTMCell is one step of a long short-term memory (Hochreiter and Schmidhuber 1997, with
// forget gates) for rows of width n. gates (rows × 4n) holds the sums before activation,
// in PyTorch's order input, forget, cell, output, and is overwritten with what they
// become; c = f·cPrev + i·z and h = o·tanh c (rows × n).
func LSTMCell(h, c, gates, cPrev []float32, n int) {
	rows := rowsOf("LSTMCell", len(h), n)
	same("LSTMCell", len(h), len(c), len(gates)/4, len(cPrev))
	cells.Run(rows, par.RowGrain(16*n), cell{active.lstmCell, h, c, gates, cPrev, n})
}

type cell struct {
	f                  func(h, c, gates, cPrev []float32)
	h, c, gates, cPrev []float32
	n                  int
}

var cells par.CallPool[cell, *cell]

func (l *cell) Chunk(lo, hi int) {
	n := l.n
	for r := lo; r < hi; r++ {
		l.f(l.h[r*n:(r+1)*n], l.c[r*n:(r+1)*n], l.gates[r*4*n:(r+1)*4*n], l.cPrev[r*n:(r+1)*n])
	}
}

// LSTMCellGrad goes back through LSTMCell, in place: gates, as LSTMCell left them, become
// the gradients of the sums before activation, and dc, the gradient of c by way of the next
// step, becomes that of cPrev. The gradient of h is dy, from above, plus dh, from the next
// step.
func LSTMCellGrad(gates, dc, c, cPrev, dy, dh []float32, n int) {
	rows := rowsOf("LSTMCellGrad", len(c), n)
	same("LSTMCellGrad", len(c), len(gates)/4, len(dc), len(cPrev), len(dy), len(dh))
	cellGrads.Run(rows, par.RowGrain(16*n), cellGrad{active.lstmCellGrad, gates, dc, c, cPrev, dy, dh, n})
}

type cellGrad struct {
	f                           func(gates, dc, c, cPrev, dy, dh []float32)
	gates, dc, c, cPrev, dy, dh []float32
	n                           int
}

var cellGrads par.CallPool[cellGrad, *cellGrad]

func (l *cellGrad) Chunk(lo, hi int) {
	for r := lo; r < hi; r++ {
		at, end := r*l.n, (r+1)*l.n
		l.f(l.gates[4*at:4*end], l.dc[at:end], l.c[at:end], l.cPrev[at:end], l.dy[at:end], l.dh[at:end])
	}
}

func lstmCellPlain(h, c, gates, cPrev []float32) {
	n := len(h)
	gi, gf, gz, g := gates[:n], gates[n:][:n], gates[2*n:][:n], gates[3*n:][:n]
	for j, p := range cPrev {
		i, f, z, o := sigmoid32(gi[j]), sigmoid32(gf[j]), tanh32(gz[j]), sigmoid32(g[j])
		gi[j], gf[j], gz[j], g[j] = i, f, z, o
		c[j] = float32(i*z) + float32(f*p)
		h[j] = o * tanh32(c[j])
	}
}

func lstmCellGradPlain(gates, dc, c, cPrev, dy, dh []float32) {
	n := len(c)
	gi, gf, gz, g := gates[:n], gates[n:][:n], gates[2*n:][:n], gates[3*n:][:n]
	for j, p := range cPrev {
		i, f, z, o := gi[j], gf[j], gz[j], g[j]
		t, d := tanh32(c[j]), dy[j]+dh[j]
		back := float32(float32(d*o)*(1-float32(t*t))) + dc[j]
		gi[j] = float32(back*z) * float32(i*(1-i))
		gf[j] = float32(back*p) * float32(f*(1-f))
		gz[j] = float32(back*i) * (1 - float32(z*z))
		g[j] = float32(d*t) * float32(o*(1-o))
		dc[j] = back * f
	}
}
