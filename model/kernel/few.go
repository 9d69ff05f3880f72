package kernel

import "fragua/model/kernel/par"

// chunkOf is how many of a matrix' rows, of so many bytes, a worker takes at a time to multiply n
// rows with: enough to be read at full speed, and few enough for all workers to be done at the
// same time. Where arithmetic takes as long as reading, they are more: a chunk begins with what
// nobody asked the memory for in advance.
func chunkOf(n, rows, bytes int) int {
	least, most, parts := 1<<14, 1<<17, 16
	if n > 6 {
		most, parts = 1<<20, 8
	}
	chunk := min(most, max(least, rows*bytes/parts))
	return max(4, (chunk/max(1, bytes)+3)/4*4)
}

// A fewCall is a product of few rows with weights; a chunk is columns of y.
type fewCall struct {
	y, act, x, w, bias []float32
	n, rows, cols      int      // y is n × rows, x is n × cols
	narrow             *Weights // instead of w
	in                 input    // instead of x, with narrow
}

var fewCalls par.CallPool[fewCall, *fewCall]

// run computes all columns of y; a column reads so many bytes of weights.
func (c fewCall) run(bytes int) { fewCalls.Run(c.rows, chunkOf(c.n, c.rows, bytes), c) }

// chunk computes columns [lo, hi) of y, and of act, unless it is nil, GELU of them.
func (c *fewCall) Chunk(lo, hi int) {
	if w := c.narrow; w != nil {
		active.narrow(w, c.y, &c.in, c.n, lo, hi)
	} else {
		active.few(c.n, hi-lo, c.cols, c.x, c.cols, c.w[lo*c.cols:], c.cols, c.y[lo:], c.rows, 0, nil)
	}
	for i := range c.n {
		row := c.y[i*c.rows+lo : i*c.rows+hi]
		if w := c.narrow; w != nil && w.scales != nil {
			active.mul(row, row, w.scales[lo:hi])
			active.scale(row, c.in.scales[i])
		}
		if c.bias != nil {
			active.addTo(row, c.bias[lo:hi])
		}
		if c.act != nil {
			active.gelu(c.act[i*c.rows+lo:i*c.rows+hi], row)
		}
	}
}

// dots is A·Bᵀ for few rows of A: each row of B is read once, where it lies. It adds in another
// order than the kernels on panels.
func (g *product) dots() {
	g.run(g.n, chunkOf(g.m, g.n, 4*g.k), (*product).dotColumns)
}

func (g *product) dotColumns(j0, j1 int) {
	acc := 0
	if g.acc {
		acc = 1
	}
	g.level.few(g.m, j1-j0, g.k, g.a, g.lda, g.b[j0*g.ldb:], g.ldb, g.c[j0:], g.ldc, acc, nil)
	g.finish(0, g.m, j0, j1)
}

// fewPlain sets C (m×n) to X·Wᵀ, or with acc adds it, four rows of W side by side.
func fewPlain(m, n, k int, x []float32, ldx int, w []float32, ldw int, c []float32, ldc, acc int, _ []float32) {
	for i := range m {
		x := x[i*ldx:][:k]
		for j := 0; j < n; j += 4 {
			var sums [4]float32
			if n-j >= 4 {
				a, b, d, e := w[j*ldw:][:k], w[(j+1)*ldw:][:k], w[(j+2)*ldw:][:k], w[(j+3)*ldw:][:k]
				for q, v := range x {
					sums[0] += float32(v * a[q])
					sums[1] += float32(v * b[q])
					sums[2] += float32(v * d[q])
					sums[3] += float32(v * e[q])
				}
			} else {
				for r := range n - j {
					for q, v := range w[(j+r)*ldw:][:k] {
						sums[r] += float32(v * x[q])
					}
				}
			}
			for r, s := range sums[:min(4, n-j)] {
				if acc != 0 {
					s += c[i*ldc+j+r]
				}
				c[i*ldc+j+r] = s
			}
		}
	}
}
