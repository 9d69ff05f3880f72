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
	Parallel(rows, rowGrain(16*n), func(lo, hi int) {
		t := borrow(n)
		defer giveBack(t)
		for r := lo; r < hi; r++ {
			g, d := gates[r*4*n:(r+1)*4*n], dgates[r*4*n:(r+1)*4*n]
			active.tanh(t, c[r*n:(r+1)*n])
			for j := range n {
				i, f, z, o, th, dy := g[j], g[n+j], g[2*n+j], g[3*n+j], t[j], dh[r*n+j]
				back := float32(float32(dy*o) * (1 - float32(th*th)))
				if dc != nil {
					back += dc[r*n+j]
				}
				prev := float32(0)
				if cPrev != nil {
					prev = cPrev[r*n+j]
				}
				d[j] = float32(back*z) * float32(i*(1-i))
				d[n+j] = float32(back*prev) * float32(f*(1-f))
				d[2*n+j] = float32(back*i) * (1 - float32(z*z))
				d[3*n+j] = float32(dy*th) * float32(o*(1-o))
				if dcPrev != nil {
					dcPrev[r*n+j] = back * f
				}
			}
		}
	})
}
