package kernel

// LSTMCell is one step of a long short-term memory (Hochreiter and Schmidhuber 1997, with
// forget gates) for rows of width n. gates (rows × 4n) holds the sums before activation,
// in PyTorch's order input, forget, cell, output, and is overwritten with what they
// become; c = f·cPrev + i·g and h = o·tanh c (rows × n). A nil cPrev is 0.
func LSTMCell(h, c, gates, cPrev []float32, n int) {
	rows := rowsOf("LSTMCell", len(h), n)
	same("LSTMCell", len(h), len(c), len(gates)/4)
	if cPrev != nil {
		same("LSTMCell", len(h), len(cPrev))
	}
	Parallel(rows, rowGrain(16*n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			g, h, c := gates[r*4*n:(r+1)*4*n], h[r*n:(r+1)*n], c[r*n:(r+1)*n]
			active.sigmoid(g[:2*n], g[:2*n])
			active.tanh(g[2*n:3*n], g[2*n:3*n])
			active.sigmoid(g[3*n:], g[3*n:])
			active.mul(c, g[:n], g[2*n:3*n])
			if cPrev != nil {
				active.mul(h, g[n:2*n], cPrev[r*n:(r+1)*n])
				active.addTo(c, h)
			}
			active.tanh(h, c)
			active.mul(h, h, g[3*n:])
		}
	})
}

// LSTMCellGrad goes back through LSTMCell. It sets dgates (rows × 4n), the gradient of the
// sums before activation, and dcPrev, from dh and dc, the gradients of h and of c by way
// of the next step (nil: 0). dcPrev may be dc or nil.
func LSTMCellGrad(dgates, dcPrev, gates, c, cPrev, dh, dc []float32, n int) {
	rows := rowsOf("LSTMCellGrad", len(dh), n)
	same("LSTMCellGrad", len(gates), len(dgates), 4*len(dh), 4*len(c))
	for _, optional := range [][]float32{dcPrev, cPrev, dc} {
		if optional != nil {
			same("LSTMCellGrad", len(dh), len(optional))
		}
	}
	Parallel(rows, rowGrain(16*n), func(lo, hi int) {
		spare := borrow(3 * n)
		defer giveBack(spare)
		tanh, zero, unused := spare[:n], spare[n:2*n], spare[2*n:]
		clear(zero)
		row := func(x []float32, r int, otherwise []float32) []float32 {
			if x == nil {
				return otherwise
			}
			return x[r*n : (r+1)*n]
		}
		for r := lo; r < hi; r++ {
			active.tanh(tanh, c[r*n:(r+1)*n])
			lstmGradRow(dgates[r*4*n:(r+1)*4*n], row(dcPrev, r, unused), gates[r*4*n:(r+1)*4*n],
				tanh, row(cPrev, r, zero), dh[r*n:(r+1)*n], row(dc, r, zero))
		}
	})
}

// lstmGradRow goes back through one row, whose cell's tanh is given.
func lstmGradRow(dgates, dcPrev, gates, tanh, cPrev, dh, dc []float32) {
	n := len(tanh)
	di, df, dz, do := dgates[:n], dgates[n:][:n], dgates[2*n:][:n], dgates[3*n:][:n]
	gi, gf, gz, g := gates[:n], gates[n:][:n], gates[2*n:][:n], gates[3*n:][:n]
	dcPrev, cPrev, dh, dc = dcPrev[:n], cPrev[:n], dh[:n], dc[:n]
	for j, t := range tanh {
		i, f, z, o, dy := gi[j], gf[j], gz[j], g[j], dh[j]
		back := float32(float32(dy*o)*(1-float32(t*t))) + dc[j]
		di[j] = float32(back*z) * float32(i*(1-i))
		df[j] = float32(back*cPrev[j]) * float32(f*(1-f))
		dz[j] = float32(back*i) * (1 - float32(z*z))
		do[j] = float32(dy*t) * float32(o*(1-o))
		dcPrev[j] = back * f
	}
}
