package kernel

import "fragua/model/kernel/par"

// SSRU is the simpler simple recurrent unit (Kim et al. 2019, section 3.1) over steps of rows of
// width n, (rows × steps × n) each: c = f·c of the step before + (1 − f)·x, from start (rows × n;
// nil: zeros). f is the forget gate, after its sigmoid.
func SSRU(c, f, x, start []float32, steps, n int) {
	rows := rowsOf("SSRU", len(c), steps*n)
	same("SSRU", len(c), len(f), len(x))
	if start != nil {
		same("SSRU", rows*n, len(start))
	}
	par.For(rows, par.RowGrain(steps*n), func(lo, hi int) {
		zeros := make([]float32, n)
		for r := lo; r < hi; r++ {
			before := zeros
			if start != nil {
				before = start[r*n:][:n]
			}
			for at := r * steps * n; at < (r+1)*steps*n; at += n {
				y, g, z := c[at:][:n], f[at:][:n], x[at:][:n]
				for j, p := range before {
					y[j] = z[j] + float32(g[j]*(p-z[j]))
				}
				before = y
			}
		}
	})
}

// SSRUGrad adds the gradients of f and x to df and dx, given c and its gradient dc, from zeros at
// the start.
func SSRUGrad(df, dx, c, f, x, dc []float32, steps, n int) {
	rows := rowsOf("SSRUGrad", len(c), steps*n)
	same("SSRUGrad", len(c), len(f), len(x), len(dc), len(df), len(dx))
	par.For(rows, par.RowGrain(steps*n), func(lo, hi int) {
		zeros, back := make([]float32, n), make([]float32, n)
		for r := lo; r < hi; r++ {
			clear(back)
			first := r * steps * n
			for at := first + (steps-1)*n; at >= first; at -= n {
				before := zeros
				if at > first {
					before = c[at-n:][:n]
				}
				g, z, d, gf, gx := f[at:][:n], x[at:][:n], dc[at:][:n], df[at:][:n], dx[at:][:n]
				for j, p := range before {
					t := d[j] + back[j]
					gf[j] += float32(t * (p - z[j]))
					gx[j] += t - float32(t*g[j])
					back[j] = t * g[j]
				}
			}
		}
	})
}
